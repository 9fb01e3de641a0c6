//! PostgreSQL's schema: made by whoever comes first, and refused where it is not ours, not whole or too new.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use escalator::store::{Migrated, OpenError, Store};
use tokio_postgres::{Client, NoTls};

use super::postgres;

/// A database, and a connection that does there what Escalator would not.
async fn database() -> (String, Client) {
    let url = postgres::shared().create_database();
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    (url, client)
}

async fn refused(url: &str) -> OpenError {
    Store::connect(url).await.err().unwrap()
}

#[tokio::test]
async fn many_replicas_that_start_at_once_make_one_schema() {
    let (url, client) = database().await;
    let (a, b, c) = tokio::join!(Store::migrate(&url), Store::migrate(&url), Store::migrate(&url));
    let made = [a, b, c].map(Result::unwrap);
    assert_eq!(made.iter().filter(|made| made.from == 0).count(), 1, "{made:?}");
    let rows = client.query("SELECT version FROM escalator_schema", &[]).await.unwrap();
    assert_eq!(rows.len(), 1);
    let version = rows[0].get::<_, i32>(0).into();
    assert_eq!(Store::migrate(&url).await.unwrap(), Migrated { from: version, to: version });
}

#[tokio::test]
async fn another_programs_tables_are_refused_and_not_touched() {
    let (url, client) = database().await;
    client.batch_execute("CREATE TABLE queue (recipe TEXT)").await.unwrap();
    let refused = refused(&url).await;
    assert!(refused.to_string().contains("another program's table queue"), "{refused}");
    client.query("SELECT recipe FROM queue", &[]).await.unwrap();
}

#[tokio::test]
async fn a_schema_of_its_own_beside_another_programs_is_fine() {
    let (url, client) = database().await;
    client.batch_execute("CREATE TABLE queue (recipe TEXT); CREATE SCHEMA escalator").await.unwrap();
    Store::connect(&format!("{url}?options=-c%20search_path%3Descalator")).await.unwrap();
    client.query("SELECT generation FROM escalator.queue", &[]).await.unwrap();
}

#[tokio::test]
async fn a_schema_that_was_restored_in_part_is_refused() {
    let (url, client) = database().await;
    Store::migrate(&url).await.unwrap();
    client.batch_execute("ALTER TABLE followed DROP COLUMN hands").await.unwrap();
    let refused = refused(&url).await;
    assert!(matches!(refused, OpenError::NotWhole { .. }), "{refused}");
    assert!(refused.to_string().contains("hands"), "{refused}");
}

#[tokio::test]
async fn an_older_schema_that_was_restored_in_part_is_refused_and_so_is_one_with_two_versions() {
    let (url, client) = database().await;
    client.batch_execute(&migrations()[0]).await.unwrap();
    client
        .batch_execute(
            "CREATE TABLE escalator_schema (version INTEGER NOT NULL, oldest_reader INTEGER NOT NULL);
             INSERT INTO escalator_schema VALUES (1, 1);
             DROP TABLE echo",
        )
        .await
        .unwrap();
    let torn = refused(&url).await;
    assert!(matches!(torn, OpenError::NotWhole { .. }) && torn.to_string().contains("echo"), "{torn}");

    let (url, client) = database().await;
    Store::migrate(&url).await.unwrap();
    client.batch_execute("INSERT INTO escalator_schema SELECT * FROM escalator_schema").await.unwrap();
    let two = refused(&url).await;
    assert!(two.to_string().contains("escalator_schema must hold one row"), "{two}");
}

#[tokio::test]
async fn a_newer_schema_is_used_if_it_allows_that_and_refused_if_not() {
    let (url, client) = database().await;
    let Migrated { to: known, .. } = Store::migrate(&url).await.unwrap();
    client.batch_execute("UPDATE escalator_schema SET version = version + 1").await.unwrap();
    Store::connect(&url).await.unwrap();
    client.batch_execute("UPDATE escalator_schema SET oldest_reader = version").await.unwrap();
    let refused = refused(&url).await;
    assert!(
        matches!(refused, OpenError::NewerSchema { found, .. } if i64::from(found) == known + 1),
        "{refused}"
    );
}

/// The migrations in the order of their versions.
fn migrations() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/postgres");
    let mut found: Vec<(usize, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap();
            let version = name.split_once('_').map_or(1, |(version, _)| version.parse().unwrap());
            (version, fs::read_to_string(&path).unwrap())
        })
        .collect();
    found.sort();
    assert!(found.iter().map(|(version, _)| *version).eq(1..=found.len()), "one for each version");
    found.into_iter().map(|(_, migration)| migration).collect()
}

/// What the catalogue tells of a table, and whether a program that does not know it can write all the same.
type Fact = (String, String, bool);

