//! `escalator store copy`, table by table, whatever the last migration added: every column is carried, none is mixed with
//! what the target has, and nobody comes in between.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};
use std::time::Duration;

use escalator::clock::Millis;
use escalator::store::{OpenError, Store};
use rusqlite::Connection;
use tokio_postgres::Client;

use crate::database;
use crate::program::Place;

/// Of the process and not of the work; a copy leaves it behind.
const LEFT_BEHIND: &str = "heartbeat";

/// A table's name, and its columns, in SQL and each as text.
struct Table {
    name: String,
    columns: Vec<(String, Kind)>,
}

enum Kind {
    Number,
    Text,
}

impl Table {
    /// Reads all rows, each column as text. Both engines understand it.
    fn select(&self) -> String {
        let columns: Vec<_> =
            self.columns.iter().map(|(column, _)| format!("CAST({column} AS TEXT)")).collect();
        format!("SELECT {} FROM {} ORDER BY 1, 2", columns.join(", "), self.name)
    }
}

/// What the file itself says that it has.
fn tables(file: &Connection) -> Vec<Table> {
    let names =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid";
    let names: Vec<String> =
        file.prepare(names).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let columns = |name: &str| {
        let mut columns = file.prepare("SELECT name, type FROM pragma_table_info(?1)").unwrap();
        let columns = columns.query_map([name], |row| {
            let kind = if row.get::<_, String>(1)? == "TEXT" { Kind::Text } else { Kind::Number };
            Ok((row.get(0)?, kind))
        });
        columns.unwrap().map(Result::unwrap).collect()
    };
    let tables = names.into_iter().filter(|name| name != LEFT_BEHIND);
    tables.map(|name| Table { columns: columns(&name), name }).collect()
}

/// Puts a row into every table where no column has the value that it would have by itself.
fn fill(file: &Connection, tables: &[Table]) {
    for table in tables {
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        for (place, (column, kind)) in table.columns.iter().enumerate() {
            columns.push(column.as_str());
            values.push(match (column.as_str(), kind) {
                ("id" | "ledger_id", _) => "40".to_owned(),
                (_, Kind::Number) => (50 + place).to_string(),
                // With each character that means something where lines are copied.
                (_, Kind::Text) => format!("'{} \\N' || char(9, 10, 13) || '{column}'", table.name),
            });
        }
        let insert =
            format!("INSERT INTO {} ({}) VALUES ({})", table.name, columns.join(", "), values.join(", "));
        file.execute_batch(&insert).unwrap();
    }
}

/// A place with a SQLite store where every table has a row, and the way into its file.
fn filled() -> (Place, Connection, Vec<Table>) {
    let place = Place::new();
    place.run(&["store", "migrate"]).success();
    let file = Connection::open(place.path("escalator.db")).unwrap();
    let tables = tables(&file);
    fill(&file, &tables);
    (place, file, tables)
}

#[tokio::test]
async fn a_copy_holds_every_column_of_every_table() {
    let (place, file, tables) = filled();
    let (url, client) = database::create().await;
    let run = place.run(&["store", "copy", "--to", &url]);
    assert_eq!(run.code, 0, "{}", run.err);
    for table in tables {
        let select = table.select();
        let row = |place| file.query_row(&select, [], |row| row.get::<_, Option<String>>(place)).unwrap();
        let copied = client.query_one(&select, &[]).await.unwrap();
        for (place, (column, _)) in table.columns.iter().enumerate() {
            assert_eq!(copied.get::<_, Option<String>>(place), row(place), "{}.{column}", table.name);
        }
    }
}

#[tokio::test]
async fn a_copy_is_refused_whichever_table_of_the_target_holds_something() {
    let (place, _file, tables) = filled();
    let (url, client) = database::create().await;
    let copy = || place.run(&["store", "copy", "--to", &url]);
    assert_eq!(copy().code, 0);
    // Ledgers are for ever, except for whoever owns the database and means it.
    client.batch_execute("SET session_replication_role = replica").await.unwrap();
    let mut named = BTreeSet::new();
    for _ in &tables {
        let run = copy();
        let (_, named_and_more) = run.err.split_once("the target's table ").unwrap();
        let (name, _) = named_and_more.split_once(" is not empty").unwrap();
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{}", run.err);
        client.batch_execute(&format!("DELETE FROM {name}")).await.unwrap();
        named.insert(name.to_owned());
    }
    assert_eq!(named, tables.into_iter().map(|table| table.name).collect());
    assert_eq!(copy().code, 0);
}

/// Whether the copy waits for another session; not any more when it has ended.
async fn waits(client: &Client, copying: &mut Child) -> bool {
    let waiting =
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while copying.try_wait().unwrap().is_none() {
        // Within a transaction, what was seen first would be seen again.
        client.batch_execute("SELECT pg_stat_clear_snapshot()").await.unwrap();
        if !client.query(waiting, &[]).await.unwrap().is_empty() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    false
}

#[tokio::test]
async fn during_a_copy_nobody_writes_to_its_target_and_nobody_serves_from_its_source() {
    let (place, _file, _) = filled();
    let (url, client) = database::create().await;
    let target = place.command(&["store", "migrate"]).env("ESCALATOR__STORE__URL", &url).status().unwrap();
    assert!(target.success());
    // Not there for anybody else yet, and about to be.
    let write = "BEGIN; INSERT INTO own_bot (user_id, since) VALUES (7, 0)";
    client.batch_execute(write).await.unwrap();
    let mut copying = place.command(&["store", "copy", "--to", &url]);
    let mut copying = copying.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    assert!(waits(&client, &mut copying).await, "it waits until the other one has written");
    let served = Store::open(&place.path("escalator.db"), Millis(0)).err().unwrap();
    assert!(matches!(served, OpenError::InUse(_)), "{served}");

    client.batch_execute("COMMIT").await.unwrap();
    let copied = copying.wait_with_output().unwrap();
    let said = String::from_utf8(copied.stderr).unwrap();
    assert_eq!(copied.status.code(), Some(1), "{said}");
    assert!(said.contains("table own_bot is not empty"), "{said}");
}
