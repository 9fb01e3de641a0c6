//! Commands in comments: which notes are to be read, and that none is answered twice.

use escalator::clock::Millis;
use escalator::store::{Answered, Claimed};

use super::{LEASE, issue, on_each_engine};

#[tokio::test]
async fn a_reading_that_is_asked_for_meanwhile_is_due_again() {
    on_each_engine(async |store| {
        store.ask_to_read(issue(1), Millis(5)).await.unwrap();
        assert!(store.unread(Millis(4)).await.unwrap().is_empty());
        let first = store.unread(Millis(5)).await.unwrap();
        assert_eq!(first.len(), 1);
        store.ask_to_read(issue(1), Millis(6)).await.unwrap();
        store.end_reading(first[0], Some(3)).await.unwrap();
        let second = store.unread(Millis(6)).await.unwrap();
        assert_eq!((second.len(), second[0].issue), (1, issue(1)));

        store.postpone_reading(second[0], Millis(9)).await.unwrap();
        assert!(store.unread(Millis(8)).await.unwrap().is_empty());
        let again = store.unread(Millis(i64::MAX)).await.unwrap();
        assert_eq!(again[0].attempts, 1);
        store.end_reading(again[0], None).await.unwrap();
        assert!(store.unread(Millis(i64::MAX)).await.unwrap().is_empty());
        assert_eq!(store.comments_read(issue(1)).await, Ok(Some(3)));
        assert_eq!(store.comments_read(issue(2)).await, Ok(None));
    })
    .await;
}

#[tokio::test]
async fn an_answered_command_is_known_by_its_note_and_its_request() {
    on_each_engine(async |store| {
        let answered = Answered {
            issue: issue(1),
            note_id: 7,
            digest: "a".to_owned(),
            user_id: 3,
            verb: None,
            outcome: "unknown-command",
            added: None,
            removed: None,
        };
        store.keep_answered(answered.clone(), Millis(1)).await.unwrap();
        store.keep_answered(answered, Millis(2)).await.unwrap();
        assert_eq!(store.is_answered(7, "a").await, Ok(true));
        assert_eq!(store.is_answered(7, "b").await, Ok(false));
        assert_eq!(store.is_answered(8, "a").await, Ok(false));
    })
    .await;
}

#[tokio::test]
async fn a_recheck_queues_an_issue_that_nobody_follows_and_runs_a_claimed_one_once_more() {
    on_each_engine(async |store| {
        store.recheck(issue(1), Millis(1)).await.unwrap();
        let claimed = store.claim(Millis(1), LEASE).await.unwrap();
        assert!(matches!(claimed, Claimed::Issue(claim) if claim.issue == issue(1)));
        store.recheck(issue(1), Millis(2)).await.unwrap();
        let Claimed::Issue(claim) = claimed else { return };
        store.finish(claim, escalator::store::Release::Done(None), Millis(3)).await.unwrap();
        assert_eq!(store.depth().await.unwrap().waiting, 1);
    })
    .await;
}
