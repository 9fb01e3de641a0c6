//! The fuse: what is too much is not written, and neither is anything after it until somebody lifts the stop.

use std::time::Duration;

use escalator::calculator::issue::IssueRef;
use escalator::calculator::label::Label;
use escalator::clock::Millis;
use escalator::store::{Act, Error, Origin, Release, Stage, Stop, StopReason, Store, Write};
use escalator::worker::LEASE;

use super::echo::done;
use super::{claim, glimpse, issue, new_file, on_each_engine, postgres};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

fn write(origin: Origin, act: Act) -> Write {
    Write { act, user_id: 9, origin }
}

fn added() -> Act {
    Act::LabelAdded(Label::new("platform-escalation"))
}

fn removed() -> Act {
    Act::LabelRemoved(Label::new("platform-escalation"))
}

/// Notes one write. Tells whether it may be made.
async fn intends(store: &Store, origin: Origin, iid: u64, act: Act, now: i64) -> bool {
    match store.intend(issue(iid), vec![write(origin, act)], None, Millis(now)).await {
        Ok(noted) => noted,
        Err(Error::Stopped(_)) => false,
        Err(error) => panic!("{error}"),
    }
}

async fn noted(store: &Store, iid: u64) -> Vec<Stage> {
    let written = store.writes(issue(iid), Millis(0)).await.unwrap();
    written.into_iter().map(|written| written.stage).collect()
}

fn too_many(fuse: u32, at: i64) -> Stop {
    Stop { issue: None, at: Millis(at), reason: StopReason::TooManyWrites { fuse } }
}

fn flaps(iid: u64, at: i64) -> Stop {
    let reason = StopReason::LabelFlaps(Label::new("platform-escalation"));
    Stop { issue: Some(issue(iid)), at: Millis(at), reason }
}

#[tokio::test]
async fn one_write_too_many_is_not_noted_and_stops_all_until_somebody_resumes() {
    on_each_engine(async |store| {
        let store = store.with_fuse(3);
        for iid in 1..=3 {
            assert!(intends(&store, Origin::Service, iid, added(), 1).await);
        }
        assert_eq!(store.stops().await, Ok(vec![]));
        assert!(!intends(&store, Origin::Command, 4, added(), 2).await);
        assert_eq!(store.stops().await, Ok(vec![too_many(3, 2)]));

        for origin in [Origin::Service, Origin::Backfill, Origin::Command] {
            assert!(!intends(&store, origin, 5, added(), 10 * HOUR).await, "{origin:?}");
        }
        assert_eq!(store.may_write(issue(5)).await, Err(Error::Stopped(too_many(3, 2))));
        assert!(intends(&store, Origin::Undo, 5, removed(), 3).await, "what takes back what was too much");
        assert_eq!((noted(&store, 4).await, noted(&store, 5).await), (vec![], vec![Stage::Intended]));
        assert_eq!(store.stops().await.unwrap().len(), 1, "one stop, however often it held");

        assert_eq!(store.resume(None, Millis(4)).await, Ok(vec![too_many(3, 2)]));
        assert_eq!(store.resume(None, Millis(5)).await, Ok(vec![]));
        assert_eq!(store.may_write(issue(5)).await, Ok(()));
        for iid in 11..=13 {
            assert!(
                intends(&store, Origin::Service, iid, added(), 5).await,
                "what was before does not count"
            );
        }
        assert!(!intends(&store, Origin::Service, 14, added(), 6).await);
    })
    .await;
}

#[tokio::test]
async fn what_fits_into_no_minute_is_not_begun() {
    on_each_engine(async |store| {
        let store = store.with_fuse(1);
        let both = [removed(), Act::CommentPosted(None)].map(|act| write(Origin::Service, act));
        let refused = store.intend(issue(1), both.to_vec(), None, Millis(1)).await;
        assert_eq!(refused, Err(Error::Stopped(too_many(1, 1))));
        assert_eq!(noted(&store, 1).await, []);
    })
    .await;
}

#[tokio::test]
async fn only_the_last_minute_counts_and_nothing_that_somebody_watches() {
    on_each_engine(async |store| {
        let store = store.with_fuse(2);
        assert!(intends(&store, Origin::Service, 1, added(), 1).await);
        for origin in [Origin::Backfill, Origin::Undo] {
            for iid in 100..110 {
                assert!(intends(&store, origin, iid, added(), 2).await);
            }
        }
        assert!(intends(&store, Origin::Service, 2, added(), 2).await);
        for origin in [Origin::Backfill, Origin::Undo] {
            assert!(
                intends(&store, origin, 200, added(), 3).await,
                "{origin:?} has nothing to do with the fuse"
            );
        }
        assert!(intends(&store, Origin::Service, 3, added(), MINUTE + 1).await, "the first is a minute old");
        assert!(!intends(&store, Origin::Service, 4, added(), MINUTE + 1).await);
    })
    .await;
}

