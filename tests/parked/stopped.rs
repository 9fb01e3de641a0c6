//! The write fuse and `escalator resume`: what is too much stops, says so, and goes on when somebody has looked.

use std::process::Output;
use std::time::Duration;

use escalator::calculator::issue::IssueRef;
use escalator::clock::{Millis, now};
use escalator::sandbox::{Fault, IssueId, Options};
use escalator::store::StopReason;

use super::app::{TestApp, score};
use super::escalator;
use super::taking_back::printed;

/// Far more than any wait of these tests takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// So many incidents take as many writes as the fuse allows: a label and a comment each.
const ENOUGH: usize = 5;

/// A service that may write ten times a minute.
async fn start() -> TestApp {
    TestApp::start_with(Options::default(), &[("WRITES__FUSE", "10")]).await
}

pub fn reference(issue: IssueId) -> IssueRef {
    IssueRef { project_id: issue.project_id, iid: issue.iid }
}

pub fn resume(app: &TestApp, issues: &[&str]) -> Output {
    escalator(app, &[&["resume"], issues].concat())
}

/// Asks again and again until there is something.
pub async fn until_some<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            match ask().await {
                Some(answer) => return answer,
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap()
}

#[actix_web::test]
async fn too_many_writes_stop_all_and_all_is_right_after_resume() {
    let mut app = start().await;
    let calm = [(); ENOUGH].map(|()| app.incident(&score(5, &[])));
    app.settle().await;
    let too_much = app.incident(&score(5, &[]));
    let stop = until_some(async || app.service().store.stops().await.unwrap().pop()).await;
    assert_eq!((stop.issue, stop.reason), (None, StopReason::TooManyWrites { fuse: 10 }));
    // What comes meanwhile is kept, over a restart too.
    let late = app.incident(&score(5, &[]));
    app.gitlab.settled().await;
    app.stop_service().await;
    app.restart_service().await;
    app.gitlab.clear_requests();
    let reads = |app: &TestApp| {
        let calls = app.gitlab.requests();
        calls.iter().filter(|call| call.reads() && (call.names(too_much) || call.names(late))).count()
    };
    app.until("it is tried whether writing may go on", |app| reads(app) > 0).await;
    for issue in [too_much, late] {
        assert_eq!((app.escalation_labels(issue), app.gitlab.notes(issue).len()), (vec![], 0));
    }
    assert_eq!(app.service().store.depth().await.unwrap().parked, 0);
    let list = printed(&escalator(&app, &["parked", "list"]));
    assert!(list.contains("Writing is stopped since 20"), "{list}");
    assert!(list.contains("more than 10 writes within a minute: escalator resume\n"), "{list}");

    let resumed = resume(&app, &[]);
    let said = printed(&resumed);
    assert!(said.starts_with("Writing goes on. It was stopped since 20"), "{said}");
    assert!(said.ends_with("because there were more than 10 writes within a minute.\n"), "{said}");
    app.settle().await;
    for issue in calm.into_iter().chain([too_much, late]) {
        assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
        app.comment(issue);
    }
    assert_eq!(printed(&escalator(&app, &["parked", "list"])), "Nothing is parked.\n");
    app.end().await;
}

#[actix_web::test]
async fn a_gitlab_that_refuses_writes_for_long_stops_nothing() {
    let app = start().await;
    app.gitlab.fault(Fault::status(503).on("PUT", "/issues/"));
    let issues = [(); ENOUGH].map(|()| app.incident(&score(5, &[])));
    let tried =
        |app: &TestApp| app.gitlab.requests().iter().filter(|request| request.method == "PUT").count();
    app.until("they were tried many times", |app| tried(app) > 6 * ENOUGH).await;
    assert_eq!(app.service().store.stops().await, Ok(vec![]));
    app.gitlab.clear_faults();
    app.settle().await;
    for issue in issues {
        assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    }
    app.end().await;
}

/// Whether everybody waits for the stop to be lifted.
async fn is_paused(app: &TestApp) -> bool {
    let url = format!("http://{}/metrics", app.service().admin_address);
    let page = reqwest::get(url).await.unwrap().text().await.unwrap();
    let pause = "escalator_gitlab_pause_seconds{reason=\"stopped\"} ";
    page.lines().any(|line| line.strip_prefix(pause).is_some_and(|seconds| seconds != "0"))
}

/// Has the label put on and taken off, three times each.
async fn flap(app: &TestApp, issue: IssueId) {
    for _ in 0..3 {
        app.reporter().add_labels(issue, score(5, &[])).unwrap();
        app.settle().await;
        assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
        app.reporter().remove_labels(issue, score(5, &[])).unwrap();
        app.settle().await;
        assert!(app.escalation_labels(issue).is_empty());
    }
}

