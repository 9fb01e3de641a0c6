//! `escalator store migrate|copy`: a small team grows.

use std::collections::BTreeMap;
use std::path::PathBuf;

use escalator::calculator::agreement::{Decided, Involvement, Ruling};
use escalator::calculator::assess::Decision;
use escalator::calculator::issue::{Glimpse, IssueRef, Moment, State, WorkItemType};
use escalator::calculator::label::Label;
use escalator::calculator::standing::{LabelDifference, Standing};
use escalator::clock::Millis;
use escalator::store::{
    Act, Claimed, Echo, Entry, Marked, NoteRef, Origin, Record, Release, StopReason, Store, Walk, Write,
};

use crate::postgres;
use crate::program::{Place, Run};

/// What a reason can hold and the copy has to carry as it is.
const REASON: &str = "a tab\t, a line\n, a \\ and a \\N";
const LEASE: std::time::Duration = std::time::Duration::from_secs(300);

fn glimpse(iid: u64) -> Glimpse {
    Glimpse {
        issue: issue(iid),
        state: Some(State::Opened),
        work_item_type: Some(WorkItemType::Incident),
        labels: Vec::new(),
        may_have_source: true,
    }
}

fn issue(iid: u64) -> IssueRef {
    IssueRef { project_id: 1, iid }
}

fn posted(note_id: u64) -> Write {
    Write { act: Act::CommentPosted(Some(note_id)), user_id: 9, origin: Origin::Undo }
}

fn file(place: &Place) -> PathBuf {
    place.path("escalator.db")
}

/// A store with an issue that waits, one that is parked, one that is stopped, a write, and a watermark.
async fn fill(store: &Store) {
    store.mark(glimpse(1), None, Millis(0)).await.unwrap();
    let Claimed::Issue(claim) = store.claim(Millis(0), LEASE).await.unwrap() else {
        panic!("nothing is due")
    };
    let release = Release::Parked { reason: REASON.to_owned() };
    assert!(store.finish(claim, release, Millis(1)).await.unwrap());
    follow(store, 5).await;
    follow(store, 6).await;
    // What is told of the second look is compared with how it ends, and it has not ended.
    store.mark(glimpse(3), None, Millis(1)).await.unwrap();
    let Claimed::Issue(claim) = store.claim(Millis(1), LEASE).await.unwrap() else {
        panic!("nothing is due")
    };
    assert_eq!(claim.issue, glimpse(3).issue);
    let told = Echo { glimpse: labelled(3, "old"), note: None };
    store.hear(told, Millis(1)).await.unwrap();
    store.mark(glimpse(2), None, Millis(2)).await.unwrap();
    store.intend(issue(2), vec![posted(7)], None, Millis(3)).await.unwrap();
    store.keep_watermark(Walk::Sweep, "group acme", Moment(42)).await.unwrap();
    store.stop_writing(Some(issue(9)), StopReason::LabelFlaps(Label::new(REASON)), Millis(3)).await.unwrap();
}

/// The same with a label.
fn labelled(iid: u64, label: &str) -> Glimpse {
    Glimpse { labels: vec![Label::new(label)], ..glimpse(iid) }
}

/// Looks at an issue and leaves it with the label `new`, an entry in the ledger, and who did it.
async fn follow(store: &Store, iid: u64) {
    store.mark(glimpse(iid), None, Millis(0)).await.unwrap();
    let claim = store.claim_issue(glimpse(iid).issue, Millis(0), LEASE).await.unwrap().unwrap();
    assert!(store.finish(claim, looked_at(i64::try_from(iid).unwrap()), Millis(0)).await.unwrap());
}

/// The look of a moment.
fn looked_at(at: i64) -> Release {
    let standing = Standing {
        sources: vec!["a \\ source".to_owned()],
        disambiguations: Vec::new(),
        answers: BTreeMap::new(),
        score: 0,
        band: "none".to_owned(),
        decision: Decision::Undecided,
    };
    let labels = LabelDifference { added: vec![Label::new("new")], removed: Vec::new() };
    Release::Done(Some(Box::new(Record {
        state: State::Opened,
        work_item_type: WorkItemType::Incident,
        labels: vec![Label::new("new")],
        hands: Vec::new(),
        note: Some(NoteRef { id: 7, digest: Some("digest".to_owned()) }),
        involvement: Involvement::Watched,
        decided: Some(Decided { ruling: Ruling::Escalated, at: Moment(at) }),
        writes: Vec::new(),
        entry: Some(Entry {
            at: Moment(at),
            policy_version: "1".to_owned(),
            before: None,
            after: standing,
            labels,
        }),
    })))
}

