//! Mark, claim, finish.

use std::time::{Duration, Instant};

use escalator::clock::Millis;
use escalator::store::{Claimed, Held, Marked, Release, Store};
use escalator::trace_parent::TraceParent;

use super::{LEASE, PATIENCE, claim, glimpse, issue, new_file, on_each_engine};

#[tokio::test]
async fn an_issue_marked_many_times_is_claimed_once() {
    on_each_engine(async |store| {
        for _ in 0..10 {
            assert_eq!(store.mark(glimpse(1), None, Millis(5)).await, Ok(Marked::Queued));
        }
        let claimed = claim(&store, 5).await.unwrap();
        assert_eq!((claimed.issue, claimed.attempts, claimed.marked_at), (issue(1), 1, Millis(5)));
        assert_eq!(claim(&store, 5).await, None);
    })
    .await;
}

#[tokio::test]
async fn a_mark_during_a_run_brings_another_run_afterwards_and_not_at_the_same_time() {
    on_each_engine(async |store| {
        store.mark(glimpse(1), None, Millis(0)).await.unwrap();
        let first = claim(&store, 0).await.unwrap();
        store.mark(glimpse(1), None, Millis(1)).await.unwrap();
        assert_eq!(claim(&store, 1).await, None);

        assert!(store.finish(first, Release::Done(None), Millis(10)).await.unwrap());
        assert_eq!(claim(&store, 10).await, None, "a burst is given a moment to end");
        let second = claim(&store, 5_000).await.unwrap();
        assert_eq!(
            (second.attempts, second.marked_at),
            (1, Millis(10)),
            "it waits since the first run ended"
        );
        assert!(store.finish(second, Release::Done(None), Millis(5_000)).await.unwrap());
        assert_eq!(claim(&store, 10_000).await, None);
    })
    .await;
}

#[tokio::test]
async fn who_comes_back_after_the_lease_changes_nothing() {
    on_each_engine(async |store| {
        store.mark(glimpse(1), None, Millis(0)).await.unwrap();
        let stalled = claim(&store, 0).await.unwrap();
        let after = i64::try_from(LEASE.as_millis()).unwrap() + 1;
        let successor = claim(&store, after).await.unwrap();
        assert_eq!(successor.attempts, 2);

        assert!(!store.finish(stalled, Release::Done(None), Millis(after)).await.unwrap());
        assert!(store.finish(successor, Release::Done(None), Millis(after)).await.unwrap());
        assert_eq!(store.depth().await.unwrap().waiting, 0);
    })
    .await;
}

#[tokio::test]
async fn a_retry_waits_and_counts_and_a_pause_does_neither() {
    on_each_engine(async |store| {
        store.mark(glimpse(1), None, Millis(0)).await.unwrap();
        let first = claim(&store, 0).await.unwrap();
        store.finish(first, Release::Retry(Duration::from_secs(7)), Millis(0)).await.unwrap();
        assert_eq!(
            store.claim(Millis(6_999), LEASE).await,
            Ok(Claimed::Nothing { next_due_at: Some(Millis(7_000)) })
        );
        let second = claim(&store, 7_000).await.unwrap();
        assert_eq!(second.attempts, 2);
        store.finish(second, Release::Paused, Millis(7_000)).await.unwrap();
        assert_eq!(claim(&store, 7_000).await.unwrap().attempts, 2);
    })
    .await;
}

#[tokio::test]
async fn a_parked_issue_waits_for_a_relevant_change() {
    on_each_engine(async |store| {
        store.mark(glimpse(1), None, Millis(0)).await.unwrap();
        let claimed = claim(&store, 0).await.unwrap();
        store.finish(claimed, Release::Parked { reason: "no role".to_owned() }, Millis(0)).await.unwrap();
        assert_eq!(claim(&store, 1_000_000).await, None);
        let depth = store.depth().await.unwrap();
        assert_eq!((depth.waiting, depth.parked, depth.oldest_marked_at), (0, 1, None));

        let mut irrelevant = glimpse(1);
        irrelevant.may_have_source = false;
        assert_eq!(store.mark(irrelevant, None, Millis(1)).await, Ok(Marked::Irrelevant));
        assert_eq!(store.mark(glimpse(1), None, Millis(2)).await, Ok(Marked::Queued));
        let again = claim(&store, 2).await.unwrap();
        assert_eq!((again.attempts, again.marked_at), (1, Millis(2)), "parked, it waited for nobody");
    })
    .await;
}

#[tokio::test]
async fn an_issue_that_is_tried_again_waits_since_its_first_mark_whoever_marks_it_meanwhile() {
    on_each_engine(async |store| {
        store.mark(glimpse(1), None, Millis(0)).await.unwrap();
        let first = claim(&store, 1).await.unwrap();
        store.mark(glimpse(1), None, Millis(2)).await.unwrap();
        store.finish(first, Release::Retry(Duration::ZERO), Millis(3)).await.unwrap();
        store.mark(glimpse(1), None, Millis(4)).await.unwrap();
        assert_eq!(store.depth().await.unwrap().oldest_marked_at, Some(Millis(0)));
        let again = claim(&store, 5).await.unwrap();
        assert_eq!((again.attempts, again.marked_at), (2, Millis(0)));
    })
    .await;
}