async fn facts(client: &Client) -> BTreeSet<Fact> {
    let rows = client
        .query(
            "SELECT relname::text, attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull,
                    NOT attnotnull OR atthasdef OR attidentity <> ''
             FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
             WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
             UNION ALL
             SELECT conrelid::regclass::text, pg_get_constraintdef(oid), false FROM pg_constraint
             WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
             UNION ALL
             SELECT confrelid::regclass::text, 'referenced by ' || conrelid::regclass, false FROM pg_constraint
             WHERE connamespace = 'public'::regnamespace AND contype = 'f'
             UNION ALL
             SELECT tgrelid::regclass::text, pg_get_triggerdef(oid), false FROM pg_trigger WHERE NOT tgisinternal
             UNION ALL
             SELECT indrelid::regclass::text, pg_get_indexdef(indexrelid), false
             FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
             WHERE relnamespace = 'public'::regnamespace AND indisunique",
            &[],
        )
        .await
        .unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

/// While replicas are replaced one after the other, programs that do not know the last migrations work on.
#[tokio::test]
async fn every_migration_lets_the_programs_go_on_that_it_says_can_read_it() {
    let (url, made) = database().await;
    let Migrated { to: known, .. } = Store::migrate(&url).await.unwrap();
    let oldest: i32 = made.query_one("SELECT oldest_reader FROM escalator_schema", &[]).await.unwrap().get(0);
    assert_eq!(oldest, 1, "every program that was ever released can work on the schema of today");
    let migrations = migrations();
    assert_eq!(i64::try_from(migrations.len()).unwrap(), known);

    let (_, client) = database().await;
    for (version, migration) in (1..).zip(migrations) {
        let before = facts(&client).await;
        client.batch_execute(&migration).await.unwrap();
        if version <= oldest {
            continue;
        }
        let after = facts(&client).await;
        let gone: Vec<&Fact> = before.difference(&after).collect();
        assert!(gone.is_empty(), "version {version} takes away what older programs use: {gone:?}");
        let tables: BTreeSet<&str> = before.iter().map(|(table, _, _)| table.as_str()).collect();
        let in_the_way: Vec<&Fact> = after
            .difference(&before)
            .filter(|(table, _, harmless)| tables.contains(table.as_str()) && !harmless)
            .collect();
        assert!(in_the_way.is_empty(), "version {version} refuses what older programs write: {in_the_way:?}");
    }
}

/// A backup holds its tables for as long as it runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_waits_for_a_table_lets_others_use_it_meanwhile() {
    let (url, user) = database().await;
    for migration in &migrations()[..7] {
        user.batch_execute(migration).await.unwrap();
    }
    user.batch_execute(
        "CREATE TABLE escalator_schema (version INTEGER NOT NULL, oldest_reader INTEGER NOT NULL);
         INSERT INTO escalator_schema VALUES (7, 1)",
    )
    .await
    .unwrap();
    user.batch_execute("BEGIN; LOCK TABLE ledger_open_cause IN ROW EXCLUSIVE MODE").await.unwrap();
    let migrating = tokio::spawn({
        let url = url.clone();
        async move { Store::migrate(&url).await }
    });
    let (other, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let waits =
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'ledger_open_cause'::regclass";
    while other.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        assert!(!migrating.is_finished(), "it did not wait");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    other
        .batch_execute("SET lock_timeout = '20s'; INSERT INTO ledger_open_cause SELECT 1 WHERE false")
        .await
        .unwrap();
    user.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(migrating.await.unwrap().unwrap().from, 7);
}

#[tokio::test]
async fn the_ledger_refuses_every_change() {
    let (url, client) = database().await;
    Store::migrate(&url).await.unwrap();
    for change in [
        "UPDATE ledger SET at = 0",
        "DELETE FROM ledger",
        "TRUNCATE ledger CASCADE",
        "UPDATE write_ledger SET iid = 0",
        "DELETE FROM write_ledger",
        "TRUNCATE write_ledger",
    ] {
        let refused = client.batch_execute(change).await.unwrap_err();
        assert!(refused.as_db_error().unwrap().message().contains("append-only"), "{change}: {refused}");
    }
}

#[tokio::test]
async fn a_stop_can_only_be_lifted() {
    let (url, client) = database().await;
    Store::migrate(&url).await.unwrap();
    client
        .batch_execute(
            "INSERT INTO write_stop (stopped_at, reason, lifted_at) VALUES (1, 'undo', 2), (3, 'undo', NULL)",
        )
        .await
        .unwrap();
    for change in [
        "UPDATE write_stop SET reason = 'another' WHERE lifted_at IS NULL",
        "UPDATE write_stop SET lifted_at = NULL",
        "DELETE FROM write_stop",
        "TRUNCATE write_stop",
    ] {
        let refused = client.batch_execute(change).await.unwrap_err();
        assert!(refused.as_db_error().unwrap().message().contains("only ever lifted"), "{change}: {refused}");
    }
    client.batch_execute("UPDATE write_stop SET lifted_at = 4 WHERE lifted_at IS NULL").await.unwrap();
}

#[tokio::test]
async fn a_standby_is_refused_and_the_primary_beside_it_is_found() {
    let mut standby = postgres::Cluster::start();
    let url = standby.create_database();
    standby.stop();
    standby.start_again_as_standby();
    let refused = refused(&url).await;
    assert!(
        refused.to_string().contains("let store.url name the primary server, or all of them"),
        "{refused}"
    );

    // The database has the same name on both.
    let primary = postgres::Cluster::start();
    let both =
        primary.create_database().replace("127.0.0.1:", &format!("127.0.0.1:{},127.0.0.1:", standby.port()));
    Store::connect(&both).await.unwrap();
}

/// Only one program at a time changes the schema, under this lock.
const LOCK: &str = "x'657363616c6174'::bigint";

#[tokio::test]
async fn who_waits_while_a_newer_program_migrates_asks_afterwards_whether_it_may_go_along() {
    let (url, client) = database().await;
    Store::migrate(&url).await.unwrap();
    client.batch_execute("UPDATE escalator_schema SET version = version - 1").await.unwrap();
    client.batch_execute(&format!("SELECT pg_advisory_lock({LOCK})")).await.unwrap();
    let migrating = tokio::spawn({
        let url = url.clone();
        async move { Store::migrate(&url).await }
    });
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    while client.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        assert!(!migrating.is_finished(), "it did not wait");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    client.batch_execute("UPDATE escalator_schema SET version = 99, oldest_reader = 99").await.unwrap();
    client.batch_execute(&format!("SELECT pg_advisory_unlock({LOCK})")).await.unwrap();
    let migrated = migrating.await.unwrap();
    assert!(matches!(migrated, Err(OpenError::NewerSchema { found: 99, .. })), "{migrated:?}");
}

#[tokio::test]
async fn an_answer_that_is_long_in_coming_is_no_sign_of_a_wrong_clock() {
    let (url, client) = database().await;
    // It comes before PostgreSQL's own, and before the look at the clock. More than twice what clocks may differ.
    client
        .batch_execute(
            "CREATE SCHEMA slow; CREATE FUNCTION slow.current_setting(name text) RETURNS text LANGUAGE sql AS
                 $$ SELECT pg_catalog.current_setting(name)
                    FROM pg_catalog.pg_sleep(CASE name WHEN 'server_version_num' THEN 11 ELSE 0 END) $$",
        )
        .await
        .unwrap();
    Store::connect(&format!("{url}?options=-c%20search_path%3Dslow,pg_catalog")).await.unwrap();
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_named_with_a_remedy() {
    let (url, client) = database().await;
    let missing = url.replace("/escalator_", "/missing_");
    let nobody = url.replace("postgres@", "nobody@");
    let away = "postgres://postgres@127.0.0.1:9/escalator".to_owned();
    let no_schema = format!("{url}?options=-c%20search_path%3Dnowhere");
    let careless = format!("{url}?options=-c%20synchronous_commit%3Doff");
    let read_only = format!("{url}?options=-c%20default_transaction_read_only%3Don");
    for (url, remedy) in [
        (missing, "create the database"),
        (nobody, "check user and password"),
        (away, "check that PostgreSQL runs"),
        (no_schema, "names no schema"),
        (careless, "synchronous_commit"),
        (read_only, "name the primary server"),
    ] {
        let refused = refused(&url).await;
        assert!(refused.to_string().contains(remedy), "{refused}");
    }
    // These come before PostgreSQL's own only where the search path says so.
    client
        .batch_execute(
            "CREATE SCHEMA old; CREATE FUNCTION old.current_setting(name text) RETURNS text LANGUAGE sql AS
                 $$ SELECT CASE name WHEN 'server_version_num' THEN '120022' ELSE pg_catalog.current_setting(name) END $$;
             CREATE SCHEMA late; CREATE FUNCTION late.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS
                 $$ SELECT pg_catalog.clock_timestamp() - interval '1 minute' $$;
             CREATE SCHEMA early; CREATE FUNCTION early.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS
                 $$ SELECT pg_catalog.clock_timestamp() + interval '1 minute' $$",
        )
        .await
        .unwrap();
    for (schema, remedy) in [
        ("old", "it is PostgreSQL 12, and 13 is the oldest that will do; upgrade it"),
        ("late", "s ahead of the database's; set both by NTP"),
        ("early", "s behind the database's; set both by NTP"),
    ] {
        let refused = refused(&format!("{url}?options=-c%20search_path%3D{schema},pg_catalog")).await;
        assert!(refused.to_string().contains(remedy), "{refused}");
    }
    let rows = client.query("SELECT FROM pg_tables WHERE schemaname = 'public'", &[]).await.unwrap();
    assert_eq!(rows.len(), 0, "a store that is refused is not touched");
}
