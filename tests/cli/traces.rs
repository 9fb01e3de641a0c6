//! Traces: one follows a delivery to the last write, on request only, and a collector in trouble troubles nobody.

use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use escalator::sandbox::Fault;
use serde_json::Value;

use crate::collector::{Collector, Span};
use crate::desk::Desk;
use crate::program::{Place, Serving, until};

const ENDPOINT: &str = "ESCALATOR__TELEMETRY__OTLP_ENDPOINT";

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_holds_a_delivery_its_wait_the_look_and_every_write_and_nothing_that_people_wrote() {
    let Some(collector) = Collector::start().await else { return };
    let place = Place::ready_to_serve().variable(ENDPOINT, collector.endpoint());
    let desk = Desk::open_in(place, Place::serve, "canary-title", "canary-description").await;
    desk.assessed();
    assert!(records(&desk.serving));
    let issue = format!("issue: Str({}#{})", desk.issue.project_id, desk.issue.iid);
    let (code, log) = desk.serving.stop();
    assert_eq!(code, 0, "{log}");

    let queued = |span: &Span| span.name == "delivery" && span.has("outcome: Str(queued)");
    let done = |span: &Span| span.name == "look" && span.has("outcome: Str(done)");
    until("the spans that end last have come", async || {
        let spans = collector.spans();
        spans.iter().any(queued) && spans.iter().any(done)
    })
    .await;
    let spans = collector.spans();
    let delivery = spans.iter().find(|span| queued(span)).unwrap();
    assert!(delivery.has(&issue) && delivery.parent.is_empty(), "{delivery:?}");
    let of_trace = |name: &str| -> &Span {
        let found = spans.iter().find(|span| span.trace == delivery.trace && span.name == name);
        found.unwrap_or_else(|| panic!("{name} is not in the trace: {spans:#?}"))
    };
    let look = of_trace("look");
    assert!(look.has(&issue) && look.has("outcome: Str(done)"), "{look:?}");
    for (child, parent) in [
        ("keep", delivery),
        ("queue", delivery),
        ("look", delivery),
        ("get_issue", look),
        ("change_labels", look),
        ("create_note", look),
        ("record", look),
    ] {
        assert_eq!(of_trace(child).parent, parent.id, "{child}");
    }
    assert!(of_trace("create_note").has("status: Str(201)"));
    for (name, kind) in
        [("delivery", "SERVER"), ("keep", "INTERNAL"), ("look", "CONSUMER"), ("get_issue", "CLIENT")]
    {
        assert_eq!(of_trace(name).kind, format!("SPAN_KIND_{kind}"), "{name}");
    }
    // The queue knows milliseconds.
    let [delivered, queue, looked] = [delivery, of_trace("queue"), look].map(|span| {
        assert!(span.start <= span.end, "{span:?}");
        (span.start / 1_000_000, span.end / 1_000_000)
    });
    assert!(delivered.0 <= queue.0 && queue.0 <= delivered.1, "the wait begins with the mark");
    assert!(queue.1 <= looked.0, "the wait ends with the claim");

    let assessed: Value =
        serde_json::from_str(log.lines().find(|line| line.contains("assessed")).unwrap()).unwrap();
    assert_eq!(assessed["trace_id"], delivery.trace.as_str());

    let received = collector.received();
    assert!(received.contains("service.name: Str(escalator)"), "it was really searched");
    for secret in ["canary", desk.place.variable_value("ESCALATOR__GITLAB__TOKEN").as_str()] {
        assert!(!received.contains(secret), "{secret} is in the traces");
    }
    desk.gitlab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_marked_as_failed_and_what_came_of_it_is_in_the_same_trace() {
    let Some(collector) = Collector::start().await else { return };
    let place = Place::ready_to_serve().variable(ENDPOINT, collector.endpoint());
    let desk = Desk::open_in(place, Place::serve, "A title", "A description").await;
    desk.assessed();
    desk.gitlab.fault(Fault::status(500).at("GET", &format!("/issues/{}", desk.issue.iid)).times(1));
    desk.gitlab.by(desk.author).remove_labels(desk.issue, ["complexity::yes"]).unwrap();
    desk.serving.log.until("trying again");
    until("the retry is done", async || {
        desk.gitlab.labels(desk.issue).contains(&"platform-escalation-possible".to_owned())
    })
    .await;
    assert_eq!(desk.serving.stop().0, 0);

    let failed = |span: &Span| span.name == "get_issue" && span.has("status: Str(500)");
    let retried = |span: &Span| span.has("attempts: Int(2)") && span.has("outcome: Str(done)");
    until("the spans that end last have come", async || collector.spans().iter().any(retried)).await;
    let spans = collector.spans();
    let call = spans.iter().find(|span| failed(span)).unwrap();
    let look = spans.iter().find(|span| span.id == call.parent).unwrap();
    assert_eq!([call.status.as_str(), &look.status], ["STATUS_CODE_ERROR"; 2]);
    assert!(look.has("outcome: Str(retry)") && look.has("attempts: Int(1)"), "{look:?}");
    assert!(spans.iter().any(|span| retried(span) && span.trace == look.trace), "{spans:#?}");
    desk.gitlab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_recorded_unless_it_is_asked_for() {
    let desk = Desk::open("A title", "A description").await;
    desk.assessed();
    assert!(!records(&desk.serving));
    let (code, log) = desk.serving.stop();
    assert_eq!(code, 0);
    assert!(!log.contains("trace_id"), "{log}");
    desk.gitlab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_takes_nothing_is_complained_of_once_and_hurts_nobody() {
    let gitlab = escalator::sandbox::Sandbox::start(escalator::sandbox::Options::default()).await.unwrap();
    // It knows no such path; and a batch is sent every few milliseconds.
    let place =
        Place::ready_to_serve().variable(ENDPOINT, gitlab.url()).variable("OTEL_BSP_SCHEDULE_DELAY", "5");
    let desk = Desk::open_in(place, Place::serve, "A title", "A description").await;
    desk.assessed();
    desk.serving.log.until("traces are lost; check telemetry.otlp_endpoint and the collector");
    desk.gitlab.by(desk.author).remove_labels(desk.issue, ["complexity::yes"]).unwrap();
    until("work goes on", async || {
        desk.gitlab.labels(desk.issue).contains(&"platform-escalation-possible".to_owned())
    })
    .await;
    let (code, log) = desk.serving.stop();
    assert_eq!((code, log.matches("traces are lost").count()), (0, 1), "{log}");
    desk.gitlab.stop().await;
    gitlab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_does_not_answer_does_not_hold_up_a_stop() {
    // Connections are made, and nobody reads from them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = Place::ready_to_serve()
        .variable(ENDPOINT, format!("http://{}", silent.local_addr().unwrap()))
        .variable("ESCALATOR__SERVER__SHUTDOWN_TIMEOUT", "300ms");
    let desk = Desk::open_in(place, Place::serve, "A title", "A description").await;
    desk.assessed();
    desk.gitlab.settled().await;
    let asked = Instant::now();
    let (code, log) = desk.serving.stop();
    assert_eq!(code, 0, "{log}");
    // The longest that spans are waited for by themselves.
    assert!(asked.elapsed() < Duration::from_millis(4_900), "{:?}", asked.elapsed());
    assert!(log.contains("the last traces could not be sent") && log.contains("\"stopped\""), "{log}");
    desk.gitlab.stop().await;
}

#[test]
fn an_endpoint_that_is_none_or_holds_a_password_is_refused() {
    for wrong in ["collector:4318", "grpc://collector:4317", "http://user:canary@collector:4318"] {
        let complaint = Place::new().variable(ENDPOINT, wrong).complaint();
        assert!(
            complaint.contains("telemetry.otlp_endpoint must be an http or https address"),
            "{complaint}"
        );
        assert!(!complaint.contains("canary"), "{complaint}");
    }
}

/// Whether the thread is there that sends spans.
fn records(serving: &Serving) -> bool {
    let threads = fs::read_dir(format!("/proc/{}/task", serving.id())).unwrap();
    let names = threads.filter_map(|thread| fs::read_to_string(thread.unwrap().path().join("comm")).ok());
    names.into_iter().any(|name| name.starts_with("OpenTelemetry"))
}
