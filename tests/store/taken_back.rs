//! What an undo asks of the store.

use std::time::{Duration, Instant};

use escalator::calculator::issue::IssueRef;
use escalator::calculator::label::Label;
use escalator::clock::Millis;
use escalator::store::{Act, NoteRef, Origin, Stage, Store, Write};
use tokio_postgres::NoTls;

use super::echo::{COMMENT, by_us, done, work};
use super::{PATIENCE, issue, on_each_engine, postgres};

async fn write(store: &Store, issue: IssueRef, at: i64) {
    let label = Act::LabelAdded(Label::new("platform-escalation"));
    store.intend(issue, vec![by_us(label), by_us(Act::CommentPosted(None))], None, Millis(at)).await.unwrap();
}

#[tokio::test]
async fn the_issues_that_were_written_to_since_are_listed_once_each_in_their_order() {
    on_each_engine(async |store| {
        let other_project = IssueRef { project_id: 2, iid: 1 };
        for (issue, at) in
            [(other_project, 30), (issue(3), 10), (issue(2), 20), (issue(3), 20), (issue(1), 19)]
        {
            write(&store, issue, at).await;
        }
        let since = Millis(20);
        assert_eq!(store.count_written_issues(since).await, Ok(3));
        let all = vec![issue(2), issue(3), other_project];
        assert_eq!(store.written_issues(since, None).await, Ok(all.clone()));
        assert_eq!(store.written_issues(since, Some(issue(2))).await, Ok(all[1..].to_vec()));
        assert_eq!(store.written_issues(since, Some(issue(3))).await, Ok(all[2..].to_vec()));
        assert_eq!(store.written_issues(since, Some(other_project)).await, Ok(vec![]));
        assert_eq!(store.count_written_issues(Millis(31)).await, Ok(0));
    })
    .await;
}

/// Seconds, where millions of writes were made. What else is asked loses patience meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn postgresql_may_take_its_time_to_count_them() {
    let url = postgres::shared().create_database();
    let store = Store::connect(&url).await.unwrap();
    write(&store, issue(1), 1).await;
    let (slow, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    slow.batch_execute("BEGIN; LOCK TABLE write_ledger IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let counting = tokio::spawn({
        let store = store.clone();
        async move { store.count_written_issues(Millis(0)).await }
    });
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'write_ledger'::regclass";
    let started = Instant::now();
    while slow.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        assert!(started.elapsed() < PATIENCE, "it does not wait");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(store.written_issues(Millis(0), None).await.is_err());
    slow.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(counting.await.unwrap(), Ok(1));
}

#[tokio::test]
async fn more_issues_than_are_listed_at_once_are_all_found() {
    on_each_engine(async |store| {
        let many = 1003;
        for iid in 1..=many {
            write(&store, issue(iid), 1).await;
        }
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = store.written_issues(Millis(0), after).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(*last);
            found.extend(page);
        }
        assert_eq!(found, (1..=many).map(issue).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn a_comment_that_was_taken_back_is_forgotten_and_another_one_is_not() {
    on_each_engine(async |store| {
        let claim = work(&store).await;
        assert!(store.finish(claim, done(), Millis(1)).await.unwrap());
        let known = async || store.recall(issue(1)).await.unwrap().unwrap();
        let undo = |act| Write { act, user_id: 9, origin: Origin::Undo };
        let label = Act::LabelRemoved(Label::new("new"));
        store.took_back(issue(1), vec![undo(label), undo(Act::CommentDeleted(8))], Millis(2)).await.unwrap();
        let note = NoteRef { id: COMMENT, digest: Some("new".to_owned()) };
        let before = known().await;
        assert_eq!(before.note, Some(note));

        store.took_back(issue(1), vec![undo(Act::CommentDeleted(COMMENT))], Millis(3)).await.unwrap();
        let after = known().await;
        assert_eq!((after.note, after.memory), (None, before.memory), "only the comment is forgotten");
        let last = store.writes(issue(1), Millis(3)).await.unwrap();
        assert_eq!(last.len(), 1);
        assert_eq!((last[0].stage, &last[0].write), (Stage::Done, &undo(Act::CommentDeleted(COMMENT))));
    })
    .await;
}
