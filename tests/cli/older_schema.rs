//! Commands that work beside a service, on a store that an older version made: they change nothing and say what to do.

use escalator::store::{Migrated, Store};

use crate::database::{self, FIRST_SCHEMA, make_first_schema};
use crate::program::Place;

const COMMANDS: [&[&str]; 6] = [
    &["agreement"],
    &["parked", "list"],
    &["parked", "drop", "--all"],
    &["resume"],
    &["undo", "--since", "1h", "--dry-run"],
    &["undo", "--since", "1h"],
];
/// Makes a schema where there is none, and leaves an older one alone too.
const SETUP: &[&str] = &["setup"];
const UP_TO_DATE: &str = "The schema was brought from version 1 to version ";

fn place() -> Place {
    Place::ready_to_serve()
        .variable("ESCALATOR__GITLAB__GROUPS", "acme")
        .variable("ESCALATOR__WEBHOOK__URL", "https://escalator.example.com/webhooks/gitlab")
}

/// Each refuses this place, whose schema has this version, with the remedy.
fn assert_refused(place: &Place, version: i64) {
    for command in COMMANDS.into_iter().chain((version > 0).then_some(SETUP)) {
        let run = place.run(command);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{command:?}: {}", run.err);
        for part in [format!("schema version {version}, and this"), "escalator store migrate".to_owned()] {
            assert!(run.err.contains(&part), "{command:?}: {}", run.err);
        }
    }
}

/// The remedy helps.
fn assert_helped(place: &Place, said: &str) {
    let migrated = place.run(&["store", "migrate"]).success();
    assert!(migrated.starts_with(said), "{migrated}");
    assert_eq!(place.run(&["parked", "list"]).success(), "Nothing is parked.\n");
    assert_eq!(place.run(&["agreement"]).success(), "Nothing is decided yet.\n");
}

#[test]
fn an_older_file_is_refused_and_not_touched() {
    let place = place();
    let path = place.path("escalator.db");
    let older = rusqlite::Connection::open(&path).unwrap();
    older.execute_batch(include_str!("../../src/store/sqlite/schema.sql")).unwrap();
    older.execute_batch("PRAGMA user_version = 1").unwrap();
    drop(older);
    let before = std::fs::read(&path).unwrap();
    assert_refused(&place, 1);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_helped(&place, UP_TO_DATE);
}

#[tokio::test]
async fn an_older_database_is_refused_and_not_touched() {
    let (url, client) = database::create().await;
    let place = place().variable("ESCALATOR__STORE__URL", &url);
    make_first_schema(&client).await;
    assert_refused(&place, 1);
    let tables = "SELECT FROM pg_tables WHERE schemaname = 'public'";
    let first = FIRST_SCHEMA.matches("CREATE TABLE").count() + 1;
    assert_eq!(client.query(tables, &[]).await.unwrap().len(), first);
    assert_helped(&place, UP_TO_DATE);
}

#[tokio::test]
async fn an_empty_database_is_refused_and_stays_empty() {
    let (url, client) = database::create().await;
    let place = place().variable("ESCALATOR__STORE__URL", &url);
    assert_refused(&place, 0);
    let tables = client.query("SELECT FROM pg_tables WHERE schemaname = 'public'", &[]).await;
    assert!(tables.unwrap().is_empty());
    assert_helped(&place, "The schema was made, version ");
}

/// Replicas are replaced one after the other, and a person may look with the older program.
#[tokio::test]
async fn a_newer_database_that_this_version_can_read_is_used_as_it_is() {
    let (url, client) = database::create().await;
    let Migrated { to: known, .. } = Store::migrate(&url).await.unwrap();
    client.batch_execute("UPDATE escalator_schema SET version = version + 1").await.unwrap();
    let place = place().variable("ESCALATOR__STORE__URL", &url);
    assert_eq!(place.run(&["parked", "list"]).success(), "Nothing is parked.\n");
    client.batch_execute("UPDATE escalator_schema SET oldest_reader = version").await.unwrap();
    let refused = place.run(&["parked", "list"]);
    let newer = format!("schema version {}, this escalator knows {known}", known + 1);
    assert!(refused.code == 1 && refused.err.contains(&newer), "{}", refused.err);
}
