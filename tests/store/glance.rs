//! Marks that need no write: answered although nobody can write.

use escalator::calculator::issue::{Glimpse, State};
use escalator::clock::Millis;
use escalator::store::{Marked, Store};
use rusqlite::Connection;

use super::echo::done;
use super::{claim, glimpse, issue, new_file};

const WAITING: u64 = 1;
const FOLLOWED: u64 = 2;
const UNKNOWN: u64 = 3;

#[tokio::test]
async fn what_needs_no_write_waits_for_no_writer() {
    let (folder, store) = new_file();
    store.mark(glimpse(FOLLOWED), None, Millis(0)).await.unwrap();
    let claimed = claim(&store, 0).await.unwrap();
    assert!(store.finish(claimed, done(), Millis(0)).await.unwrap());
    store.mark(glimpse(WAITING), None, Millis(0)).await.unwrap();

    let another = Connection::open(folder.path().join("escalator.db")).unwrap();
    another.execute_batch("BEGIN IMMEDIATE").unwrap();

    assert_eq!(store.mark(glimpse(WAITING), None, Millis(1)).await, Ok(Marked::Queued));
    let mut closed = glimpse(UNKNOWN);
    (closed.state, closed.may_have_source) = (Some(State::Closed), false);
    assert_eq!(store.mark(closed, None, Millis(1)).await, Ok(Marked::Irrelevant));
    assert_eq!(store.mark(as_left(&store).await, None, Millis(1)).await, Ok(Marked::Unchanged));
    // The writer has to be asked, and cannot.
    assert!(store.mark(glimpse(UNKNOWN), None, Millis(1)).await.is_err());
}

async fn as_left(store: &Store) -> Glimpse {
    let mut glimpse = glimpse(FOLLOWED);
    glimpse.labels = store.recall(issue(FOLLOWED)).await.unwrap().unwrap().memory.labels;
    glimpse
}
