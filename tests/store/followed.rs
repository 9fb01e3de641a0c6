//! The issues that are followed, as they were left.

use std::collections::BTreeMap;

use escalator::calculator::agreement::{Decided, Involvement, Ruling};
use escalator::calculator::assess::Decision;
use escalator::calculator::issue::{Glimpse, IssueRef, Moment, State, WorkItemType};
use escalator::calculator::label::Label;
use escalator::calculator::plan::{Author, Gesture, Hand};
use escalator::calculator::standing::{LabelDifference, Standing};
use escalator::clock::Millis;
use escalator::store::{Echo, Entry, Marked, NoteRef, Recollection, Record, Release, Store};

use super::{LEASE, glimpse, issue, on_each_engine};

fn standing(score: u32) -> Standing {
    Standing {
        sources: vec!["incident".to_owned()],
        disambiguations: Vec::new(),
        answers: BTreeMap::new(),
        score,
        band: "none".to_owned(),
        decision: Decision::Undecided,
    }
}

/// An issue that nobody has touched, with an entry for the ledger.
fn untouched() -> Record {
    Record {
        state: State::Opened,
        work_item_type: WorkItemType::Incident,
        labels: Vec::new(),
        hands: Vec::new(),
        note: None,
        involvement: Involvement::Watched,
        decided: None,
        entry: Some(Entry {
            at: Moment(1),
            policy_version: "1".to_owned(),
            before: None,
            after: standing(1),
            labels: LabelDifference::default(),
        }),
        writes: Vec::new(),
    }
}

async fn leave(store: &Store, issue: IssueRef, record: Record) {
    let claim = store.claim_issue(issue, Millis(0), LEASE).await.unwrap().unwrap();
    assert!(store.finish(claim, Release::Done(Some(Box::new(record))), Millis(0)).await.unwrap());
}

async fn recall(store: &Store, iid: u64) -> Recollection {
    store.recall(issue(iid)).await.unwrap().unwrap()
}

#[tokio::test]
async fn all_that_changes_on_an_issue_is_remembered_and_of_no_other_one() {
    on_each_engine(async |store| {
        leave(&store, issue(1), untouched()).await;
        leave(&store, issue(2), untouched()).await;
        let before = recall(&store, 2).await;
        let label = Label::new("platform-escalation");
        let hand = Hand {
            label: label.clone(),
            gesture: Gesture::Added,
            author: Author::Person,
            user_id: Some(3),
            at: Some(Moment(8)),
            band: "none".to_owned(),
        };
        let (note, decided) = (
            NoteRef { id: 7, digest: Some("digest".to_owned()) },
            Decided { ruling: Ruling::Escalated, at: Moment(9) },
        );
        let changed = Record {
            state: State::Closed,
            work_item_type: WorkItemType::Issue,
            labels: vec![label.clone()],
            hands: vec![hand.clone()],
            note: Some(note.clone()),
            involvement: Involvement::Written,
            decided: Some(decided),
            entry: None,
            writes: Vec::new(),
        };
        leave(&store, issue(1), changed).await;
        let known = recall(&store, 1).await;
        assert_eq!(known.work_item_type, WorkItemType::Issue);
        assert_eq!((known.memory.labels, known.memory.hands), (vec![label], vec![hand]));
        assert_eq!((known.note, known.involvement), (Some(note), Involvement::Written));
        assert_eq!((known.decided, known.history.len()), (Some(decided), 1));
        assert_eq!(recall(&store, 2).await, before);
        assert_eq!(store.recall(issue(3)).await, Ok(None));

        // Closed: what changes on it does not matter until it is open again.
        let closed = Glimpse { state: Some(State::Closed), ..glimpse(1) };
        assert_eq!(store.mark(closed, None, Millis(1)).await, Ok(Marked::Unchanged));
        store.doubt_note(issue(1)).await.unwrap();
        assert_eq!(recall(&store, 1).await.note, Some(NoteRef { id: 7, digest: None }));
        assert_eq!(recall(&store, 2).await, before);
        assert_eq!(store.open_causes().await, Ok(Vec::new()), "nobody changed a label");
    })
    .await;
}

#[tokio::test]
async fn of_the_history_the_last_entries_are_remembered_oldest_first() {
    on_each_engine(async |store| {
        const MANY: u32 = 60;
        for score in 1..=MANY {
            let entry = untouched().entry.map(|entry| Entry { after: standing(score), ..entry });
            leave(&store, issue(1), Record { entry, ..untouched() }).await;
        }
        leave(&store, issue(2), untouched()).await;
        let known = recall(&store, 1).await;
        let scores: Vec<_> = known.history.iter().map(|entry| entry.after.score).collect();
        let first = MANY + 1 - u32::try_from(scores.len()).unwrap();
        assert!(scores.len() > 1 && first > 1, "the last ones: {scores:?}");
        assert_eq!(scores, (first..=MANY).collect::<Vec<_>>());
        assert_eq!(known.memory.standing.score, MANY);
    })
    .await;
}

#[tokio::test]
async fn a_comment_is_doubted_and_forgotten_on_its_issue_and_on_no_other_one() {
    on_each_engine(async |store| {
        let note = Some(NoteRef { id: 7, digest: Some("digest".to_owned()) });
        for iid in [1, 2] {
            leave(&store, issue(iid), Record { note: note.clone(), ..untouched() }).await;
        }
        store.doubt_note(issue(1)).await.unwrap();
        assert_eq!(recall(&store, 1).await.note, Some(NoteRef { id: 7, digest: None }));
        assert_eq!(recall(&store, 2).await.note, note);
        let strange = Some(NoteRef { id: 8, digest: None });
        let heard = store.hear(Echo { glimpse: glimpse(1), note: strange }, Millis(1)).await;
        assert_eq!(heard, Ok(Marked::Queued));
        assert_eq!(recall(&store, 1).await.note, None);
        assert_eq!(recall(&store, 2).await.note, note);
    })
    .await;
}

#[tokio::test]
async fn every_open_issue_is_found_once_page_by_page() {
    on_each_engine(async |store| {
        let other_project = |iid| IssueRef { project_id: 2, iid };
        let open: Vec<_> = (1..=150).map(issue).chain([other_project(1), other_project(7)]).collect();
        for followed in open.iter().rev() {
            leave(&store, *followed, untouched()).await;
        }
        let closed = Record { state: State::Closed, ..untouched() };
        for closed_issue in [issue(200), other_project(5)] {
            leave(&store, closed_issue, closed.clone()).await;
        }
        let (mut found, mut last) = (Vec::new(), None);
        loop {
            let page = store.open_followed(last).await.unwrap();
            if page.is_empty() {
                break;
            }
            last = page.last().copied();
            found.extend(page);
        }
        assert_eq!(found, open);
    })
    .await;
}
