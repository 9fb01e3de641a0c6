//! `escalator score`: the whole rule at the command line, as text and as JSON.

use escalator::sandbox::{Fault, Kind, Options, Sandbox};
use insta::assert_snapshot;
use serde_json::Value;

use crate::program::Place;

const ALL_YES: [&str; 5] = [
    "cross-functionality::yes",
    "complexity::yes",
    "financial-impact::yes",
    "operational-impact::yes",
    "customer-impact::yes",
];

/// `score` with these labels and further arguments.
fn score(labels: &[&str], more: &[&str]) -> String {
    let labels = labels.iter().flat_map(|label| ["--label", label]);
    let arguments: Vec<&str> = ["score"].into_iter().chain(labels).chain(more.iter().copied()).collect();
    Place::new().run(&arguments).success()
}

fn json(labels: &[&str], more: &[&str]) -> Value {
    serde_json::from_str(&score(labels, &[more, &["--format", "json"]].concat())).unwrap()
}

#[test]
fn an_issue_in_doubt_shows_which_answers_would_decide() {
    assert_snapshot!(score(
        &[
            "incident",
            "cross-functionality::yes",
            "complexity::yes",
            "operational-impact::no",
            "financial-impact::maybe"
        ],
        &[]
    ));
}

#[test]
fn a_full_escalation_is_named_with_its_label() {
    assert_snapshot!(score(&[&["SIRT", "outage"][..], &ALL_YES].concat(), &[]));
}

#[test]
fn what_has_a_process_of_its_own_is_sent_there() {
    assert_snapshot!(score(&[&["incident", "STAR"][..], &ALL_YES].concat(), &[]));
}

#[test]
fn what_comes_from_no_source_is_not_looked_at() {
    assert_snapshot!(score(&ALL_YES, &[]));
}

#[test]
fn the_json_form_is_a_promise_to_scripts() {
    assert_snapshot!(score(
        &[
            "breaking change",
            "cross-functionality::yes",
            "complexity::yes",
            "complexity::no",
            "customer-impact::yes"
        ],
        &["--format", "json"]
    ));
}

#[test]
fn the_score_tells_the_band() {
    for (answers, score, band, label) in [
        (&[][..], 0, "none", Value::Null),
        (&["cross-functionality::yes"], 2, "none", Value::Null),
        (
            &["cross-functionality::yes", "customer-impact::yes"],
            3,
            "possible",
            "platform-escalation-possible".into(),
        ),
        (
            &["cross-functionality::yes", "complexity::yes"],
            4,
            "possible",
            "platform-escalation-possible".into(),
        ),
        (
            &["cross-functionality::yes", "complexity::yes", "customer-impact::yes"],
            5,
            "escalation",
            "platform-escalation".into(),
        ),
        (&ALL_YES, 7, "escalation", "platform-escalation".into()),
    ] {
        let report = json(answers, &["--type", "incident"]);
        assert_eq!(
            (&report["score"], &report["band"], &report["label"]),
            (&score.into(), &band.into(), &label)
        );
    }
}

#[test]
fn an_incident_needs_no_label_and_an_issue_does() {
    assert_eq!(json(&[], &["--type", "incident"])["verdict"], "in-force");
    assert_eq!(json(&[], &["--type", "issue"])["verdict"], "no-source");
    assert_eq!(json(&["INCIDENT"], &[])["sources"], serde_json::json!(["incident"]));
}

#[test]
fn decisions_of_people_count() {
    let answers = ["incident", "cross-functionality::yes"];
    let with = |label| json(&[&answers[..], &[label]].concat(), &[]);
    assert_eq!(with("escalation-decision::declined")["verdict"], "declined");
    assert_eq!(with("escalation-decision::accepted")["decision"], "accepted");
}

#[test]
fn a_policy_of_ones_own_is_used() {
    let place = Place::with_file(
        r#"
        [policy]
        version = "ours"
        [[policy.questions]]
        key = "weather"
        name = "Weather"
        text = "Is it bad?"
        points = 9
        "#,
    );
    let run = place.run(&["score", "--label", "incident", "--label", "weather::yes", "--format", "json"]);
    let report: Value = serde_json::from_str(&run.success()).unwrap();
    assert_eq!((&report["score"], &report["policy"]), (&9.into(), &"ours".into()));
}

#[test]
fn a_mistake_in_the_configuration_ends_with_2() {
    let run = Place::with_file("modes = \"live\"").run(&["score", "--label", "incident"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("did you mean \"mode\"?"), "{}", run.err);
}

/// A GitLab with one incident, and a place configured to read it.
async fn gitlab() -> (Sandbox, Place, String) {
    let gitlab = Sandbox::start(Options::default()).await.unwrap();
    let project = gitlab.project("acme/web/shop");
    let issue = gitlab.issue(project).kind(Kind::Incident).labels(["complexity::yes"]).create();
    let bot = gitlab.bot("escalator-bot");
    gitlab.member(bot, "acme", 20);
    let place = Place::new()
        .variable("ESCALATOR__GITLAB__URL", gitlab.url())
        .variable("ESCALATOR__GITLAB__TOKEN", gitlab.token(bot, &["read_api"]));
    let url = format!("{}/acme/web/shop/-/issues/{}", gitlab.url(), issue.iid);
    (gitlab, place, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issue_in_gitlab_is_read_and_never_written() {
    let (gitlab, place, url) = gitlab().await;
    for url in [url.clone(), url.replace("/issues/", "/work_items/"), format!("{url}#note_1")] {
        let report: Value =
            serde_json::from_str(&place.run(&["score", &url, "--format", "json"]).success()).unwrap();
        assert_eq!((&report["score"], &report["sources"][0]), (&2.into(), &"incident".into()));
    }
    assert!(!gitlab.requests().is_empty() && gitlab.requests().iter().all(|request| request.reads()));
    gitlab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issue_that_cannot_be_read_ends_with_1_and_a_reason() {
    let (gitlab, place, url) = gitlab().await;
    let run = place.run(&["score", &format!("{url}999")]);
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert!(run.err.starts_with("escalator: "), "{}", run.err);

    gitlab.fault(Fault::status(401).times(1));
    let run = place.run(&["score", &url]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("token"), "{}", run.err);

    gitlab.stop().await;
    let run = place.run(&["score", &url]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("gitlab.url"), "{}", run.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_elsewhere_is_wrong_usage_and_nobody_gets_the_token() {
    let (gitlab, place, _) = gitlab().await;
    for url in ["https://gitlab.example.com/acme/web/shop/-/issues/1", "nonsense", &gitlab.url()] {
        let run = place.run(&["score", url]);
        assert_eq!(run.code, 2, "{url}");
        assert!(run.err.contains(&format!("{}/group/project/-/issues/12", gitlab.url())), "{}", run.err);
    }
    assert_eq!(gitlab.requests().len(), 0);
    gitlab.stop().await;
}

#[test]
fn reading_from_gitlab_needs_an_address_and_a_token() {
    let run = Place::new().run(&["score", "https://gitlab.example.com/a/b/-/issues/1"]);
    assert_eq!(run.code, 2);
    assert!(
        run.err.contains("gitlab.url is missing") && run.err.contains("ESCALATOR__GITLAB__TOKEN"),
        "{}",
        run.err
    );
    assert!(!run.err.contains("webhook"), "{}", run.err);
}
