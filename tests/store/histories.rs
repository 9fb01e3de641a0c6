//! Random histories against a model: no mark is lost, and no issue is worked on twice at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use escalator::calculator::issue::IssueRef;
use escalator::clock::Millis;
use escalator::store::{Claim, Release, Store};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::{claim, glimpse, issue, new_database, new_file};

#[derive(Debug, Clone)]
enum Step {
    Mark(u64),
    Claim,
    /// Ends the claim at this place of those that are held.
    Finish(usize, Ending),
    Wait(i64),
}

#[derive(Debug, Clone, Copy)]
enum Ending {
    Done,
    Retry,
    Paused,
    Dropped,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ending = prop::sample::select(vec![
        Ending::Done,
        Ending::Done,
        Ending::Retry,
        Ending::Paused,
        Ending::Dropped,
    ]);
    let step = prop_oneof![
        4 => (1..4_u64).prop_map(Step::Mark),
        3 => Just(Step::Claim),
        3 => (0..4_usize, ending).prop_map(|(place, ending)| Step::Finish(place, ending)),
        1 => (1..3_000_i64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_mark_is_lost_and_no_issue_is_worked_on_twice_at_once(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (_folder, store) = new_file();
        runtime.block_on(check(steps, &store))?;
    }
}

/// Fewer, because each step waits for the disk. One store for all of them: each leaves its queue empty.
#[test]
fn the_same_holds_in_postgresql() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = runtime.block_on(new_database());
    let config = ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() };
    let checked = TestRunner::new(config).run(&steps(), |steps| runtime.block_on(check(steps, &store)));
    checked.unwrap();
}

async fn check(steps: Vec<Step>, store: &Store) -> Result<(), TestCaseError> {
    let mut now = 0;
    // Issues marked since they were last claimed, and claims that are held.
    let mut unseen: BTreeSet<IssueRef> = BTreeSet::new();
    let mut held: BTreeMap<IssueRef, Claim> = BTreeMap::new();
    for step in steps {
        match step {
            Step::Wait(millis) => now += millis,
            Step::Mark(iid) => {
                store.mark(glimpse(iid), None, Millis(now)).await.unwrap();
                unseen.insert(issue(iid));
            }
            Step::Claim => {
                if let Some(claim) = claim(store, now).await {
                    prop_assert!(!held.contains_key(&claim.issue), "worked on twice at once");
                    unseen.remove(&claim.issue);
                    held.insert(claim.issue, claim);
                }
            }
            Step::Finish(place, ending) => {
                let Some(claim) = held.values().nth(place).copied() else { continue };
                held.remove(&claim.issue);
                let release = match ending {
                    Ending::Done => Release::Done(None),
                    Ending::Dropped => Release::Dropped,
                    Ending::Retry => Release::Retry(Duration::from_millis(500)),
                    Ending::Paused => Release::Paused,
                };
                if matches!(ending, Ending::Retry | Ending::Paused) {
                    unseen.insert(claim.issue);
                }
                prop_assert!(store.finish(claim, release, Millis(now)).await.unwrap());
            }
        }
    }
    for claim in held.into_values() {
        prop_assert!(store.finish(claim, Release::Done(None), Millis(now)).await.unwrap());
    }
    now += 60_000;
    while let Some(claim) = claim(store, now).await {
        unseen.remove(&claim.issue);
        prop_assert!(store.finish(claim, Release::Done(None), Millis(now)).await.unwrap());
    }
    prop_assert!(unseen.is_empty(), "marked and never looked at: {unseen:?}");
    prop_assert_eq!(store.depth().await.unwrap().waiting, 0);
    Ok(())
}
