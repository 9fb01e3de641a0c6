//! Stops of writing: each once as long as it holds, and what becomes of the work that one kept waiting.

use escalator::calculator::label::Label;
use escalator::clock::Millis;
use escalator::store::{Act, Origin, Stage, Stop, StopReason, Store, Write};

use super::{issue, on_each_engine};

fn flaps() -> StopReason {
    StopReason::LabelFlaps(Label::new("platform-escalation"))
}

async fn stop(store: &Store, iid: u64, reason: StopReason, now: i64) {
    store.stop_writing(Some(issue(iid)), reason, Millis(now)).await.unwrap();
}

/// The stops that hold: of which issue, since when.
async fn holding(store: &Store) -> Vec<(Option<u64>, i64)> {
    let of = |stop: Stop| (stop.issue.map(|issue| issue.iid), stop.at.0);
    store.stops().await.unwrap().into_iter().map(of).collect()
}

#[tokio::test]
async fn a_stop_is_another_one_for_another_issue_another_reason_and_after_it_was_lifted() {
    on_each_engine(async |store| {
        stop(&store, 1, StopReason::Undo, 1).await;
        stop(&store, 2, StopReason::Undo, 2).await;
        stop(&store, 1, flaps(), 3).await;
        store.stop_writing(None, StopReason::Undo, Millis(4)).await.unwrap();
        stop(&store, 1, StopReason::Undo, 5).await;
        let all = [(Some(1), 1), (Some(2), 2), (Some(1), 3), (None, 4)];
        assert_eq!(holding(&store).await, all, "the longest first");

        let lifted = store.resume(Some(issue(1)), Millis(6)).await.unwrap();
        assert_eq!(lifted.iter().map(|stop| stop.at.0).collect::<Vec<_>>(), [1, 3]);
        stop(&store, 1, StopReason::Undo, 7).await;
        assert_eq!(holding(&store).await, [(Some(2), 2), (None, 4), (Some(1), 7)]);
    })
    .await;
}

#[tokio::test]
async fn notes_that_are_being_read_when_a_stop_is_lifted_are_read_again_and_others_are_not() {
    on_each_engine(async |store| {
        store.ask_to_read(issue(1), Millis(1)).await.unwrap();
        store.ask_to_read(issue(2), Millis(2)).await.unwrap();
        let reading = store.unread(Millis(2)).await.unwrap();
        store.end_reading(reading[1], None).await.unwrap();
        stop(&store, 1, StopReason::Undo, 3).await;
        stop(&store, 2, StopReason::Undo, 3).await;
        assert_eq!(store.resume(None, Millis(4)).await.unwrap().len(), 2);
        // What it could not answer because of the stop, it left out.
        store.end_reading(reading[0], None).await.unwrap();
        let unread = store.unread(Millis(4)).await.unwrap();
        assert_eq!(unread.iter().map(|reading| reading.issue).collect::<Vec<_>>(), [issue(1)]);
    })
    .await;
}

#[tokio::test]
async fn of_what_was_written_to_an_issue_the_last_counts_however_much_there_was_before() {
    on_each_engine(async |store| {
        let intend = async |origin, acts: Vec<Act>| {
            let writes = acts.into_iter().map(|act| Write { act, user_id: 9, origin }).collect();
            store.intend(issue(1), writes, None, Millis(1)).await.unwrap();
        };
        let many = (0..300).map(|number| Act::LabelAdded(Label::new(&format!("label {number}")))).collect();
        intend(Origin::Backfill, many).await;
        for _ in 0..2 {
            intend(Origin::Service, vec![Act::LabelAdded(Label::new("last"))]).await;
        }
        let stages: Vec<_> =
            store.writes(issue(1), Millis(0)).await.unwrap().iter().map(|written| written.stage).collect();
        assert_eq!(stages[300..], [Stage::Intended, Stage::Repeated]);
    })
    .await;
}
