//! Locks that others hold, and connections that break: no claim waits, and a call that fails does no harm to the next one.

use std::pin::pin;
use std::time::{Duration, Instant};

use escalator::calculator::issue::Glimpse;
use escalator::calculator::label::Label;
use escalator::clock::Millis;
use escalator::store::{
    Act, Answered, Claimed, Echo, Error, Marked, Origin, Release, StopReason, Store, Write,
};
use futures_util::future::{Either, select};
use tokio_postgres::{Client, NoTls};

use super::commands::answered;
use super::echo::{COMMENT, done, work};
use super::{LEASE, PATIENCE, claim, glimpse, issue, postgres, with_patience};

/// Sessions of the store that wait for a lock.
const WAITING: &str = "SELECT pid FROM pg_stat_activity
                       WHERE datname = current_database() AND application_name = 'escalator'
                           AND wait_event_type = 'Lock'";

/// A store where an issue is claimed, and a connection that stands in its way.
async fn store_and_client() -> (Store, Client) {
    at(&postgres::shared().create_database()).await
}

async fn at(url: &str) -> (Store, Client) {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    (Store::connect(url).await.unwrap(), client)
}

/// Until so many sessions of the store wait for a lock.
async fn until_waiting(client: &Client, sessions: usize) {
    let started = Instant::now();
    let waiting = async || {
        // Within a transaction, what was seen first would be seen again.
        client.batch_execute("SELECT pg_stat_clear_snapshot()").await.unwrap();
        client.query(WAITING, &[]).await.unwrap().len()
    };
    while waiting().await != sessions {
        assert!(started.elapsed() < PATIENCE, "never {sessions} sessions wait");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Nobody has to wait for whoever is just taking an issue, not even to hear that there is no other one.
#[tokio::test]
async fn a_claim_steps_over_what_another_one_is_just_taking() {
    let (store, client) = store_and_client().await;
    for (iid, at) in [(1, 10), (2, 20), (3, 99_000)] {
        store.mark(glimpse(iid), None, Millis(at)).await.unwrap();
    }
    client.batch_execute("BEGIN; SELECT FROM queue WHERE iid <> 2 FOR UPDATE").await.unwrap();
    let claimed = claim(&store, 50).await.unwrap();
    assert_eq!(claimed.issue, issue(2));
    let claimed = store.claim(Millis(50), LEASE).await;
    let Ok(Claimed::Nothing { next_due_at: Some(at) }) = claimed else { panic!("{claimed:?}") };
    assert!((51..1_000).contains(&at.0), "again soon, and not at once: {at:?}");
    client.batch_execute("COMMIT").await.unwrap();
    assert_eq!(claim(&store, 50).await.unwrap().issue, issue(1));
}

#[tokio::test]
async fn a_call_that_waits_for_a_lock_in_vain_gives_up_in_the_server_too_and_can_be_repeated() {
    let (store, client) = store_and_client().await;
    store.mark(glimpse(1), None, Millis(0)).await.unwrap();
    let claimed = claim(&store, 0).await.unwrap();
    client.batch_execute("BEGIN; SELECT FROM queue FOR UPDATE").await.unwrap();
    let finish = async || store.finish(claimed, Release::Done(None), Millis(1)).await;
    assert!(matches!(finish().await, Err(Error::Unavailable(_))));
    until_waiting(&client, 0).await;
    client.batch_execute("COMMIT").await.unwrap();
    assert_eq!(finish().await, Ok(true));
    assert_eq!(store.depth().await.unwrap().waiting, 0);
}

#[tokio::test]
async fn a_mark_whose_connection_dies_is_made_with_another_one() {
    let scene = async |url: String| {
        let (store, client) = at(&url).await;
        store.mark(glimpse(1), None, Millis(0)).await?;
        let claimed = claim(&store, 0).await.unwrap();
        client.batch_execute("BEGIN; SELECT FROM queue FOR UPDATE").await.unwrap();
        let break_off = async {
            until_waiting(&client, 1).await;
            let end = format!("SELECT pg_terminate_backend(pid) FROM ({WAITING}) AS waiting");
            client.batch_execute(&end).await.unwrap();
            client.batch_execute("COMMIT").await.unwrap();
            Ok(())
        };
        let (marked, ()) = tokio::try_join!(store.mark(glimpse(1), None, Millis(1)), break_off)?;
        Ok((store, claimed, marked))
    };
    let (store, claimed, marked) = with_patience(scene).await;
    assert_eq!(marked, Marked::Queued);
    assert!(store.finish(claimed, Release::Done(None), Millis(2)).await.unwrap());
    assert_eq!(store.depth().await.unwrap().waiting, 1, "it was marked during the look");
}

/// Stands between the two statements of a call: what is heard of an issue is read and kept there, and what is in the way
/// of nobody else.
const HOLD: &str = "BEGIN; LOCK TABLE echo IN EXCLUSIVE MODE";

#[tokio::test]
async fn a_mark_in_the_middle_of_an_ending_is_not_lost() {
    let scene = async |url: String| {
        let (store, client) = at(&url).await;
        store.mark(glimpse(1), None, Millis(0)).await?;
        let claimed = claim(&store, 0).await.unwrap();
        client.batch_execute(HOLD).await.unwrap();
        let mark = async {
            until_waiting(&client, 1).await;
            // It waits until the ending is over, or is made before.
            let marking = pin!(store.mark(glimpse(1), None, Millis(1)));
            let (marked, waiting) = match select(marking, pin!(until_waiting(&client, 2))).await {
                Either::Left((marked, _)) => (Some(marked), None),
                Either::Right(((), marking)) => (None, Some(marking)),
            };
            client.batch_execute("COMMIT").await.unwrap();
            match waiting {
                Some(marking) => marking.await,
                None => marked.unwrap(),
            }
        };
        let finish = store.finish(claimed, Release::Done(None), Millis(1));
        tokio::try_join!(finish, mark).map(|seen| (store, seen))
    };
    let (store, seen) = with_patience(scene).await;
    assert_eq!(seen, (true, Marked::Queued));
    assert_eq!(store.depth().await.unwrap().waiting, 1);
}

#[tokio::test]
async fn what_is_heard_just_before_an_ending_is_compared_with_it() {
    let scene = async |url: String| {
        let (store, client) = at(&url).await;
        let claimed = work(&store).await;
        client.batch_execute(HOLD).await.unwrap();
        let heard = Echo { glimpse: Glimpse { labels: vec![Label::new("old")], ..glimpse(1) }, note: None };
        let end = async {
            until_waiting(&client, 1).await;
            let go_on = async {
                until_waiting(&client, 2).await;
                client.batch_execute("COMMIT").await.unwrap();
                Ok(())
            };
            let (ended, ()) = tokio::try_join!(store.finish(claimed, done(), Millis(1)), go_on)?;
            Ok(ended)
        };
        tokio::try_join!(store.hear(heard, Millis(1)), end).map(|seen| (store, seen))
    };
    let (store, seen) = with_patience(scene).await;
    assert_eq!(seen, (Marked::Unchanged, true));
    assert_eq!(store.depth().await.unwrap().waiting, 1, "it was left with another label");
}

/// Under this lock replicas note what they are about to write.
const WRITES: &str = "x'65736366757365'::bigint";

#[tokio::test]
async fn writing_is_not_stopped_while_somebody_is_noting_what_is_about_to_be_written() {
    let scene = async |url: String| {
        let (store, client) = at(&url).await;
        client.batch_execute(&format!("SELECT pg_advisory_lock({WRITES})")).await.unwrap();
        let noted = async {
            until_waiting(&client, 1).await;
            client.batch_execute(&format!("SELECT pg_advisory_unlock({WRITES})")).await.unwrap();
            Ok(())
        };
        tokio::try_join!(store.stop_writing(None, StopReason::Undo, Millis(1)), noted).map(|_| store)
    };
    let store = with_patience(scene).await;
    assert_eq!(store.stops().await.unwrap().len(), 1);
}

/// Each of these has more than one statement, and the last one of them fails.
#[tokio::test]
async fn what_cannot_be_done_as_a_whole_is_not_done_at_all() {
    let (store, client) = store_and_client().await;
    let claimed = work(&store).await;
    assert!(store.finish(claimed, done(), Millis(1)).await.unwrap());
    store.stop_writing(Some(issue(1)), StopReason::Undo, Millis(1)).await.unwrap();
    let (before, claimed) = (store.writes(issue(1), Millis(0)).await, work(&store).await);
    let hold = async |tables| {
        client.batch_execute(&format!("BEGIN; LOCK TABLE {tables} IN EXCLUSIVE MODE")).await.unwrap();
    };
    let deleted = Write { act: Act::CommentDeleted(COMMENT), user_id: 9, origin: Origin::Undo };
    let answer = Answered { writes: vec![deleted.clone()], ..answered(7, "done") };

    hold("queue").await;
    assert!(store.resume(None, Millis(2)).await.is_err());
    client.batch_execute("COMMIT").await.unwrap();
    hold("write_ledger").await;
    assert!(store.keep_answered(answer, Millis(2)).await.is_err());
    assert!(store.finish(claimed, done(), Millis(2)).await.is_err());
    client.batch_execute("COMMIT").await.unwrap();
    hold("followed").await;
    assert!(store.took_back(issue(1), vec![deleted], Millis(2)).await.is_err());
    client.batch_execute("COMMIT").await.unwrap();

    assert_eq!(store.stops().await.unwrap().len(), 1, "no stop was lifted");
    assert_eq!(store.is_answered(7, "a").await, Ok(false));
    assert_eq!(store.writes(issue(1), Millis(0)).await, before);
    assert_eq!(store.finish(claimed, done(), Millis(3)).await, Ok(true), "it is still claimed");
}
