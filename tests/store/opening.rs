//! Opening: what is no store of ours is refused and left as it is.

use std::fs;

use escalator::clock::Millis;
use escalator::store::{OpenError, Store};

use super::{claim, glimpse, issue, new_file};

#[tokio::test]
async fn a_second_process_is_refused() {
    let (folder, _store) = new_file();
    let refused = Store::open(&folder.path().join("escalator.db"), Millis(0)).err().unwrap();
    assert!(matches!(refused, OpenError::InUse(_)), "{refused}");
}

#[test]
fn a_damaged_file_is_refused_and_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("escalator.db");
    let text = "This is not a database, it is somebody's notes. ".repeat(100);
    fs::write(&path, &text).unwrap();
    let refused = Store::open(&path, Millis(0)).err().unwrap();
    assert!(matches!(refused, OpenError::Damaged { .. }), "{refused}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_store_of_a_newer_version_is_refused_and_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("escalator.db");
    let newer = rusqlite::Connection::open(&path).unwrap();
    newer.execute_batch("CREATE TABLE other (a); PRAGMA user_version = 99;").unwrap();
    drop(newer);
    let before = fs::read(&path).unwrap();
    let refused = Store::open(&path, Millis(0)).err().unwrap();
    assert!(matches!(refused, OpenError::Newer { found: 99, .. }), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_store_of_an_older_version_is_brought_up_to_date_with_all_that_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("escalator.db");
    let older = rusqlite::Connection::open(&path).unwrap();
    older.execute_batch(include_str!("../../src/store/sqlite/schema.sql")).unwrap();
    older
        .execute_batch(
            "INSERT INTO queue (project_id, iid, marked_at, due_at) VALUES (1, 7, 5, 5);
             PRAGMA user_version = 1;",
        )
        .unwrap();
    drop(older);
    let store = Store::open(&path, Millis(5)).unwrap();
    let claimed = claim(&store, 5).await.unwrap();
    assert_eq!((claimed.issue, claimed.trace), (issue(7), None));
}

#[test]
fn a_folder_that_does_not_exist_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let refused = Store::open(&folder.path().join("missing/escalator.db"), Millis(0)).err().unwrap();
    assert!(refused.to_string().contains("missing/escalator.db cannot be opened"), "{refused}");
}

#[tokio::test]
async fn a_store_that_beats_is_writable_and_durable() {
    let (folder, store) = new_file();
    store.beat(Millis(42)).await.unwrap();
    store.mark(glimpse(1), None, Millis(42)).await.unwrap();
    let reader = rusqlite::Connection::open(folder.path().join("escalator.db")).unwrap();
    let at: i64 = reader.query_row("SELECT at FROM heartbeat", [], |row| row.get(0)).unwrap();
    let waiting: i64 = reader.query_row("SELECT count(*) FROM queue", [], |row| row.get(0)).unwrap();
    assert_eq!((at, waiting), (42, 1));
}

#[test]
fn another_programs_database_is_refused_and_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("escalator.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE recipes (name TEXT);").unwrap();
    let before = fs::read(&path).unwrap();
    let refused = Store::open(&path, Millis(0)).err().unwrap();
    assert!(refused.to_string().contains("another program's database"), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), before);
}
