//! What is parked, and what people decide about it.

use std::time::Duration;

use escalator::calculator::issue::IssueRef;
use escalator::clock::Millis;
use escalator::store::{Claimed, Release, Store};

use super::{LEASE, claim, glimpse, issue, on_each_engine};

/// Tries an issue so often that it is parked, then.
async fn park(store: &Store, issue: IssueRef, attempts: u32, at: i64) {
    store.recheck(vec![issue], Millis(at)).await.unwrap();
    for attempt in 1..=attempts {
        let claimed = claim(store, at).await.unwrap();
        assert_eq!((claimed.issue, claimed.attempts), (issue, attempt));
        let release = match attempt == attempts {
            true => Release::Parked { reason: format!("why {issue} is parked") },
            false => Release::Retry(Duration::ZERO),
        };
        assert!(store.finish(claimed, release, Millis(at)).await.unwrap());
    }
}

/// Which issues are parked.
async fn parked(store: &Store) -> Vec<IssueRef> {
    store.parked().await.unwrap().into_iter().map(|parked| parked.issue).collect()
}

#[tokio::test]
async fn what_is_parked_is_listed_with_how_often_it_was_tried_and_why_the_longest_first() {
    on_each_engine(async |store| {
        let other_project = IssueRef { project_id: 2, iid: 1 };
        park(&store, issue(1), 2, 30).await;
        park(&store, other_project, 1, 20).await;
        park(&store, issue(2), 1, 20).await;
        store.mark(glimpse(9), None, Millis(40)).await.unwrap();
        let all = store.parked().await.unwrap();
        let told: Vec<_> = all.iter().map(|one| (one.issue, one.parked_at.0, one.attempts)).collect();
        assert_eq!(told, [(issue(2), 20, 1), (other_project, 20, 1), (issue(1), 30, 2)]);
        assert_eq!(all[2].reason, "why 1#1 is parked");

        // It is not what a worker waits for.
        let waiting = claim(&store, 40).await.unwrap();
        assert!(store.finish(waiting, Release::Done(None), Millis(40)).await.unwrap());
        assert_eq!(store.claim(Millis(40), LEASE).await, Ok(Claimed::Nothing { next_due_at: None }));
    })
    .await;
}

#[tokio::test]
async fn only_what_is_parked_is_tried_again_at_once_with_a_clean_slate() {
    on_each_engine(async |store| {
        park(&store, issue(1), 2, 10).await;
        park(&store, issue(2), 1, 10).await;
        assert_eq!(store.retry_parked(issue(1), Millis(5)).await, Ok(true));
        assert_eq!(parked(&store).await, [issue(2)]);
        assert_eq!(store.depth().await.unwrap().oldest_marked_at, Some(Millis(5)));
        let again = claim(&store, 5).await.unwrap();
        assert_eq!((again.issue, again.attempts, again.marked_at), (issue(1), 1, Millis(5)));

        // Neither what is worked on nor what waits.
        assert_eq!(store.retry_parked(issue(1), Millis(6)).await, Ok(false));
        assert!(store.finish(again, Release::Retry(LEASE), Millis(6)).await.unwrap());
        assert_eq!(store.retry_parked(issue(1), Millis(7)).await, Ok(false));
        assert_eq!(store.retry_parked(issue(3), Millis(7)).await, Ok(false));
        let lease = i64::try_from(LEASE.as_millis()).unwrap();
        let waiting = Claimed::Nothing { next_due_at: Some(Millis(6 + lease)) };
        assert_eq!(store.claim(Millis(7), LEASE).await, Ok(waiting));
    })
    .await;
}

#[tokio::test]
async fn only_what_is_parked_is_dropped() {
    on_each_engine(async |store| {
        park(&store, issue(1), 1, 10).await;
        park(&store, issue(2), 1, 10).await;
        store.mark(glimpse(3), None, Millis(10)).await.unwrap();
        assert_eq!(store.drop_parked(issue(1)).await, Ok(true));
        assert_eq!(store.drop_parked(issue(1)).await, Ok(false));
        assert_eq!(store.drop_parked(issue(3)).await, Ok(false), "it waits");
        assert_eq!(parked(&store).await, [issue(2)]);
        assert_eq!(store.depth().await.unwrap().waiting, 1);
    })
    .await;
}
