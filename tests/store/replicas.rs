//! What replicas share in PostgreSQL: claims, pauses, duties, and news of marks.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

use escalator::clock::Millis;
use escalator::store::{Act, Claimed, Duty, Held, Origin, PolicyDigest, Release, Store, Write};
use tokio_postgres::NoTls;

use super::{LEASE, claim, glimpse, issue, postgres};

/// Long before the next look that nobody has to be woken for.
const AT_ONCE: Duration = Duration::from_millis(900);

/// Two stores on one database.
async fn two() -> (Store, Store) {
    let url = postgres::shared().create_database();
    let (first, second) = tokio::join!(Store::connect(&url), Store::connect(&url));
    (first.unwrap(), second.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_an_issue_that_another_one_has() {
    const ISSUES: u64 = 200;
    let (first, second) = two().await;
    for iid in 0..ISSUES {
        let store = if iid % 2 == 0 { &first } else { &second };
        store.mark(glimpse(iid), None, Millis(0)).await.unwrap();
    }
    let claim_all = async |store: &Store| {
        let mut claimed = Vec::new();
        while let Some(claim) = claim(store, 0).await {
            claimed.push(claim.issue);
        }
        claimed
    };
    let (mine, hers, his) = tokio::join!(claim_all(&first), claim_all(&second), claim_all(&second));
    let all = [mine, hers, his].concat();
    assert_eq!(all.len(), all.iter().collect::<BTreeSet<_>>().len(), "an issue was claimed twice");
    // Who steps over a row that another one is just taking may find nothing else; the queue is empty all the same.
    assert_eq!(all.len(), usize::try_from(ISSUES).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_and_claims_of_the_same_issues_at_the_same_time_lose_none() {
    let (first, second) = two().await;
    let mark = async |store: &Store| {
        for round in 0..100 {
            store.mark(glimpse(round % 5), None, Millis(0)).await.unwrap();
        }
    };
    let work = async |store: &Store| {
        for _ in 0..60 {
            if let Some(claim) = claim(store, 10_000).await {
                assert!(store.finish(claim, Release::Done(None), Millis(0)).await.unwrap());
            }
        }
    };
    tokio::join!(mark(&first), mark(&second), work(&first), work(&second));
    first.mark(glimpse(77), None, Millis(0)).await.unwrap();
    while let Some(claim) = claim(&second, 20_000).await {
        assert!(second.finish(claim, Release::Done(None), Millis(20_000)).await.unwrap());
    }
    assert_eq!(first.depth().await.unwrap().waiting, 0);
}

#[tokio::test]
async fn who_pauses_pauses_all_and_never_shortens_a_pause() {
    let (first, second) = two().await;
    first.mark(glimpse(1), None, Millis(0)).await.unwrap();
    first.pause(Millis(5_000)).await.unwrap();
    second.pause(Millis(3_000)).await.unwrap();
    assert_eq!(second.claim(Millis(4_999), LEASE).await, Ok(Claimed::Paused { until: Millis(5_000) }));
    assert_eq!(claim(&second, 5_000).await.unwrap().issue, issue(1));
}

#[tokio::test]
async fn a_claim_that_had_to_wait_for_a_connection_is_ours_no_longer_than_the_database_says() {
    let (store, other) = two().await;
    other.mark(glimpse(1), None, Millis(0)).await.unwrap();
    // Calls that have begun and do not go on, more than there are connections.
    let mut calls: Vec<_> = (0..100).map(|_| Box::pin(store.depth())).collect();
    for call in &mut calls {
        assert!(!begin(call.as_mut()).await);
    }
    let mut claiming = pin!(store.claim(Millis(0), LEASE));
    assert!(!begin(claiming.as_mut()).await);
    let waited_since = Instant::now();
    drop(calls);
    let Claimed::Issue(claim) = claiming.await.unwrap() else { panic!("nothing is due") };
    assert!(claim.ours_until <= waited_since + LEASE);
}

/// Lets something go on once. Tells whether it is done.
async fn begin(mut call: Pin<&mut impl Future>) -> bool {
    poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_ready())).await
}

#[tokio::test]
async fn a_duty_is_one_replicas_until_it_leaves_it_or_is_gone() {
    let (first, second) = two().await;
    let period = Duration::from_secs(30);
    let take = async |store: &Store, now| store.take_duty(Duty::Sweep, Millis(now), period).await.unwrap();
    assert!(take(&first, 0).await);
    assert!(!take(&second, 29_999).await);
    assert!(second.take_duty(Duty::Scribe, Millis(0), period).await.unwrap(), "another duty");
    assert!(take(&first, 20_000).await, "renewed");
    assert!(!take(&second, 49_999).await);
    assert!(take(&second, 50_000).await, "the first one is gone");
    first.leave_duty(Duty::Sweep).await.unwrap();
    assert!(!take(&first, 50_001).await, "who has lost a duty has nothing to leave");
    second.leave_duty(Duty::Sweep).await.unwrap();
    assert!(take(&first, 50_001).await);
    let scribe = first.take_duty(Duty::Scribe, Millis(29_999), period).await.unwrap();
    assert!(!scribe, "who leaves one duty keeps the others");
}

#[tokio::test]
async fn who_lost_a_duty_notes_no_write_under_it_and_does_not_renew_it() {
    let (first, second) = two().await;
    let (clerk, period) = (Held::Duty(Duty::Clerk), Duration::from_secs(30));
    let notes = async |store: &Store, now| {
        let reply = Write { act: Act::CommentPosted(None), user_id: 9, origin: Origin::Command };
        store.intend(issue(1), vec![reply], Some(clerk), Millis(now)).await.unwrap()
    };
    assert!(first.take_duty(Duty::Clerk, Millis(0), period).await.unwrap());
    assert!(first.renew(clerk, Millis(10_000), period).await.unwrap());
    assert!(notes(&first, 39_999).await);
    assert!(!notes(&second, 39_999).await);
    assert!(second.take_duty(Duty::Clerk, Millis(40_000), period).await.unwrap());
    assert!(!notes(&first, 40_001).await);
    assert!(notes(&second, 40_001).await);
    second.leave_duty(Duty::Clerk).await.unwrap();
    assert!(!first.renew(clerk, Millis(40_002), period).await.unwrap(), "another one had it meanwhile");
    assert!(!notes(&first, 40_002).await);
    assert_eq!(first.writes(issue(1), Millis(0)).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_policy_is_seen_by_those_who_have_another_one_as_long_as_somebody_works_by_it() {
    let (first, second) = two().await;
    let [old, new] = ["old", "new"].map(|rule| PolicyDigest::of(&rule));
    let period = Duration::from_secs(30);
    let others = async |policy, now| second.other_policy_at_work(policy, Millis(now)).await.unwrap();
    assert!(first.take_duty(Duty::Sweep, Millis(0), period).await.unwrap());
    assert!(!others(new, 0).await, "another duty is no policy");
    assert!(first.take_duty(Duty::Policy(old), Millis(0), period).await.unwrap());
    assert!(second.take_duty(Duty::Policy(new), Millis(0), period).await.unwrap());
    assert!(others(new, 29_999).await && others(old, 29_999).await);
    assert!(!others(new, 30_000).await, "the one who had it is gone");
    assert!(second.take_duty(Duty::Policy(new), Millis(30_000), period).await.unwrap());
    assert!(!others(new, 30_000).await && others(old, 30_000).await);
}

/// Until a mark of the first wakes a worker of the second.
async fn until_one_wakes_the_other(first: &Store, second: &Store) {
    let woken = tokio::time::timeout(Duration::from_secs(60), async {
        // Listening begins a moment after the store is open.
        for iid in 0.. {
            first.mark(glimpse(iid), None, Millis(0)).await.unwrap();
            if tokio::time::timeout(AT_ONCE, second.until_marked()).await.is_ok() {
                break;
            }
        }
    });
    assert!(woken.await.is_ok(), "no mark woke the other replica");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_wakes_a_worker_of_another_replica_even_after_its_connections_were_ended() {
    let url = postgres::shared().create_database();
    let (first, second) = (Store::connect(&url).await.unwrap(), Store::connect(&url).await.unwrap());
    until_one_wakes_the_other(&first, &second).await;
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    client.batch_execute(end).await.unwrap();
    // What was told before.
    while tokio::time::timeout(AT_ONCE, second.until_marked()).await.is_ok() {}
    until_one_wakes_the_other(&first, &second).await;
}
