//! `/metrics`: what came, what was done, what waits, and what is wrong.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use escalator::sandbox::{Fault, Trouble};

use crate::desk::Desk;
use crate::program::{Place, until};

const README: &str = include_str!("../../README.md");
const ALERTS: &str = include_str!("../../helm/alerts.yaml");
const DASHBOARD: &str = include_str!("../../helm/dashboard.json");

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_what_came_what_was_done_and_what_waits() {
    let place = Place::ready_to_serve()
        .variable("ESCALATOR__GITLAB__GROUPS", "acme")
        .variable("ESCALATOR__WEBHOOK__URL", "https://escalator.example.com/webhooks/gitlab");
    let desk = Desk::open_in(place, Place::serve, "A title", "A description").await;
    desk.assessed();
    assert_eq!(desk.serving.deliver("nonsense").await, 200);
    until("a sweep, the token and the webhooks are told of", async || {
        desk.serving.sample("escalator_sweep_last_complete_timestamp_seconds").await > Some(0.0)
            && desk.serving.sample("escalator_gitlab_token_days_left").await.is_some()
            && desk.serving.sample("escalator_webhook_places_hidden").await.is_some()
            && desk.serving.sample("escalator_time_to_assessed_seconds_count").await > Some(0.0)
            && desk.serving.sample(r#"escalator_commands_total{verb="answer",outcome="done"}"#).await
                == Some(0.0)
    })
    .await;
    let (status, text) = desk.serving.admin("/metrics").await;
    assert_eq!(status, 200);

    for line in [
        r#"escalator_deliveries_total{outcome="queued"} "#,
        r#"escalator_deliveries_total{outcome="unparseable"} 1"#,
        r#"escalator_deliveries_total{outcome="wrong_signature"} 0"#,
        r#"escalator_delivery_duration_seconds_bucket{le="0.05"} "#,
        "escalator_last_delivery_timestamp_seconds 1",
        r#"escalator_assessments_total{band="escalation"} "#,
        r#"escalator_assessments_total{band="possible"} 0"#,
        r#"escalator_assessment_duration_seconds_bucket{le="240"} "#,
        r#"escalator_assessment_failures_total{reaction="park"} 0"#,
        r#"escalator_time_to_assessed_seconds_bucket{le="3600"} "#,
        r#"escalator_queue_depth{state="waiting"} "#,
        r#"escalator_queue_depth{state="parked"} 0"#,
        "escalator_queue_oldest_age_seconds ",
        "escalator_workers 4",
        "escalator_workers_busy ",
        r#"escalator_gitlab_calls_total{operation="get_issue",status="200"} "#,
        r#"escalator_gitlab_call_duration_seconds_bucket{operation="get_issue",le="0.005"} "#,
        r#"escalator_gitlab_call_duration_seconds_count{operation="get_issue"} "#,
        "escalator_gitlab_rate_limit_remaining ",
        r#"escalator_gitlab_pause_seconds{reason="throttled"} 0"#,
        r#"escalator_gitlab_pause_seconds{reason="unauthorized"} 0"#,
        r#"escalator_gitlab_pause_seconds{reason="stopped"} 0"#,
        r#"escalator_writes_stopped{scope="service"} 0"#,
        r#"escalator_writes_stopped{scope="issue"} 0"#,
        r#"escalator_write_stops_total{scope="service"} 0"#,
        r#"escalator_write_stops_total{scope="issue"} 0"#,
        "escalator_gitlab_token_days_left inf",
        "escalator_store_errors_total 0",
        "escalator_agreement_ratio NaN",
        r#"escalator_decisions{outcome="same"} 0"#,
        r#"escalator_decisions{outcome="otherwise"} 0"#,
        r#"escalator_decisions{outcome="open"} 0"#,
        concat!(r#"escalator_build_info{version=""#, env!("CARGO_PKG_VERSION"), r#""} 1"#),
    ] {
        assert!(text.lines().any(|found| found.starts_with(line)), "{line} is missing in:\n{text}");
    }
    assert_eq!(named_in_readme(), families(&text), "README names exactly the metrics that there are");
    for (place, queries) in [("alerts", ALERTS), ("dashboard", DASHBOARD)] {
        let unknown: Vec<_> = asked_for(queries).difference(&families(&text)).cloned().collect();
        assert!(unknown.is_empty(), "the {place} ask for what there is not: {unknown:?}");
        for (metric, label) in labels_asked_for(queries) {
            let found =
                text.lines().any(|line| line.starts_with(&format!("{metric}{{")) && line.contains(&label));
            assert!(found, "the {place} ask for {label} of {metric}");
        }
    }
    check_with_promtool(&text);
    assert_eq!(desk.serving.stop().0, 0);
    desk.gitlab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn how_often_people_decided_the_same_is_told_from_the_start() {
    let place = Place::ready_to_serve().variable("ESCALATOR__MODE", "shadow");
    let desk = Desk::open_in(place, Place::serve, "A title", "A description").await;
    desk.gitlab.by(desk.author).add_labels(desk.issue, ["escalation-decision::accepted"]).unwrap();
    desk.serving.log.until(r#""decision":"accepted""#);
    assert_eq!(desk.serving.stop().0, 0);
    let serving = desk.place.serve();
    until("the decision is counted", async || {
        serving.sample(r#"escalator_decisions{outcome="same"}"#).await == Some(1.0)
    })
    .await;
    assert_eq!(serving.sample("escalator_agreement_ratio").await, Some(1.0));
    assert_eq!(serving.stop().0, 0);
    desk.gitlab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttle_and_a_refused_token_show_as_pauses_with_the_seconds_that_are_left() {
    for (code, retry_after, reason, most) in
        [(401, None, "unauthorized", 30.0), (429, Some(3000), "throttled", 3000.0)]
    {
        let desk = Desk::open("A title", "A description").await;
        desk.assessed();
        let trouble = Trouble::Status { code, retry_after, body: String::new() };
        desk.gitlab.fault(Fault::new(trouble).times(1));
        desk.gitlab.by(desk.author).add_labels(desk.issue, ["financial-impact::yes"]).unwrap();
        let name = format!(r#"escalator_gitlab_pause_seconds{{reason="{reason}"}}"#);
        until(reason, async || {
            let left = desk.serving.sample(&name).await.unwrap();
            assert!(left <= most);
            left > 0.0
        })
        .await;
    }
}

/// The names in the first column of README's table, whose rows begin with a metric and tell its labels in braces.
fn named_in_readme() -> BTreeSet<String> {
    let rows = README.lines().filter(|line| line.starts_with("| `escalator_"));
    let columns = rows.map(|row| row.split('|').nth(1).unwrap());
    let codes = columns.flat_map(|column| column.split('`').skip(1).step_by(2));
    codes.map(|code| code.split('{').next().unwrap().to_owned()).collect()
}

/// The names of the metrics in a scrape.
fn families(text: &str) -> BTreeSet<String> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

/// The metrics that queries ask for; of a histogram, they ask for its parts.
fn asked_for(queries: &str) -> BTreeSet<String> {
    let words = queries.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    let metrics = words.filter(|word| word.starts_with("escalator_"));
    let found: BTreeSet<String> =
        metrics.map(|word| word.trim_end_matches("_bucket").trim_end_matches("_count").to_owned()).collect();
    assert!(found.len() > 10, "the queries were not found");
    found
}

/// The labels that queries ask for of our metrics: by which they sum up, and which values they want. A status that no
/// call has had yet is not there.
fn labels_asked_for(queries: &str) -> BTreeSet<(String, String)> {
    let queries = queries.replace(r#"\""#, r#"""#);
    let mut found = BTreeSet::new();
    let mut before = "";
    for part in queries.split("escalator_").skip(1) {
        let name_ends = part.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
        let (name, rest) = part.split_at(name_ends.unwrap_or(part.len()));
        let (selected, rest) =
            rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).unwrap_or(("", rest));
        let grouped = before.rsplit_once("by (").and_then(|(_, labels)| labels.split_once(')'));
        let labels = grouped.map_or("", |(labels, _)| labels).split(',').map(str::trim);
        let mut ask = |label: String| found.insert((format!("escalator_{name}"), label));
        for label in labels.filter(|label| !label.is_empty()) {
            ask(format!(r#"{label}=""#));
        }
        for (label, values) in selected.split(',').filter_map(|pair| pair.trim().split_once('=')) {
            let values = values.trim_start_matches('~').trim_matches('"').split('|');
            for value in values.filter(|value| label != "status" && !value.starts_with('$')) {
                ask(format!(r#"{label}="{value}""#));
            }
        }
        before = rest;
    }
    assert!(found.len() > 10, "the labels were not found");
    found
}

/// Every family has a help text and a type, and its name is one that Prometheus likes.
#[expect(clippy::print_stderr, reason = "a check that was left out must not look like one that passed")]
#[expect(clippy::disallowed_methods, reason = "it is the tests' own environment")]
fn check_with_promtool(text: &str) {
    let program = std::env::var_os("PROMTOOL").unwrap_or_else(|| "promtool".into());
    let promtool = Command::new(program)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = promtool else {
        eprintln!("skipped: there is no promtool here, and PROMTOOL names none; tests/run gets one");
        return;
    };
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let checked = promtool.wait_with_output().unwrap();
    let findings = String::from_utf8_lossy(&checked.stderr).into_owned();
    // The one name it does not like: GitLab's tokens end on a day, and nobody thinks of that in seconds.
    let days = "escalator_gitlab_token_days_left use base unit \"seconds\" instead of \"days\"";
    let others: Vec<_> = findings.lines().filter(|line| !line.is_empty() && *line != days).collect();
    assert!(others.is_empty() && [Some(0), Some(3)].contains(&checked.status.code()), "{findings}");
}
