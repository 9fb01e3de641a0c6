//! Why `serve` does not start. The exit code says whose turn it is: 2, the configuration's; 1, that of the world around.
//! Where the log is JSON, so is the reason.

use crate::database;
use crate::program::Place;

/// Ready to serve from this store.
fn place(store_url: &str) -> Place {
    Place::ready_to_serve().variable("ESCALATOR__STORE__URL", store_url)
}

/// A database with the schema of this program, and what was done to that.
async fn database_after(change: &str) -> String {
    let (url, client) = database::create().await;
    place(&url).run(&["store", "migrate"]).success();
    client.batch_execute(change).await.unwrap();
    url
}

#[track_caller]
fn refuses(place: &Place, code: i32, because: &str) {
    let (ended, reason) = place.refusal();
    assert!(ended == code && reason.contains(because), "{ended}: {reason}");
}

#[test]
fn a_mistake_in_the_configuration_is_2() {
    for (name, value, because) in [
        ("ESCALATOR__STORE__URL", "mysql://db/escalator", "store.url must be sqlite:// and a path"),
        ("ESCALATOR__STORE__URL", "postgres://db:port/x", "store.url is no address of PostgreSQL"),
        ("ESCALATOR__STORE__URL", "postgres:///x", "store.url must name a host"),
        ("ESCALATOR__STORE__URL_FILE", "missing", "store.url_file names missing, which cannot be read"),
        ("ESCALATOR__GITLAB__URL", "gitlab", "gitlab.url"),
        ("ESCALATOR__COMMENT__TEMPLATES", "missing", "comment.templates: is not a folder"),
    ] {
        refuses(&Place::ready_to_serve().variable(name, value), 2, because);
    }
}

#[test]
fn mistakes_that_are_found_together_are_one_line_of_the_log() {
    let place = place("mysql://db/escalator").without("ESCALATOR__GITLAB__TOKEN");
    let (code, reason) = place.refusal();
    assert_eq!((code, reason.lines().count()), (2, 2), "{reason}");
}

#[test]
fn a_configuration_that_cannot_be_read_is_2_and_told_as_text() {
    let unknown = Place::ready_to_serve().variable("ESCALATOR__MOOD", "good");
    let broken = Place::with_file("log.format = \"json\"\nmode = ");
    for place in [unknown, broken] {
        let run = place.run(&["serve"]);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.err);
        assert!(run.err.lines().all(|line| line.starts_with("escalator: ")), "{}", run.err);
    }
}

#[test]
fn where_the_log_is_text_the_reason_is_too() {
    let place = place("postgres://escalator:canary@127.0.0.1:9/x").variable("ESCALATOR__LOG__FORMAT", "text");
    let run = place.run(&["serve"]);
    assert_eq!((run.code, run.out.as_str()), (1, ""), "{}", run.err);
    assert!(run.err.starts_with("escalator: the PostgreSQL of store.url cannot be used: "), "{}", run.err);
    assert!(!run.err.contains("canary"), "{}", run.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_will_not_do_is_1() {
    refuses(&place("postgres://postgres@127.0.0.1:9/x"), 1, "check that PostgreSQL runs and can be reached");
    let (url, client) = database::create().await;
    refuses(
        &place(&format!("{url}?options=-c%20default_transaction_read_only%3Don")),
        1,
        "let store.url name the primary server",
    );
    // It comes before PostgreSQL's own only where the search path says so.
    let old = "CREATE SCHEMA old; CREATE FUNCTION old.current_setting(name text) RETURNS text LANGUAGE sql AS $$ SELECT
               CASE name WHEN 'server_version_num' THEN '120022' ELSE pg_catalog.current_setting(name) END $$";
    client.batch_execute(old).await.unwrap();
    refuses(
        &place(&format!("{url}?options=-c%20search_path%3Dold,pg_catalog")),
        1,
        "it is PostgreSQL 12, and 13 is the oldest that will do",
    );
    client.batch_execute("CREATE TABLE queue (recipe TEXT)").await.unwrap();
    refuses(&place(&url), 1, "holds another program's table queue");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_newer_or_not_whole_is_1() {
    for (change, because) in [
        ("UPDATE escalator_schema SET version = 99, oldest_reader = 99", "has schema version 99"),
        ("ALTER TABLE followed DROP COLUMN hands", "is not whole: PostgreSQL says: column \"hands\""),
        ("DROP TABLE ledger_cause", "is not whole: PostgreSQL says: relation \"ledger_cause\""),
        ("DELETE FROM escalator_schema", "is not whole: escalator_schema must hold one row"),
    ] {
        refuses(&place(&database_after(change).await), 1, because);
    }
}

#[test]
fn a_file_of_a_newer_version_is_1() {
    let place = Place::ready_to_serve();
    let newer = rusqlite::Connection::open(place.path("escalator.db")).unwrap();
    newer.execute_batch("CREATE TABLE other (a); PRAGMA user_version = 99").unwrap();
    drop(newer);
    refuses(&place, 1, "escalator.db has schema version 99");
}