#[actix_web::test]
async fn a_label_that_flaps_stops_its_issue_and_others_go_on() {
    let app = TestApp::start().await;
    let (restless, other) = (app.incident(&[]), app.incident(&[]));
    flap(&app, restless).await;
    let before = app.comment(restless);
    app.reporter().add_labels(restless, score(5, &[])).unwrap();
    app.reporter().add_labels(other, score(5, &[])).unwrap();
    app.settle().await;
    assert_eq!(app.escalation_labels(other), ["platform-escalation"]);
    assert!(app.escalation_labels(restless).is_empty());
    let name = reference(restless).to_string();
    let list = printed(&escalator(&app, &["parked", "list"]));
    assert!(list.contains(&format!("Writing to {name} is stopped since 20")), "{list}");
    assert!(list.contains(&format!(": escalator resume {name}\n")), "{list}");

    // A change brings it back, and nothing is written all the same.
    app.reporter().remove_labels(restless, ["complexity::yes"]).unwrap();
    app.reporter().add_labels(restless, ["complexity::yes"]).unwrap();
    app.settle().await;
    assert_eq!((app.escalation_labels(restless), app.comment(restless)), (vec![], before));
    assert_eq!(app.service().store.depth().await.unwrap().parked, 1);

    let wrong = resume(&app, &[&reference(other).to_string(), &name]);
    assert_eq!(wrong.status.code(), Some(1), "one of both was not stopped");
    assert!(printed(&wrong).contains(&format!("Writing to {name} goes on")), "{wrong:?}");
    app.settle().await;
    assert_eq!(app.escalation_labels(restless), ["platform-escalation"]);
    app.end().await;
}

#[actix_web::test]
async fn resume_says_what_is_stopped_still_and_what_was_not() {
    let app = TestApp::start().await;
    let nothing = resume(&app, &[]);
    assert_eq!((nothing.status.code(), printed(&nothing).as_str()), (Some(0), "Nothing is stopped.\n"));
    let unknown = resume(&app, &["1#2"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&unknown.stderr).contains("not stopped: 1#2; see `escalator parked list`")
    );
    assert_eq!(resume(&app, &["acme/shop#2"]).status.code(), Some(2));

    let store = &app.service().store;
    store.stop_writing(None, StopReason::Undo, now()).await.unwrap();
    let issue = app.incident(&[]);
    store.stop_writing(Some(reference(issue)), StopReason::Undo, now()).await.unwrap();
    let name = reference(issue).to_string();
    let said = printed(&resume(&app, &[&name]));
    let not_yet =
        format!("Writing to {name} goes on when all writing does, and not before. It was stopped since 20");
    assert!(said.starts_with(&not_yet), "{said}");
    assert!(said.contains("because what was written was taken back.\nWriting is stopped since 20"), "{said}");
    assert!(said.ends_with(": escalator resume\n"), "{said}");
    let again = resume(&app, &[&name]);
    let error = String::from_utf8_lossy(&again.stderr);
    let only_all =
        format!("not stopped by itself: {name}; nothing is written to any issue until: escalator resume");
    assert!(again.status.code() == Some(1) && error.contains(&only_all), "{error}");
    assert_eq!(resume(&app, &[]).status.code(), Some(0));
    app.end().await;
}

/// A Guest asks for a look, for a label and for an explanation.
fn ask(app: &TestApp, issue: IssueId) -> [u64; 3] {
    let guest = app.gitlab.user("gina");
    app.gitlab.member(guest, "acme", 10);
    ["recheck", "answer complexity yes", "explain"].map(|command| {
        app.gitlab.by(guest).note(issue, &format!("@escalator-bot {command}")).unwrap().unwrap()
    })
}

fn assert_unanswered(app: &TestApp, issue: IssueId, asked: [u64; 3]) {
    assert_eq!(app.gitlab.labels(issue), Vec::<String>::new());
    assert_eq!(app.gitlab.notes(issue).len(), 4, "our comment and the commands");
    assert!(asked.iter().all(|note| app.gitlab.awards(*note).is_empty()));
}

fn assert_answered(app: &TestApp, issue: IssueId, asked: [u64; 3]) {
    assert!(app.gitlab.labels(issue).contains(&"complexity::yes".to_owned()));
    assert_eq!(app.gitlab.notes(issue).len(), 5);
    assert_eq!(asked.map(|note| app.gitlab.awards(note).len()), [1, 1, 0]);
}

#[actix_web::test]
async fn commands_on_a_stopped_issue_are_answered_after_resume() {
    let app = TestApp::start().await;
    let issue = app.incident(&[]);
    app.until_read().await;
    let store = &app.service().store;
    store.stop_writing(Some(reference(issue)), StopReason::Undo, now()).await.unwrap();
    let asked = ask(&app, issue);
    until_some(async || {
        let unread = store.unread(Millis(i64::MAX)).await.unwrap();
        unread.into_iter().find(|reading| reading.attempts > 0)
    })
    .await;
    assert_unanswered(&app, issue, asked);
    assert_eq!(resume(&app, &[]).status.code(), Some(0));
    app.until_read().await;
    assert_answered(&app, issue, asked);
    app.end().await;
}

#[actix_web::test]
async fn commands_are_answered_after_resume_when_everything_was_stopped() {
    let app = TestApp::start().await;
    let issue = app.incident(&[]);
    app.until_read().await;
    app.service().store.stop_writing(None, StopReason::Undo, now()).await.unwrap();
    let asked = ask(&app, issue);
    until_some(async || is_paused(&app).await.then_some(())).await;
    assert_unanswered(&app, issue, asked);
    assert_eq!(resume(&app, &[]).status.code(), Some(0));
    app.until_read().await;
    assert_answered(&app, issue, asked);
    app.end().await;
}
