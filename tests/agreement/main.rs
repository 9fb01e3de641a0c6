//! `escalator agreement`, through the real binary, beside a service that holds the store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

#[expect(dead_code, reason = "shared with the tests of the service, which use more of it")]
#[path = "../service/app.rs"]
mod app;

use std::process::Command;

use app::{TestApp, score};
use escalator::sandbox::{IssueId, Options};
use serde_json::{Value, json};

const ACCEPTED: &str = "escalation-decision::accepted";
const DECLINED: &str = "escalation-decision::declined";

fn agreement(app: &TestApp, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_escalator"))
        .arg("agreement")
        .args(arguments)
        .env("ESCALATOR__STORE__URL", format!("sqlite://{}", app.store_path().display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn report(app: &TestApp, arguments: &[&str]) -> Value {
    serde_json::from_str(&agreement(app, &[arguments, &["--format", "json"]].concat())).unwrap()
}

/// Who disagrees, the latest first.
fn disagreements(report: &Value) -> Vec<u64> {
    let list = report["disagreements"].as_array().unwrap();
    list.iter().map(|disagreement| disagreement["iid"].as_u64().unwrap()).collect()
}

/// Two alike, two otherwise, one left to people, in this order. GitLab's times are in milliseconds, and each is decided in
/// one of its own.
async fn decide(app: &TestApp) -> Vec<IssueId> {
    let missed = app.incident(&score(7, &[]));
    let called = app.incident(&["complexity::no"]);
    let [accepted, possible, silent] = [5, 4, 2].map(|points| app.incident(&score(points, &[])));
    app.settle().await;
    let decisions: [(IssueId, &dyn Fn(IssueId)); 5] = [
        (missed, &|issue| app.reporter().add_labels(issue, [DECLINED]).unwrap()),
        (called, &|issue| app.reporter().add_labels(issue, ["platform-escalation"]).unwrap()),
        (accepted, &|issue| app.reporter().add_labels(issue, [ACCEPTED]).unwrap()),
        (possible, &|issue| app.reporter().add_labels(issue, [ACCEPTED]).unwrap()),
        (silent, &|issue| app.reporter().close(issue).unwrap()),
    ];
    for (issue, decide) in &decisions {
        decide(*issue);
        let decided_by = escalator::clock::now();
        while escalator::clock::now() <= decided_by {
            std::hint::spin_loop();
        }
    }
    app.settle().await;
    decisions.iter().map(|(issue, _)| *issue).collect()
}

#[actix_web::test]
async fn it_tells_how_often_people_decided_the_same_and_where_not() {
    let app = TestApp::start_with(Options::default(), &[("MODE", "shadow")]).await;
    assert_eq!(agreement(&app, &[]), "Nothing is decided yet.\n");
    assert_eq!(report(&app, &[])["agreement"], Value::Null);

    let issues = decide(&app).await;
    let said = agreement(&app, &[]);
    let table = "\
people          same   otherwise    open
accepted           1           0       1
escalated          0           1       0
declined           0           1       0
closed             1           0       0
all                2           2       1

agreement 50.0 %, of 5 decided issues

Decided otherwise, the latest first:

";
    let list = said.strip_prefix(table).unwrap_or_else(|| panic!("{said}"));
    let lines: Vec<_> = list.lines().collect();
    let (missed, called) = (issues[0], issues[1]);
    let name = |issue: IssueId| format!("{}#{}  ", issue.project_id, issue.iid);
    assert!(lines[0].starts_with(&(name(called) + "escalated at 2")), "{said}");
    assert!(lines[0].ends_with("Z, score 0, none"), "{said}");
    assert_eq!(
        lines[1],
        "    no: complexity; unanswered: cross-functionality, financial-impact, operational-impact, customer-impact"
    );
    assert!(lines[2].starts_with(&(name(missed) + "declined at 2")), "{said}");
    assert!(lines[2].ends_with("Z, score 7, escalation"), "{said}");

    let told = report(&app, &[]);
    assert_eq!((&told["decided"], &told["agreement"]), (&json!(5), &json!(0.5)));
    assert_eq!(told["by_decision"]["accepted"], json!({ "same": 1, "otherwise": 0, "open": 1 }));
    assert_eq!(disagreements(&told), [called.iid, missed.iid]);
    let first = &told["disagreements"][0];
    assert_eq!((&first["decision"], &first["band"]), (&json!("escalated"), &json!("none")));
    assert_eq!(first["answers"]["complexity"], "no");
    let mut fields: Vec<_> = first.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    let promised = [
        "answers",
        "band",
        "decided_at",
        "decision",
        "disambiguations",
        "iid",
        "project_id",
        "score",
        "sources",
    ];
    assert_eq!(fields, promised);
    let second = &told["disagreements"][1];
    assert_eq!((&second["score"], &second["sources"]), (&json!(7), &json!(["incident"])));

    let last = report(&app, &["--last", "4"]);
    assert_eq!((&last["decided"], disagreements(&last)), (&json!(4), vec![called.iid]));
    assert!(app.gitlab.requests().iter().all(|request| request.method == "GET"));
    app.end().await;
}

#[actix_web::test]
async fn where_the_score_left_all_to_people_there_is_no_agreement_to_tell() {
    let app = TestApp::start_with(Options::default(), &[("MODE", "shadow")]).await;
    app.incident(&score(4, &[ACCEPTED]));
    app.settle().await;
    let said = agreement(&app, &[]);
    assert!(said.ends_with("\nno agreement to tell: the score left all of it to people\n"), "{said}");
    assert_eq!(report(&app, &[])["agreement"], Value::Null);
    app.end().await;
}

#[actix_web::test]
async fn what_is_answered_after_the_decision_counts() {
    let app = TestApp::start_with(Options::default(), &[("MODE", "shadow")]).await;
    let issue = app.incident(&[ACCEPTED]);
    app.settle().await;
    assert_eq!(disagreements(&report(&app, &[])), [issue.iid]);
    app.reporter().add_labels(issue, score(6, &[])).unwrap();
    app.settle().await;
    assert_eq!(report(&app, &[])["same"], 1);
    app.end().await;
}

#[actix_web::test]
async fn something_else_and_what_lost_its_source_would_not_be_escalated() {
    let app = TestApp::start_with(Options::default(), &[("MODE", "shadow")]).await;
    app.incident(&score(5, &["STAR", ACCEPTED]));
    let sourceless = app.issue(&score(5, &["outage", ACCEPTED]));
    app.settle().await;
    app.reporter().remove_labels(sourceless, ["outage"]).unwrap();
    app.settle().await;
    let said = agreement(&app, &[]);
    assert!(said.contains("Z, score 5, escalation, star\n"), "{said}");
    assert!(said.contains("Z, score 5, escalation, no source\n"), "{said}");
    assert_eq!(report(&app, &[])["disagreements"].as_array().unwrap().len(), 2);
    app.end().await;
}

#[actix_web::test]
async fn in_live_only_the_labels_of_decision_count() {
    let app = TestApp::start().await;
    decide(&app).await;
    let told = report(&app, &[]);
    assert_eq!([&told["same"], &told["otherwise"], &told["open"]], [1, 1, 1]);
    app.end().await;
}

#[actix_web::test]
async fn how_many_must_be_a_number_within_reason() {
    for count in ["0", "10001", "all"] {
        let run = Command::new(env!("CARGO_BIN_EXE_escalator")).args(["agreement", "--last", count]).output();
        assert_eq!(run.unwrap().status.code(), Some(2), "{count}");
    }
}
