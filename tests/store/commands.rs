//! Commands in comments: which notes are to be read, and that none is answered twice.

use escalator::calculator::issue::IssueRef;
use escalator::calculator::label::Label;
use escalator::clock::Millis;
use escalator::store::{Act, Answered, Claimed, LabelCommand, Origin, Stage, Write};

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
async fn what_was_asked_for_during_a_reading_that_fails_is_not_postponed_and_the_longest_due_comes_first() {
    on_each_engine(async |store| {
        store.ask_to_read(issue(1), Millis(5)).await.unwrap();
        store.ask_to_read(issue(2), Millis(6)).await.unwrap();
        let due = async || -> Vec<_> {
            let unread = store.unread(Millis(9)).await.unwrap();
            unread.into_iter().map(|reading| (reading.issue, reading.attempts)).collect()
        };
        let failing = store.unread(Millis(5)).await.unwrap()[0];
        store.ask_to_read(issue(1), Millis(7)).await.unwrap();
        store.postpone_reading(failing, Millis(99)).await.unwrap();
        assert_eq!(due().await, [(issue(2), 0), (issue(1), 0)]);
    })
    .await;
}

/// A command of user 3 in that note on issue 1, that changed nothing.
pub fn answered(note_id: u64, outcome: &'static str) -> Answered {
    Answered {
        issue: issue(1),
        note_id,
        digest: "a".to_owned(),
        user_id: 3,
        verb: None,
        outcome,
        added: None,
        removed: None,
        writes: Vec::new(),
    }
}

#[tokio::test]
async fn an_answered_command_is_known_by_its_note_and_its_request() {
    on_each_engine(async |store| {
        let answered = answered(7, "unknown-command");
        store.keep_answered(answered.clone(), Millis(1)).await.unwrap();
        store.keep_answered(answered, Millis(2)).await.unwrap();
        assert_eq!(store.is_answered(7, "a").await, Ok(true));
        assert_eq!(store.is_answered(7, "b").await, Ok(false));
        assert_eq!(store.is_answered(8, "a").await, Ok(false));
    })
    .await;
}

#[tokio::test]
async fn what_was_written_for_a_command_is_in_the_ledger_of_writes_with_it() {
    on_each_engine(async |store| {
        let label = || Label::new("complexity::yes");
        let write = |act| Write { act, user_id: 9, origin: Origin::Command };
        let writes = vec![write(Act::LabelAdded(label())), write(Act::CommentPosted(Some(8)))];
        store.intend(issue(1), vec![write(Act::LabelAdded(label()))], None, Millis(1)).await.unwrap();
        store.keep_answered(Answered { writes, ..answered(7, "done") }, Millis(2)).await.unwrap();
        let told: Vec<_> = store.writes(issue(1), Millis(0)).await.unwrap();
        let told: Vec<_> =
            told.into_iter().map(|written| (written.at.0, written.stage, written.write.act)).collect();
        assert_eq!(
            told,
            [
                (1, Stage::Intended, Act::LabelAdded(label())),
                (2, Stage::Done, Act::LabelAdded(label())),
                (2, Stage::Done, Act::CommentPosted(Some(8))),
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn who_was_answered_how_is_known_for_a_while_and_on_one_issue() {
    on_each_engine(async |store| {
        store.keep_answered(answered(7, "stranger"), Millis(10)).await.unwrap();
        let told = async |iid, user_id, outcome, since| {
            store.was_answered(issue(iid), user_id, outcome, Millis(since)).await.unwrap()
        };
        assert!(told(1, 3, "stranger", 10).await);
        assert!(!told(1, 3, "stranger", 11).await, "longer ago");
        assert!(!told(2, 3, "stranger", 0).await, "on another issue");
        assert!(!told(1, 4, "stranger", 0).await, "somebody else");
        assert!(!told(1, 3, "help", 0).await, "otherwise");
    })
    .await;
}

#[tokio::test]
async fn commands_that_set_labels_tell_who_gave_them() {
    on_each_engine(async |store| {
        let (yes, no) = (Label::new("complexity::yes"), Label::new("complexity::no"));
        let first = Answered { added: Some(yes.clone()), ..answered(7, "done") };
        let second = Answered {
            added: Some(no.clone()),
            removed: Some(yes.clone()),
            user_id: 4,
            ..answered(8, "done")
        };
        store.keep_answered(second, Millis(20)).await.unwrap();
        store.keep_answered(first, Millis(10)).await.unwrap();
        store.keep_answered(answered(9, "help"), Millis(30)).await.unwrap();
        let told = [
            LabelCommand { user_id: 3, added: yes.clone(), removed: None, at: Millis(10) },
            LabelCommand { user_id: 4, added: no, removed: Some(yes), at: Millis(20) },
        ];
        assert_eq!(store.label_commands(issue(1)).await, Ok(told.to_vec()));
        assert_eq!(store.label_commands(issue(2)).await, Ok(Vec::new()));
        let elsewhere = IssueRef { project_id: 2, ..issue(1) };
        assert_eq!(store.label_commands(elsewhere).await, Ok(Vec::new()));
    })
    .await;
}

#[tokio::test]
async fn a_recheck_queues_an_issue_that_nobody_follows_and_runs_a_claimed_one_once_more() {
    on_each_engine(async |store| {
        store.recheck(vec![issue(1)], Millis(1)).await.unwrap();
        let claimed = store.claim(Millis(1), LEASE).await.unwrap();
        assert!(matches!(claimed, Claimed::Issue(claim) if claim.issue == issue(1)));
        store.recheck(vec![issue(1)], Millis(2)).await.unwrap();
        let Claimed::Issue(claim) = claimed else { return };
        store.finish(claim, escalator::store::Release::Done(None), Millis(3)).await.unwrap();
        assert_eq!(store.depth().await.unwrap().waiting, 1);
    })
    .await;
}
