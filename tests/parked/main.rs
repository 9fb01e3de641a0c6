//! `escalator parked`, `escalator resume` and `escalator undo`, through the real binary, beside a service that holds the store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

#[expect(dead_code, reason = "shared with the tests of the service, which use more of it")]
#[path = "../service/app.rs"]
mod app;
mod interrupted;
mod stopped;
mod taking_back;
mod undo;

use std::process::{Command, Output};

use app::{TestApp, score};
use escalator::sandbox::{Fault, IssueId};
use taking_back::printed;

fn parked(app: &TestApp, arguments: &[&str]) -> Output {
    escalator(app, &[&["parked"], arguments].concat())
}

fn escalator(app: &TestApp, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_escalator"))
        .args(arguments)
        .env("ESCALATOR__STORE__URL", format!("sqlite://{}", app.store_path().display()))
        .output()
        .unwrap()
}

/// An app with one parked issue.
async fn app_with_a_parked_issue() -> (TestApp, IssueId) {
    let app = TestApp::start().await;
    app.gitlab.fault(Fault::status(403).on("PUT", "/issues/"));
    let issue = app.incident(&score(5, &[]));
    app.settle().await;
    assert_eq!(app.service().store.depth().await.unwrap().parked, 1);
    app.gitlab.clear_faults();
    (app, issue)
}

#[actix_web::test]
async fn what_is_parked_is_listed_with_its_reason_and_retried_while_the_service_runs() {
    let (app, issue) = app_with_a_parked_issue().await;
    let name = format!("{}#{}", issue.project_id, issue.iid);
    let list = printed(&parked(&app, &["list"]));
    assert!(list.contains(&name) && list.contains("tried once") && list.contains("Planner role"), "{list}");
    let json: serde_json::Value =
        serde_json::from_str(&printed(&parked(&app, &["list", "--format", "json"]))).unwrap();
    assert_eq!(json[0]["iid"], issue.iid);

    let retried = parked(&app, &["retry", &name]);
    assert_eq!((retried.status.code(), printed(&retried).as_str()), (Some(0), "1 back in the queue\n"));
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    assert_eq!(printed(&parked(&app, &["list"])), "Nothing is parked.\n");
    app.end().await;
}

#[actix_web::test]
async fn what_is_dropped_is_forgotten_until_it_changes() {
    let (app, issue) = app_with_a_parked_issue().await;
    assert_eq!(printed(&parked(&app, &["drop", "--all"])), "1 dropped\n");
    app.settle().await;
    assert!(app.escalation_labels(issue).is_empty());

    app.reporter().add_labels(issue, ["customer-impact::no"]).unwrap();
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    app.end().await;
}

#[actix_web::test]
async fn what_is_not_parked_and_what_is_no_issue_are_said() {
    let app = TestApp::start().await;
    let unknown = parked(&app, &["retry", "1#2"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("not parked: 1#2"));
    assert_eq!(parked(&app, &["retry", "acme/shop#2"]).status.code(), Some(2));
    assert_eq!(parked(&app, &["drop"]).status.code(), Some(2));
    app.end().await;
}
