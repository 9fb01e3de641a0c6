//! The whole way of a webhook, measured: from a label event in GitLab to the label and the comment there, and what a
//! look costs in calls. Real HTTP, real signatures, a real store on disk; GitLab is the sandbox.
//!
//! `cargo bench --bench journey` prints a Markdown table.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on should say where")]

#[expect(dead_code, reason = "shared with the tests, which use more of it")]
#[path = "../tests/service/app.rs"]
mod app;

use std::time::{Duration, Instant};

use app::{TestApp, score};
use escalator::sandbox::{IssueId, Options};

/// How many issues are labelled, one after the other.
const JOURNEYS: usize = 300;
/// How many issues change while Escalator is down and webhooks are lost.
const MISSED: usize = 250;
/// How often a burst is repeated.
const BURSTS: usize = 5;

#[actix_web::main]
async fn main() {
    println!("| what | figure |\n| --- | --- |");
    latencies().await;
    costs().await;
    bursts().await;
    for pace in ["10000", "10"] {
        outage(pace).await;
    }
}

async fn latencies() {
    let app = TestApp::start().await;
    let issues: Vec<_> = (0..JOURNEYS).map(|_| app.incident(&[])).collect();
    app.settle().await;
    let mut times = Vec::new();
    for issue in issues {
        let started = Instant::now();
        app.reporter().add_labels(issue, score(5, &[])).unwrap();
        until_answered(&app, issue).await;
        times.push(started.elapsed());
    }
    times.sort();
    let figure = |place: usize| format!("{:.1} ms", times[place].as_secs_f64() * 1000.0);
    println!("| label event to label and comment, {JOURNEYS} issues: median | {} |", figure(JOURNEYS / 2));
    println!("| … 99th percentile | {} |", figure(JOURNEYS * 99 / 100));
    println!("| … slowest | {} |", figure(JOURNEYS - 1));
    app.end().await;
}

async fn until_answered(app: &TestApp, issue: IssueId) {
    while app.escalation_labels(issue) != ["platform-escalation"]
        || !app.comment(issue).contains("5 of 7 points")
    {
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
}

async fn costs() {
    let app = TestApp::start().await;
    let issue = app.incident(&[]);
    app.settle().await;
    app.gitlab.clear_requests();
    app.reporter().add_labels(issue, score(5, &[])).unwrap();
    app.settle().await;
    println!("| a change: reads, writes | {}, {} |", app.gitlab.reads(issue), app.gitlab.writes(issue));
    app.service().scribe.round().await.unwrap();
    println!("| … and later, for the ledger: reads | {} |", app.gitlab.reads(issue) - 1);

    app.gitlab.clear_requests();
    assert!(app.gitlab.replay(0));
    app.settle().await;
    println!("| steady state: reads, writes | {}, {} |", app.gitlab.reads(issue), app.gitlab.writes(issue));

    app.gitlab.clear_requests();
    app.reporter().set_title(issue, "nothing that matters").unwrap();
    app.settle().await;
    println!(
        "| an event that changes nothing relevant, an echo of our own: calls | {} |",
        app.gitlab.requests().len()
    );
    app.end().await;
}

/// 100 events, delivered as fast as the service takes them, in a random order, 16 at a time.
async fn bursts() {
    let app = TestApp::start_with(Options::default(), &[]).await;
    let mut looks = Vec::new();
    for burst in 0..BURSTS {
        let issue = app.incident(&[]);
        app.settle().await;
        app.gitlab.clear_requests();
        app.gitlab.hold_deliveries();
        for round in 0..100 {
            let label = [score(2, &[])[0]];
            if round % 2 == 0 {
                app.reporter().add_labels(issue, label).unwrap();
            } else {
                app.reporter().remove_labels(issue, label).unwrap();
            }
        }
        app.gitlab.release_deliveries(Some(burst as u64));
        app.settle().await;
        looks.push(app.gitlab.reads(issue));
    }
    println!("| a burst of 100 events on one issue, {BURSTS} times: assessments | {looks:?} |");
    app.end().await;
}

/// Escalator is down and every webhook is lost; then it starts, and sweeps.
async fn outage(requests_per_second: &str) {
    let settings = [("GITLAB__GROUPS", "acme"), ("GITLAB__REQUESTS_PER_SECOND", requests_per_second)];
    let mut app = TestApp::start_with(Options::default(), &settings).await;
    app.stop_service().await;
    app.gitlab.drop_deliveries(true);
    let issues: Vec<_> = (0..MISSED).map(|_| app.incident(&score(5, &[]))).collect();
    app.gitlab.clear_requests();
    let started = Instant::now();
    app.restart_service().await;
    for issue in issues {
        while app.gitlab.notes(issue).is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    }
    let (seconds, calls) = (started.elapsed().as_secs_f64(), app.gitlab.requests().len());
    println!(
        "| {MISSED} incidents missed, {requests_per_second} calls a second allowed: right after the start in | {seconds:.1} s, {calls} calls |"
    );
    app.end().await;
}
