//! `/metrics` after a delivery was worked on.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::desk::Desk;

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_what_came_what_was_done_and_what_waits() {
    let desk = Desk::open("A title", "A description").await;
    desk.assessed();
    assert_eq!(desk.serving.deliver("nonsense").await, 200);
    let (status, text) = desk.serving.admin("/metrics").await;
    assert_eq!(status, 200);

    for sample in [
        r#"escalator_deliveries_total{outcome="queued"} "#,
        r#"escalator_deliveries_total{outcome="unparseable"} 1"#,
        r#"escalator_assessments_total{band="escalation"} "#,
        r#"escalator_queue_depth{state="waiting"} "#,
        r#"escalator_queue_depth{state="parked"} 0"#,
        "escalator_queue_oldest_age_seconds ",
        r#"escalator_gitlab_calls_total{operation="get_issue",status="200"} "#,
        r#"escalator_gitlab_call_duration_seconds_bucket{operation="get_issue",le="0.005"} "#,
        r#"escalator_gitlab_call_duration_seconds_count{operation="get_issue"} "#,
        "escalator_gitlab_rate_limit_remaining ",
    ] {
        assert!(text.lines().any(|line| line.starts_with(sample)), "{sample} is missing in:\n{text}");
    }
    check_with_promtool(&text);
    assert_eq!(desk.serving.stop().0, 0);
    desk.gitlab.stop().await;
}

/// Every family has a help text and a type, and its name is one that Prometheus likes.
#[expect(clippy::print_stderr, reason = "a check that was left out must not look like one that passed")]
fn check_with_promtool(text: &str) {
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = promtool else {
        eprintln!("skipped: there is no promtool here (Debian's package prometheus)");
        return;
    };
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let checked = promtool.wait_with_output().unwrap();
    let findings = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(checked.status.success() && findings.is_empty(), "{findings}");
}
