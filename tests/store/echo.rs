//! Echoes: webhooks that tell of our own doings, at once or long after.

use std::collections::BTreeMap;

use escalator::calculator::agreement::Involvement;
use escalator::calculator::assess::Decision;
use escalator::calculator::issue::{Moment, State, WorkItemType};
use escalator::calculator::label::Label;
use escalator::calculator::standing::{LabelDifference, Standing};
use escalator::clock::Millis;
use escalator::store::{Act, Claim, Echo, Entry, Marked, NoteRef, Origin, Record, Release, Store, Write};

use super::{claim, glimpse, issue, on_each_engine};

pub const COMMENT: u64 = 7;

/// What a webhook tells of our own doing: the label that the issue bears, and perhaps a comment.
fn echo(label: &str, note: Option<(u64, &str)>) -> Echo {
    let mut glimpse = glimpse(1);
    glimpse.labels.push(Label::new(label));
    Echo { glimpse, note: note.map(|(id, digest)| NoteRef { id, digest: Some(digest.to_owned()) }) }
}

/// Looked at: the issue was left with the label `new`, and a comment that reads `new`.
pub fn done() -> Release {
    let standing = Standing {
        sources: Vec::new(),
        disambiguations: Vec::new(),
        answers: BTreeMap::new(),
        score: 0,
        band: "none".to_owned(),
        decision: Decision::Undecided,
    };
    Release::Done(Some(Box::new(Record {
        state: State::Opened,
        work_item_type: WorkItemType::Incident,
        labels: vec![Label::new("new")],
        hands: Vec::new(),
        note: Some(NoteRef { id: COMMENT, digest: Some("new".to_owned()) }),
        involvement: Involvement::Written,
        decided: None,
        entry: Some(Entry {
            at: Moment(0),
            policy_version: "1".to_owned(),
            before: None,
            after: standing,
            labels: LabelDifference::default(),
        }),
        writes: vec![by_us(Act::CommentPosted(Some(COMMENT)))],
    })))
}

/// A write of the service's.
pub fn by_us(act: Act) -> Write {
    Write { act, user_id: 9, origin: Origin::Service }
}

pub async fn work(store: &Store) -> Claim {
    store.mark(glimpse(1), None, Millis(0)).await.unwrap();
    claim(store, 0).await.unwrap()
}

/// The comment that is remembered: which, and how it reads.
async fn note(store: &Store) -> Option<(u64, Option<String>)> {
    let note = store.recall(issue(1)).await.unwrap().unwrap().note;
    note.map(|note| (note.id, note.digest))
}

fn known(digest: Option<&str>) -> Option<(u64, Option<String>)> {
    Some((COMMENT, digest.map(str::to_owned)))
}

/// Echoes that show the issue other than it is left; after those of a comment, it is looked for which one is ours.
fn strange() -> [Echo; 3] {
    [echo("old", None), echo("new", Some((COMMENT, "old"))), echo("new", Some((8, "new")))]
}

#[tokio::test]
async fn what_shows_an_issue_as_it_was_left_brings_nothing() {
    on_each_engine(async |store| {
        let claimed = work(&store).await;
        let echoes = || [echo("new", None), echo("new", Some((COMMENT, "new")))];
        for echo in echoes() {
            assert_eq!(store.hear(echo, Millis(1)).await, Ok(Marked::Unchanged));
        }
        store.finish(claimed, done(), Millis(2)).await.unwrap();
        for echo in echoes() {
            assert_eq!(store.hear(echo, Millis(3)).await, Ok(Marked::Unchanged));
        }
        assert_eq!(store.depth().await.unwrap().waiting, 0);
        assert_eq!(note(&store).await, known(Some("new")));
    })
    .await;
}

#[tokio::test]
async fn what_shows_it_otherwise_while_it_is_worked_on_brings_another_look() {
    for echo in strange() {
        on_each_engine(async |store| {
            let echo = echo.clone();
            let claimed = work(&store).await;
            store.hear(echo.clone(), Millis(1)).await.unwrap();
            store.finish(claimed, done(), Millis(2)).await.unwrap();
            assert_eq!(store.depth().await.unwrap().waiting, 1, "{echo:?}");
            assert_eq!(note(&store).await.is_none(), echo.note.is_some(), "{echo:?}");

            // Heard once, compared once.
            let again = claim(&store, 10_000).await.unwrap();
            store.finish(again, done(), Millis(10_001)).await.unwrap();
            assert_eq!(store.depth().await.unwrap().waiting, 0);
        })
        .await;
    }
}

