//! The store on a real database file: the queue's promises, and what a crash, a second process or a damaged file does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod echo;
mod glance;
mod histories;
mod opening;
mod queue;

use std::time::Duration;

use escalator::calculator::issue::{Glimpse, IssueRef, State, WorkItemType};
use escalator::clock::Millis;
use escalator::store::{Claim, Claimed, Store};

const LEASE: Duration = Duration::from_secs(300);

/// A store in a folder of its own, at the beginning of time.
fn new_store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("escalator.db"), Millis(0)).unwrap();
    (folder, store)
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
        Claimed::Nothing { .. } => None,
    }
}
