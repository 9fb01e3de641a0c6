//! Which issue is claimed: the one that is due longest, or a certain one, as a backfill or an undo claims them.

use std::time::Duration;

use escalator::clock::Millis;
use escalator::store::{Claim, Claimed, Held, Release, Store};
use escalator::trace_parent::TraceParent;

use super::{LEASE, claim, glimpse, issue, on_each_engine};

async fn claim_first(store: &Store, now: i64) -> Option<Claim> {
    store.claim_issue(issue(1), Millis(now), LEASE).await.unwrap()
}

async fn done(store: &Store, claim: Claim, now: i64) {
    assert!(store.finish(claim, Release::Done(None), Millis(now)).await.unwrap());
}

#[tokio::test]
async fn an_issue_is_claimed_wherever_it_is_and_done_afterwards() {
    on_each_engine(async |store| {
        let waiting = async || store.depth().await.unwrap().waiting;
        // Nobody marked it.
        let claimed = claim_first(&store, 5).await.unwrap();
        assert_eq!((claimed.issue, claimed.attempts, claimed.marked_at), (issue(1), 1, Millis(5)));
        done(&store, claimed, 6).await;
        assert_eq!(waiting().await, 0);

        // It waits, and was marked more than once, once of that during a look.
        store.recheck(vec![issue(1)], Millis(10)).await.unwrap();
        let first = claim(&store, 10).await.unwrap();
        store.recheck(vec![issue(1)], Millis(11)).await.unwrap();
        done(&store, first, 12).await;
        let claimed = claim_first(&store, 12).await.unwrap();
        assert_eq!(claim(&store, 5_000).await, None, "it has a lease");
        done(&store, claimed, 5_000).await;
        assert_eq!(waiting().await, 0, "what it was marked for is done");

        // It is parked.
        store.mark(glimpse(1), None, Millis(6_000)).await.unwrap();
        let failed = claim(&store, 6_000).await.unwrap();
        let parked = Release::Parked { reason: "no role".to_owned() };
        assert!(store.finish(failed, parked, Millis(6_000)).await.unwrap());
        let claimed = claim_first(&store, 7_000).await.unwrap();
        assert_eq!(store.parked().await, Ok(Vec::new()));
        assert!(store.finish(claimed, Release::Retry(Duration::ZERO), Millis(7_000)).await.unwrap());
        let again = claim(&store, 7_000).await.unwrap();
        assert_eq!((again.attempts, again.marked_at), (2, Millis(7_000)));
    })
    .await;
}

#[tokio::test]
async fn an_issue_that_has_failed_and_waits_is_claimed_as_if_nobody_had_marked_it() {
    on_each_engine(async |store| {
        let trace = TraceParent { trace_id: 1, span_id: 1, flags: 1 };
        store.mark(glimpse(1), Some(trace), Millis(0)).await.unwrap();
        for _ in 0..2 {
            let failed = claim(&store, 0).await.unwrap();
            assert!(store.finish(failed, Release::Retry(Duration::ZERO), Millis(0)).await.unwrap());
        }
        let claimed = claim_first(&store, 5).await.unwrap();
        assert_eq!((claimed.attempts, claimed.marked_at, claimed.trace), (1, Millis(5), None));
        assert!(store.finish(claimed, Release::Retry(Duration::ZERO), Millis(6)).await.unwrap());
        let again = claim(&store, 6).await.unwrap();
        assert_eq!((again.attempts, again.marked_at, again.trace), (2, Millis(5), None));
    })
    .await;
}

#[tokio::test]
async fn an_issue_that_somebody_works_on_is_not_claimed_until_the_lease_has_ended() {
    on_each_engine(async |store| {
        let lease = i64::try_from(LEASE.as_millis()).unwrap();
        store.mark(glimpse(1), None, Millis(0)).await.unwrap();
        let stalled = claim(&store, 0).await.unwrap();
        assert_eq!(claim_first(&store, lease - 1).await, None);
        let successor = claim_first(&store, lease).await.unwrap();
        assert_eq!(claim_first(&store, lease).await, None);
        assert_eq!(claim(&store, lease).await, None);
        assert!(!store.finish(stalled, Release::Done(None), Millis(lease)).await.unwrap());

        store.mark(glimpse(1), None, Millis(lease)).await.unwrap();
        done(&store, successor, lease).await;
        assert_eq!(store.depth().await.unwrap().waiting, 1, "it was marked meanwhile");
    })
    .await;
}

#[tokio::test]
async fn what_is_due_longest_is_claimed_before_what_was_marked_earlier_and_has_failed_since() {
    on_each_engine(async |store| {
        store.mark(glimpse(1), None, Millis(0)).await.unwrap();
        let failed = claim(&store, 0).await.unwrap();
        assert!(store.finish(failed, Release::Retry(Duration::from_millis(50)), Millis(0)).await.unwrap());
        store.mark(glimpse(2), None, Millis(20)).await.unwrap();
        assert_eq!(claim(&store, 100).await.unwrap().issue, issue(2));
        assert_eq!(claim(&store, 100).await.unwrap().issue, issue(1));
    })
    .await;
}

#[tokio::test]
async fn what_was_claimed_by_a_clock_that_was_ahead_is_still_claimed_when_that_is_set_right() {
    const HOURS: i64 = 3_600_000 * 5;
    on_each_engine(async |store| {
        store.mark(glimpse(1), None, Millis(HOURS)).await.unwrap();
        let claimed = claim(&store, HOURS).await.unwrap();
        let ends = HOURS + i64::try_from(LEASE.as_millis()).unwrap();
        let nothing = Claimed::Nothing { next_due_at: Some(Millis(ends)) };
        assert_eq!(store.claim(Millis(0), LEASE).await, Ok(nothing));
        done(&store, claimed, 0).await;
        assert_eq!(store.depth().await.unwrap().waiting, 0);
    })
    .await;
}

#[tokio::test]
async fn what_has_failed_and_waits_is_nobodys() {
    on_each_engine(async |store| {
        store.mark(glimpse(1), None, Millis(0)).await.unwrap();
        let failed = claim(&store, 0).await.unwrap();
        assert!(store.finish(failed, Release::Retry(2 * LEASE), Millis(0)).await.unwrap());
        assert!(!store.renew(Held::Claim(failed), Millis(1), LEASE).await.unwrap());
        assert!(claim_first(&store, 1).await.is_some());
    })
    .await;
}