#[tokio::test]
async fn what_a_clock_noted_that_was_ahead_does_not_count_for_days() {
    on_each_engine(async |store| {
        let store = store.with_fuse(1);
        assert!(intends(&store, Origin::Service, 1, added(), 100 * HOUR).await);
        assert!(intends(&store, Origin::Service, 2, added(), 1).await);
        assert!(!intends(&store, Origin::Service, 3, added(), 1).await);
    })
    .await;
}

#[tokio::test]
async fn what_is_tried_again_and_again_counts_once_until_something_is_done() {
    on_each_engine(async |store| {
        let store = store.with_fuse(3);
        for now in 1..=20 {
            assert!(intends(&store, Origin::Service, 1, added(), now).await);
        }
        assert_eq!(noted(&store, 1).await[..3], [Stage::Intended, Stage::Repeated, Stage::Repeated]);
        store.mark(glimpse(1), None, Millis(20)).await.unwrap();
        let claimed = claim(&store, 20).await.unwrap();
        assert!(store.finish(claimed, done(), Millis(20)).await.unwrap());
        assert!(intends(&store, Origin::Service, 1, added(), 21).await);
        assert!(intends(&store, Origin::Service, 1, removed(), 22).await);
        assert!(!intends(&store, Origin::Service, 2, added(), 23).await);
    })
    .await;
}

/// As where labels can be written and the comment is refused: no look ever ends.
#[tokio::test]
async fn a_label_that_flaps_is_noticed_although_nothing_is_ever_done() {
    on_each_engine(async |store| {
        let store = store.with_fuse(100);
        for now in 1..=3 {
            assert!(intends(&store, Origin::Service, 1, added(), now).await);
            assert!(intends(&store, Origin::Service, 1, added(), now).await, "tried again");
            assert!(intends(&store, Origin::Service, 1, removed(), now).await);
        }
        assert!(!intends(&store, Origin::Service, 1, added(), 4).await);
        assert!(intends(&store, Origin::Service, 2, added(), 4).await);
    })
    .await;
}

#[tokio::test]
async fn a_command_that_is_tried_again_counts_once() {
    on_each_engine(async |store| {
        let store = store.with_fuse(1);
        for now in 1..=3 {
            assert!(intends(&store, Origin::Command, 1, added(), now).await);
        }
    })
    .await;
}