#[tokio::test]
async fn what_is_heard_before_a_failure_is_compared_after_the_success() {
    for echo in strange() {
        on_each_engine(async |store| {
            let echo = echo.clone();
            let claimed = work(&store).await;
            store.hear(echo.clone(), Millis(1)).await.unwrap();
            store.finish(claimed, Release::Paused, Millis(2)).await.unwrap();
            let again = claim(&store, 3).await.unwrap();
            store.finish(again, done(), Millis(4)).await.unwrap();
            assert_eq!(store.depth().await.unwrap().waiting, 1, "{echo:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn what_shows_it_otherwise_afterwards_brings_another_look() {
    for echo in strange() {
        on_each_engine(async |store| {
            let echo = echo.clone();
            let claimed = work(&store).await;
            store.finish(claimed, done(), Millis(1)).await.unwrap();
            assert_eq!(store.hear(echo.clone(), Millis(2)).await, Ok(Marked::Queued));
            assert_eq!(store.depth().await.unwrap().waiting, 1, "{echo:?}");
            assert_eq!(note(&store).await.is_none(), echo.note.is_some(), "{echo:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn nobody_claims_to_know_how_a_comment_reads_between_an_edit_and_its_record() {
    on_each_engine(async |store| {
        let claimed = work(&store).await;
        store.finish(claimed, done(), Millis(1)).await.unwrap();
        let edit = by_us(Act::CommentEdited(COMMENT));
        store.intend(issue(1), vec![edit], None, Millis(2)).await.unwrap();
        assert_eq!(note(&store).await, known(None));
        // It will be written anyhow, so that need not be looked for.
        store.hear(echo("new", Some((COMMENT, "old"))), Millis(2)).await.unwrap();
        assert_eq!(note(&store).await, known(None));
        let claimed = work(&store).await;
        store.finish(claimed, done(), Millis(3)).await.unwrap();
        assert_eq!(note(&store).await, known(Some("new")));
    })
    .await;
}

#[tokio::test]
async fn each_difference_of_a_comment_brings_another_look_even_where_one_side_is_not_known() {
    on_each_engine(async |store| {
        let note = |id, digest: Option<&str>| Some(NoteRef { id, digest: digest.map(str::to_owned) });
        let heard = [note(7, None), note(7, Some("new")), note(8, Some("new"))];
        for left in [None, note(7, None), note(7, Some("new"))] {
            for heard in &heard {
                let claimed = work(&store).await;
                let echo = Echo { note: heard.clone(), ..echo("new", None) };
                assert_eq!(store.hear(echo, Millis(0)).await, Ok(Marked::Unchanged));
                let Release::Done(Some(mut record)) = done() else { unreachable!("it is done") };
                record.note.clone_from(&left);
                assert!(store.finish(claimed, Release::Done(Some(record)), Millis(0)).await.unwrap());
                let again = claim(&store, 10_000).await;
                assert_eq!(again.is_some(), left != *heard, "left with {left:?}, heard of {heard:?}");
                if let Some(claimed) = again {
                    assert!(store.finish(claimed, Release::Done(None), Millis(0)).await.unwrap());
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_heard_of_an_issue_is_not_compared_with_another_one() {
    on_each_engine(async |store| {
        let first = work(&store).await;
        store.mark(glimpse(2), None, Millis(0)).await.unwrap();
        let second = claim(&store, 0).await.unwrap();
        store.hear(echo("old", None), Millis(0)).await.unwrap();
        assert!(store.finish(second, done(), Millis(0)).await.unwrap());
        assert_eq!(store.depth().await.unwrap().waiting, 1, "the second one is done");
        assert!(store.finish(first, done(), Millis(0)).await.unwrap());
        assert_eq!(store.depth().await.unwrap().waiting, 1, "the first one is looked at again");
    })
    .await;
}

#[tokio::test]
async fn what_was_heard_of_an_issue_that_is_gone_is_forgotten_with_it() {
    on_each_engine(async |store| {
        let claimed = work(&store).await;
        store.hear(echo("old", None), Millis(0)).await.unwrap();
        assert!(store.finish(claimed, Release::Dropped, Millis(0)).await.unwrap());
        assert_eq!(store.depth().await.unwrap().waiting, 0);
        // Somebody has moved it back.
        let claimed = work(&store).await;
        assert!(store.finish(claimed, done(), Millis(0)).await.unwrap());
        assert_eq!(store.depth().await.unwrap().waiting, 0);
    })
    .await;
}

#[tokio::test]
async fn what_is_heard_of_an_issue_that_nobody_follows_counts_if_it_has_a_source() {
    on_each_engine(async |store| {
        let mut irrelevant = echo("new", None);
        irrelevant.glimpse.may_have_source = false;
        assert_eq!(store.hear(irrelevant, Millis(0)).await, Ok(Marked::Irrelevant));
        assert_eq!(store.hear(echo("new", None), Millis(0)).await, Ok(Marked::Queued));
        assert!(claim(&store, 0).await.is_some());
    })
    .await;
}
