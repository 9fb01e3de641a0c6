//! `escalator doctor` on a store in a real PostgreSQL: each state of the schema and of the server, and nothing is changed by
//! looking.

use tokio_postgres::Client;

use crate::clinic::{Clinic, Examined, says};
use crate::database::{self, make_first_schema};

/// A clinic whose store is a database of its own.
async fn clinic() -> (Clinic, String, Client) {
    let (url, client) = database::create().await;
    (Clinic::open().await.set("ESCALATOR__STORE__URL", url.as_str()), url, client)
}

/// Makes the schema, as this program knows it.
fn migrate(clinic: &Clinic) {
    clinic.place.run(&["store", "migrate"]).success();
}

/// What is said where nothing is wrong.
#[track_caller]
fn all_is_well(examined: &Examined) -> String {
    assert_eq!(
        (examined.code, examined.count("ok")),
        (0, examined.findings.len()),
        "{:#?}",
        examined.findings
    );
    examined.said("store", "ok")
}

/// The only trouble is that the store cannot be used, and so nothing is known of what is parked.
#[track_caller]
fn store_fails(examined: &Examined) -> String {
    says(&examined.said("parked", "skipped"), &["the store cannot be used"]);
    examined.only_trouble("store", "fail")
}

/// The names of all tables, and the version of the schema if there is one.
async fn schema(client: &Client) -> (Vec<String>, Option<i32>) {
    let tables = "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1";
    let tables: Vec<String> = client.query(tables, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    let version = match tables.iter().any(|table| table == "escalator_schema") {
        true => Some(client.query_one("SELECT version FROM escalator_schema", &[]).await.unwrap().get(0)),
        false => None,
    };
    (tables, version)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_empty_or_up_to_date_is_fine_and_stays_as_it_is() {
    let (clinic, _, client) = clinic().await;
    says(&all_is_well(&clinic.examine()), &["empty; `escalator serve` makes its schema"]);
    assert_eq!(schema(&client).await, (Vec::new(), None));

    migrate(&clinic);
    let before = schema(&client).await;
    says(&all_is_well(&clinic.examine()), &[&format!("usable; schema version {}", before.1.unwrap())]);
    assert_eq!(schema(&client).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_parked_in_a_database_is_counted() {
    let (clinic, _, client) = clinic().await;
    migrate(&clinic);
    client
        .batch_execute(
            "INSERT INTO queue (project_id, iid, marked_at, due_at, parked_at, parked_reason)
             VALUES (1, 1, 0, 0, 0, 'no role'), (1, 2, 0, 0, 0, 'no role'), (1, 3, 0, 0, NULL, NULL)",
        )
        .await
        .unwrap();
    says(
        &clinic.examine().only_trouble("parked", "warn"),
        &["issues that could not be done: 2", "escalator parked retry --all"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_schema_will_be_brought_up_to_date_and_is_not_yet() {
    let (clinic, _, client) = clinic().await;
    make_first_schema(&client).await;
    let before = schema(&client).await;
    says(
        &all_is_well(&clinic.examine()),
        &["usable; `escalator serve` brings its schema from version 1 to "],
    );
    assert_eq!(schema(&client).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_fine_where_it_says_so_and_named_where_not() {
    let (clinic, _, client) = clinic().await;
    migrate(&clinic);
    client.batch_execute("UPDATE escalator_schema SET version = 99").await.unwrap();
    says(&all_is_well(&clinic.examine()), &["usable; schema version 99"]);
    client.batch_execute("UPDATE escalator_schema SET oldest_reader = 99").await.unwrap();
    says(&store_fails(&clinic.examine()), &["has schema version 99", "run the version that wrote it"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_not_whole_or_not_ours_is_named() {
    let (broken, _, client) = clinic().await;
    migrate(&broken);
    client.batch_execute("DROP TABLE ledger_cause").await.unwrap();
    says(&store_fails(&broken.examine()), &["is not whole", "ledger_cause", "restore the backup"]);

    let (strange, _, client) = clinic().await;
    client.batch_execute("CREATE TABLE queue (recipe TEXT)").await.unwrap();
    says(&store_fails(&strange.examine()), &["another program's table queue", "a schema of its own"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_reached_or_written_is_named() {
    let (clinic, url, _client) = clinic().await;
    let read_only = format!("{url}?options=-c%20default_transaction_read_only%3Don");
    let clinic = clinic.set("ESCALATOR__STORE__URL", read_only);
    says(&store_fails(&clinic.examine()), &["let store.url name the primary server"]);

    let away = "postgres://escalator:canary@127.0.0.1:9/escalator";
    let said = store_fails(&clinic.set("ESCALATOR__STORE__URL", away).examine());
    says(&said, &["check that PostgreSQL runs and can be reached from here"]);
    assert!(!said.contains("canary"), "{said}");
}