#[tokio::test]
async fn an_issue_whose_number_cannot_be_kept_fails_alone() {
    on_each_engine(async |store| {
        let marks = (0..20).map(|number| {
            let iid = if number == 10 { u64::MAX } else { number };
            store.mark(glimpse(iid), None, Millis(0))
        });
        let marked = futures_util::future::join_all(marks).await;
        assert_eq!(marked.iter().filter(|marked| **marked == Ok(Marked::Queued)).count(), 19, "{marked:?}");
    })
    .await;
}

#[tokio::test]
async fn a_reason_may_hold_any_character() {
    on_each_engine(async |store| {
        store.mark(glimpse(1), None, Millis(0)).await.unwrap();
        let claimed = claim(&store, 0).await.unwrap();
        let reason = "no \0 role".to_owned();
        assert!(store.finish(claimed, Release::Parked { reason }, Millis(0)).await.unwrap());
        assert!(store.parked().await.unwrap()[0].reason.ends_with(" role"));
    })
    .await;
}

#[tokio::test]
async fn a_claim_that_is_renewed_lasts_longer_and_nobody_else_gets_it() {
    on_each_engine(async |store| {
        store.mark(glimpse(1), None, Millis(0)).await.unwrap();
        let claimed = claim(&store, 0).await.unwrap();
        let lease = i64::try_from(LEASE.as_millis()).unwrap();
        assert!(store.renew(Held::Claim(claimed), Millis(1_000), LEASE).await.unwrap());
        assert_eq!(claim(&store, lease).await, None);
        assert_eq!(store.claim_issue(issue(1), Millis(lease), LEASE).await, Ok(None));
        let successor = claim(&store, lease + 1_000).await.unwrap();
        assert!(!store.renew(Held::Claim(claimed), Millis(lease + 1_000), LEASE).await.unwrap());
        assert!(store.renew(Held::Claim(successor), Millis(lease + 1_000), LEASE).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn the_longest_due_is_claimed_first() {
    on_each_engine(async |store| {
        for (iid, at) in [(3, 30), (1, 10), (2, 20)] {
            store.mark(glimpse(iid), None, Millis(at)).await.unwrap();
        }
        for iid in 1..=3 {
            assert_eq!(claim(&store, 100).await.unwrap().issue, issue(iid));
        }
    })
    .await;
}

#[tokio::test]
async fn the_trace_of_the_delivery_that_brought_a_look_goes_with_the_claim() {
    on_each_engine(async |store| {
        let trace = |span_id| Some(TraceParent { trace_id: u128::MAX, span_id, flags: 1 });
        store.mark(glimpse(1), trace(1), Millis(0)).await.unwrap();
        store.mark(glimpse(1), trace(2), Millis(0)).await.unwrap();
        let first = claim(&store, 0).await.unwrap();
        assert_eq!(first.trace, trace(1));
        store.mark(glimpse(1), trace(3), Millis(1)).await.unwrap();
        store.finish(first, Release::Done(None), Millis(2)).await.unwrap();
        assert_eq!(claim(&store, 5_000).await.unwrap().trace, trace(3));
    })
    .await;
}

#[tokio::test]
async fn what_a_dead_process_had_claimed_is_free_again_with_its_attempts_counted() {
    let (folder, store) = new_file();
    store.mark(glimpse(1), None, Millis(0)).await.unwrap();
    claim(&store, 0).await.unwrap();
    drop(store);

    let store = reopened(&folder, 1).await;
    assert_eq!(claim(&store, 1).await.unwrap().attempts, 2);
}

#[tokio::test]
async fn what_a_dead_process_had_claimed_long_ago_is_due() {
    let (folder, store) = new_file();
    store.mark(glimpse(1), None, Millis(0)).await.unwrap();
    claim(&store, 0).await.unwrap();
    drop(store);

    let much_later = 7 * 24 * 60 * 60 * 1000;
    let store = reopened(&folder, much_later).await;
    store.mark(glimpse(1), None, Millis(much_later)).await.unwrap();
    let claimed = claim(&store, much_later).await.unwrap();
    assert_eq!(claimed.attempts, 2);
    assert!(store.finish(claimed, Release::Done(None), Millis(much_later)).await.unwrap());
    assert_eq!(store.depth().await.unwrap().waiting, 0);
}

/// The threads of a dropped store end a moment after it.
async fn reopened(folder: &tempfile::TempDir, now: i64) -> Store {
    let started = Instant::now();
    loop {
        match Store::open(&folder.path().join("escalator.db"), Millis(now)) {
            Ok(store) => return store,
            Err(error) => assert!(started.elapsed() < PATIENCE, "{error}"),
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_issue_marked_by_a_clock_that_was_ahead_is_due_as_soon_as_that_is_set_right() {
    const HOURS: i64 = 3_600_000 * 5;
    on_each_engine(async |store| {
        store.mark(glimpse(1), None, Millis(HOURS)).await.unwrap();
        // A retry that waits is nothing from the future.
        store.mark(glimpse(2), None, Millis(0)).await.unwrap();
        let failed = claim(&store, 0).await.unwrap();
        assert!(store.finish(failed, Release::Retry(2 * LEASE), Millis(0)).await.unwrap());

        assert_eq!(
            store.claim(Millis(0), LEASE).await,
            Ok(Claimed::Nothing { next_due_at: Some(Millis(0)) })
        );
        let claimed = claim(&store, 0).await.unwrap();
        assert_eq!((claimed.issue, claimed.marked_at), (issue(1), Millis(0)));
        assert_eq!(claim(&store, 0).await, None);
    })
    .await;
}