/// A place with a store that nobody serves from any more.
async fn place() -> Place {
    let place = Place::new();
    let store = Store::open(&file(&place), Millis(0)).unwrap();
    fill(&store).await;
    drop(store);
    // Its threads end a moment after it.
    while Store::open(&file(&place), Millis(0)).is_err() {
        tokio::task::yield_now().await;
    }
    place
}

/// The threads of the one before end a moment after it, and until then its store is in use.
fn copy(place: &Place, arguments: &[&str]) -> Run {
    loop {
        let run = place.run(&[&["store", "copy"], arguments].concat());
        if !run.err.contains("in use by another escalator") {
            return run;
        }
    }
}

#[tokio::test]
async fn a_copy_holds_all_that_the_original_holds() {
    let place = place().await;
    let url = postgres::shared().create_database();
    let place = place.file("address", format!("{url}\n"));
    let run = copy(&place, &["--to-file", "address"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains("queue                       3\n"), "{}", run.out);
    assert!(run.out.contains("Now let store.url (or store.url_file) name the new database"), "{}", run.out);

    let store = Store::connect(&url).await.unwrap();
    let parked = store.parked().await.unwrap();
    assert_eq!((parked.len(), parked[0].reason.as_str(), parked[0].attempts), (1, REASON, 1));
    assert_eq!(store.watermark(Walk::Sweep, "group acme").await, Ok(Some(Moment(42))));
    // The ledgers go on behind what was copied.
    store.stop_writing(None, StopReason::Undo, Millis(4)).await.unwrap();
    let stops: Vec<_> =
        store.stops().await.unwrap().into_iter().map(|stop| (stop.issue, stop.reason)).collect();
    assert_eq!(
        stops,
        [(Some(issue(9)), StopReason::LabelFlaps(Label::new(REASON))), (None, StopReason::Undo)]
    );
    store.intend(issue(2), vec![posted(8)], None, Millis(4)).await.unwrap();
    let writes = store.writes(issue(2), Millis(0)).await.unwrap();
    let writes: Vec<_> = writes.into_iter().map(|written| (written.at, written.write)).collect();
    assert_eq!(writes, [(Millis(3), posted(7)), (Millis(4), posted(8))]);
    let mut waiting = Vec::new();
    while let Claimed::Issue(claim) = store.claim(Millis(4_000_000_000_000), LEASE).await.unwrap() {
        waiting.push((claim.issue.iid, claim.marked_at));
    }
    assert_eq!(waiting, [(3, Millis(1)), (2, Millis(2))]);
}

#[tokio::test]
async fn what_a_copy_follows_goes_on_as_if_nothing_had_been() {
    let place = place().await;
    let url = postgres::shared().create_database();
    assert_eq!(copy(&place, &["--to", &url]).code, 0);
    let before = Store::open(&file(&place), Millis(2)).unwrap();
    let after = Store::connect(&url).await.unwrap();
    let issue = glimpse(5).issue;
    let known = before.recall(issue).await.unwrap().unwrap();
    assert_eq!(after.recall(issue).await.unwrap().as_ref(), Some(&known));
    assert_eq!((known.history.len(), known.note.unwrap().id), (1, 7));
    assert_eq!(known.involvement, Involvement::Watched);
    assert_eq!(after.decided(1).await.unwrap()[0].issue, glimpse(6).issue);
    let open = before.open_causes().await.unwrap();
    assert_eq!((open.len(), after.open_causes().await.unwrap()), (2, open));
    assert_eq!(after.mark(labelled(5, "new"), None, Millis(3)).await, Ok(Marked::Unchanged));

    // The next entry gets an id of its own, after all that were copied.
    let claim = after.claim_issue(issue, Millis(3), LEASE).await.unwrap().unwrap();
    assert!(after.finish(claim, looked_at(9), Millis(3)).await.unwrap());
    let at: Vec<_> =
        after.recall(issue).await.unwrap().unwrap().history.iter().map(|entry| entry.at).collect();
    assert_eq!(at, [Moment(5), Moment(9)]);
    let ids: Vec<_> = after.open_causes().await.unwrap().iter().map(|open| open.ledger_id).collect();
    assert_eq!(ids, [1, 2, 3]);

    // What was told during a look that a stop broke off is compared with how the look ends now.
    let third = glimpse(3).issue;
    let claim = after.claim_issue(third, Millis(3), LEASE).await.unwrap().unwrap();
    assert!(after.finish(claim, looked_at(3), Millis(3)).await.unwrap());
    assert_eq!(after.depth().await.unwrap().waiting, 2, "the second issue, and the third once more");
}

#[tokio::test]
async fn a_copy_is_refused_where_it_would_mix_or_tear_stores() {
    let place = place().await;
    let url = postgres::shared().create_database();
    Store::connect(&url).await.unwrap().mark(glimpse(7), None, Millis(0)).await.unwrap();
    let run = copy(&place, &["--to", &url]);
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert!(run.err.contains("table queue is not empty"), "{}", run.err);

    let served = Store::open(&file(&place), Millis(0)).unwrap();
    let run = place.run(&["store", "copy", "--to", &postgres::shared().create_database()]);
    assert!(run.code == 1 && run.err.contains("is in use by another escalator"), "{}", run.err);
    drop(served);

    let run = Place::new().run(&["store", "copy", "--to", &url]);
    assert!(run.code == 1 && run.err.contains("escalator.db does not exist"), "{}", run.err);
}

#[test]
fn a_copy_needs_two_different_kinds_of_address_and_repeats_none() {
    let from = |url: &str| Place::new().variable("ESCALATOR__STORE__URL", url);
    let cases = [
        (from("postgres://u:canary@db/x"), "postgres://u:canary@db/y", "names a PostgreSQL database already"),
        (from("sqlite://a.db"), "sqlite://canary.db", "must name a PostgreSQL database"),
        (from("sqlite://a.db"), "postgres://u:canary@db:port/x", "is no address of PostgreSQL"),
    ];
    for (place, to, wrong) in cases {
        let run = place.run(&["store", "copy", "--to", to]);
        assert!(run.code == 2 && run.err.contains(wrong), "{run:?}");
        assert!(!run.err.contains("canary"), "{run:?}");
    }
}

#[test]
fn a_schema_is_made_once() {
    let postgres = Place::new().variable("ESCALATOR__STORE__URL", postgres::shared().create_database());
    for place in [postgres, Place::new()] {
        let made = place.run(&["store", "migrate"]).success();
        assert!(made.starts_with("The schema was made, version "), "{made}");
        let known = place.run(&["store", "migrate"]).success();
        assert!(known.starts_with("The schema is up to date, version "), "{known}");
    }
}

#[test]
fn a_database_that_cannot_be_used_ends_serving_with_1_a_reason_and_no_password() {
    let url = "postgres://escalator:canary@127.0.0.1:9/x";
    let run = Place::ready_to_serve().variable("ESCALATOR__STORE__URL", url).run(&["serve"]);
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(run.err.contains("check that PostgreSQL runs and can be reached from here"), "{}", run.err);
    assert!(!run.err.contains("canary@"), "{}", run.err);
}

#[test]
fn the_address_in_a_file_is_used_and_no_password_is_shown() {
    let url = postgres::shared().create_database();
    let place = Place::new().file("address", &url).variable("ESCALATOR__STORE__URL_FILE", "address");
    assert!(place.run(&["store", "migrate"]).success().starts_with("The schema was made"));
    for url in
        ["postgres://u:canary@db/x", "postgres://db/x?user=u&password=canary", "postgres://u:ca nary@d b"]
    {
        let shown = Place::new().variable("ESCALATOR__STORE__URL", url).run(&["config", "show"]).success();
        assert!(!shown.contains("canary") && !shown.contains("nary"), "{shown}");
    }
}