#[tokio::test]
async fn who_stops_writing_twice_for_the_same_reason_stopped_it_once() {
    on_each_engine(async |store| {
        for now in 1..=2 {
            store.stop_writing(None, StopReason::Undo, Millis(now)).await.unwrap();
            store.stop_writing(Some(issue(1)), StopReason::Undo, Millis(now)).await.unwrap();
        }
        assert_eq!(store.stops().await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn every_answer_to_a_command_counts() {
    on_each_engine(async |store| {
        let store = store.with_fuse(2);
        for now in 1..=2 {
            assert!(intends(&store, Origin::Command, 1, Act::CommentPosted(None), now).await);
        }
        assert!(!intends(&store, Origin::Command, 1, Act::CommentPosted(None), 3).await);
    })
    .await;
}

/// Puts the label on and takes it off, three times.
async fn flap(store: &Store, iid: u64, origin: Origin, now: i64) {
    for _ in 0..3 {
        for act in [added(), removed()] {
            assert!(intends(store, origin, iid, act, now).await);
            store.mark(glimpse(iid), None, Millis(now)).await.unwrap();
            let claimed = store.claim_issue(issue(iid), Millis(now), LEASE).await.unwrap().unwrap();
            assert!(store.finish(claimed, done(), Millis(now)).await.unwrap());
        }
    }
}

#[tokio::test]
async fn a_label_that_flaps_stops_its_issue_and_no_other() {
    on_each_engine(async |store| {
        let store = store.with_fuse(1000);
        flap(&store, 1, Origin::Service, 1).await;
        flap(&store, 2, Origin::Service, HOUR).await;
        assert!(intends(&store, Origin::Service, 1, Act::LabelAdded(Label::new("another")), 2).await);
        assert!(!intends(&store, Origin::Service, 1, added(), 3).await);
        assert_eq!(store.stops().await, Ok(vec![flaps(1, 3)]));
        assert!(
            !intends(&store, Origin::Service, 1, Act::CommentEdited(7), 4).await,
            "nothing is written there"
        );
        assert!(store.may_write(issue(1)).await.is_err());
        assert_eq!(store.may_write(issue(2)).await, Ok(()));
        assert!(intends(&store, Origin::Service, 3, added(), 5).await);
        assert!(intends(&store, Origin::Service, 2, added(), 2 * HOUR).await, "that was an hour ago");

        assert_eq!(store.resume(Some(issue(2)), Millis(6)).await, Ok(vec![]));
        assert_eq!(store.resume(Some(issue(1)), Millis(6)).await, Ok(vec![flaps(1, 3)]));
        flap(&store, 1, Origin::Service, 7).await;
        assert!(!intends(&store, Origin::Service, 1, removed(), 8).await, "it flaps again");
    })
    .await;
}

#[tokio::test]
async fn what_is_lifted_is_looked_at_and_its_notes_are_read_at_once() {
    on_each_engine(async |store| {
        let stop =
            async |iid| store.stop_writing(Some(issue(iid)), StopReason::Undo, Millis(1)).await.unwrap();
        store.mark(glimpse(1), None, Millis(1)).await.unwrap();
        let claimed = claim(&store, 1).await.unwrap();
        let release = Release::Parked { reason: "stopped".to_owned() };
        assert!(store.finish(claimed, release.clone(), Millis(1)).await.unwrap());
        store.ask_to_read(issue(1), Millis(1)).await.unwrap();
        let unread = store.unread(Millis(1)).await.unwrap();
        store.postpone_reading(unread[0], Millis(100 * HOUR)).await.unwrap();
        // This one is just being looked at, and about to be parked because of the stop.
        store.mark(glimpse(2), None, Millis(1)).await.unwrap();
        let in_hand = claim(&store, 1).await.unwrap();
        stop(1).await;
        stop(2).await;

        let lifted = store.resume(None, Millis(5)).await.unwrap();
        assert_eq!(lifted.iter().map(|stop| stop.issue.unwrap().iid).collect::<Vec<_>>(), [1, 2]);
        assert!(store.finish(in_hand, release, Millis(6)).await.unwrap());
        assert_eq!(store.parked().await, Ok(vec![]));
        assert_eq!(claim(&store, 6).await.unwrap().issue, issue(1));
        assert_eq!(claim(&store, 6 + MINUTE).await.unwrap().issue, issue(2));
        let unread = store.unread(Millis(5)).await.unwrap();
        assert_eq!(
            unread.iter().map(|reading| (reading.issue, reading.attempts)).collect::<Vec<_>>(),
            [(issue(1), 0)]
        );
    })
    .await;
}

#[tokio::test]
async fn without_a_fuse_nothing_trips_and_stops_hold_all_the_same() {
    on_each_engine(async |store| {
        flap(&store, 1, Origin::Service, 1).await;
        for iid in 1..=20 {
            assert!(intends(&store, Origin::Service, iid, added(), 1).await);
        }
        store.stop_writing(None, StopReason::Undo, Millis(2)).await.unwrap();
        let stop = Stop { issue: None, at: Millis(2), reason: StopReason::Undo };
        let refused = store.intend(issue(1), vec![write(Origin::Service, added())], None, Millis(3)).await;
        assert_eq!(refused, Err(Error::Stopped(stop)));
    })
    .await;
}

#[tokio::test]
async fn a_stop_outlives_the_process_and_can_only_be_lifted() {
    let (folder, store) = new_file();
    let path = folder.path().join("escalator.db");
    store.stop_writing(Some(issue(1)), StopReason::Undo, Millis(1)).await.unwrap();
    drop(store);
    let store = loop {
        // The threads of the one before end a moment after it.
        match Store::open(&path, Millis(2)) {
            Ok(store) => break store,
            Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    };
    assert!(!intends(&store, Origin::Service, 1, added(), 2).await);
    let file = rusqlite::Connection::open(path).unwrap();
    let refuses = |change| {
        let refused = file.execute(change, []).unwrap_err();
        assert!(refused.to_string().contains("only ever lifted"), "{change}: {refused}");
    };
    refuses("UPDATE write_stop SET project_id = NULL, iid = NULL");
    refuses("DELETE FROM write_stop");
    assert_eq!(store.resume(Some(issue(1)), Millis(3)).await.unwrap().len(), 1);
    refuses("UPDATE write_stop SET lifted_at = 4");
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_count_together_and_exactly() {
    let url = postgres::shared().create_database();
    let (first, second) = tokio::join!(Store::connect(&url), Store::connect(&url));
    let (first, second) = (first.unwrap().with_fuse(50), second.unwrap().with_fuse(50));
    let write_as_much_as_it_may = async |store: &Store, project_id: u64| {
        let mut written = 0;
        for iid in 0..50 {
            let issue = IssueRef { project_id, iid };
            let intended = store.intend(issue, vec![write(Origin::Service, added())], None, Millis(1)).await;
            written += u32::from(intended.is_ok());
        }
        written
    };
    let (mine, hers) = tokio::join!(write_as_much_as_it_may(&first, 1), write_as_much_as_it_may(&second, 2));
    assert_eq!(mine + hers, 50);
    assert_eq!(first.stops().await, Ok(vec![too_many(50, 1)]));
}
