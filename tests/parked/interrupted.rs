//! `escalator undo` that is told to stop in the middle.

use std::process::Command;

use escalator::sandbox::Fault;

use super::app::{TestApp, score};
use super::stopped::resume;
use super::taking_back::{count, ended, run, said, start};
use super::undo::command;

#[actix_web::test]
async fn an_undo_that_is_told_to_stop_says_that_it_is_not_done_and_a_repeat_goes_on() {
    let app = TestApp::start().await;
    let issue = app.incident(&score(5, &[]));
    app.settle().await;
    app.gitlab.fault(Fault::status(503).on("PUT", "/issues/"));
    app.gitlab.clear_requests();
    let undoing = start(command(&app, &["--since", "1h"], &[]));
    let tried = |app: &TestApp| app.calls().iter().filter(|call| call.method == "PUT").count();
    app.until("it waits to try again", |app| tried(app) > 2).await;
    let id = undoing.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let stopped = ended(undoing).await;
    assert_eq!((stopped.status.code(), count(&stopped, "issues changed")), (Some(1), 0));
    for part in ["stopping: finishing what is in hand", "stopped before the end; a repeat goes on from here"]
    {
        assert!(said(&stopped).1.contains(part), "{}", said(&stopped).1);
    }

    app.gitlab.clear_faults();
    let again = run(command(&app, &["--since", "1h"], &[])).await;
    assert_eq!((again.status.code(), count(&again, "issues changed")), (Some(0), 1), "{}", said(&again).1);
    assert!(app.escalation_labels(issue).is_empty() && app.gitlab.notes(issue).is_empty());
    assert_eq!(resume(&app, &[]).status.code(), Some(0));
    app.end().await;
}
