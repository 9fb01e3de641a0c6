//! The store on a real SQLite file and in a real PostgreSQL: the queue's promises on both; what a crash, a second process
//! or a damaged file does to the one; and what replicas share in the other.

#![expect(clippy::print_stderr, reason = "a test that fails has to tell on which engine")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod causes;
mod claims;
mod commands;
mod connections;
mod decided;
mod echo;
mod followed;
mod fuse;
mod glance;
mod histories;
mod made;
mod opening;
mod own_bots;
mod parked;
mod policies;
mod queue;
mod replicas;
mod schema;
mod slow;
mod stops;
mod taken_back;
mod watermarks;
mod writes;

#[expect(dead_code, reason = "shared with the tests that stop the server")]
#[path = "../postgres/mod.rs"]
mod postgres;

use std::time::Duration;

use escalator::calculator::issue::{Glimpse, IssueRef, State, WorkItemType};
use escalator::clock::Millis;
use escalator::store::{Claim, Claimed, Error, Store};

const LEASE: Duration = Duration::from_secs(300);
/// Far more than any wait of these tests takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// So often a scene is tried.
const SCENES: usize = 5;

/// Does a test with each engine, on an empty store at the beginning of time. A failure tells above which it was.
async fn on_each_engine(test: impl AsyncFn(Store)) {
    eprintln!("on SQLite");
    let (_folder, store) = new_file();
    test(store).await;
    eprintln!("on PostgreSQL");
    test(new_database().await).await;
}

/// Does a scene in which a call has to wait, and again in a new database where the call's patience ended first: those who
/// wait for each other in PostgreSQL have less than two seconds, which is little for a machine that stands still.
async fn with_patience<Seen>(scene: impl AsyncFn(String) -> Result<Seen, Error>) -> Seen {
    for _ in 0..SCENES {
        match scene(postgres::shared().create_database()).await {
            Err(Error::Unavailable(why)) => eprintln!("once more: {why}"),
            seen => return seen.unwrap(),
        }
    }
    panic!("whatever was tried, a call gave up");
}

/// A store in a folder of its own.
fn new_file() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("escalator.db"), Millis(0)).unwrap();
    (folder, store)
}

/// A store in a database of its own.
async fn new_database() -> Store {
    Store::connect(&postgres::shared().create_database()).await.unwrap()
}

fn issue(iid: u64) -> IssueRef {
    IssueRef { project_id: 1, iid }
}

/// What a webhook shows of an issue that is worth looking at.
fn glimpse(iid: u64) -> Glimpse {
    Glimpse {
        issue: issue(iid),
        state: Some(State::Opened),
        work_item_type: Some(WorkItemType::Incident),
        labels: Vec::new(),
        may_have_source: true,
    }
}

async fn claim(store: &Store, now: i64) -> Option<Claim> {
    match store.claim(Millis(now), LEASE).await.unwrap() {
        Claimed::Issue(claim) => Some(claim),
        Claimed::Nothing { .. } | Claimed::Paused { .. } => None,
    }
}
