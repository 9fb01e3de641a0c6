//! Every answer that a sender can get, and that none of them says more than its status.

use reqwest::Method;

use crate::app::{Answer, App, TOKEN};
use crate::payloads::{EPIC, INCIDENT, ISSUE_OPEN};
use crate::raw::Connection;

#[tokio::test(flavor = "multi_thread")]
async fn what_matters_is_kept_before_it_is_answered_202() {
    let app = App::start().await;
    assert_eq!(app.deliver(INCIDENT).await.status, 202);
    assert_eq!(app.waiting().await, 1);
    app.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_authentic_and_does_not_matter_is_answered_200() {
    let app = App::start().await;
    for (what, body) in [
        ("irrelevant", ISSUE_OPEN),
        ("not of a project", EPIC),
        ("of another kind", r#"{"object_kind":"push"}"#),
        ("of a kind that GitLab has not invented yet", r#"{"object_kind":"teleport"}"#),
        ("not in GitLab's shape", "[1]"),
        ("not JSON", "object_kind=issue"),
        ("empty", ""),
    ] {
        assert_eq!(app.deliver(body).await.status, 200, "{what}");
    }
    app.still_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_without_proof_is_answered_401_and_leaves_nothing() {
    let app = App::start().await;
    assert_eq!(app.post(&[], INCIDENT).await.status, 401);
    assert_eq!(app.post(&[("X-Gitlab-Token", "guessed")], INCIDENT).await.status, 401);
    app.still_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_above_the_limit_is_answered_413() {
    let app = App::with(&[("WEBHOOK__SECRET_TOKENS", TOKEN), ("WEBHOOK__MAX_BODY", "4KiB")]).await;
    assert_eq!(app.deliver(vec![b' '; 4096]).await.status, 200);
    assert_eq!(app.deliver(vec![b' '; 4097]).await.status, 413);
    app.still_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_are_answered_405() {
    let app = App::start().await;
    for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS, Method::HEAD] {
        let answer =
            app.ask(method.clone(), "/webhooks/gitlab", &[("X-Gitlab-Token", TOKEN)], INCIDENT).await;
        assert_eq!((answer.status, answer.body.as_str()), (405, ""), "{method}");
    }
    app.still_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_paths_are_answered_404() {
    let app = App::start().await;
    for path in [
        "/",
        "/webhooks",
        "/webhooks/",
        "/webhooks/gitlab/",
        "/webhooks/gitlab/x",
        "//webhooks/gitlab",
        "/metrics",
        "/readyz",
    ] {
        let answer = app.ask(Method::POST, path, &[("X-Gitlab-Token", TOKEN)], INCIDENT).await;
        assert_eq!((answer.status, answer.body.as_str()), (404, ""), "{path}");
    }
    app.still_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_does_not_change_the_path() {
    let app = App::start().await;
    let path = "/webhooks/gitlab?canary=1";
    let answer = app.ask(Method::POST, path, &[("X-Gitlab-Token", TOKEN)], INCIDENT).await;
    assert_eq!(answer.status, 202);
    app.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_not_received_at_the_admin_address() {
    let app = App::start().await;
    assert_eq!(app.admin("/livez").await, ok(app.admin("/readyz").await));
    assert_eq!(app.admin("/webhooks/gitlab").await.status, 404);
    app.still_well().await;
}

/// The same answer, once it is sure that it is the good one.
fn ok(answer: Answer) -> Answer {
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_repeats_anything_of_its_request() {
    let app = App::start().await;
    let canary_body = INCIDENT.replace("Incident was observed.", "canary-description");
    assert!(canary_body.contains("canary-description"));
    let bodies = [canary_body.clone(), "canary-text".to_owned(), format!("{canary_body}canary-tail")];
    for token in [TOKEN, "canary-guess"] {
        for body in &bodies {
            for (method, path) in [
                (Method::POST, "/webhooks/gitlab"),
                (Method::PUT, "/webhooks/gitlab"),
                (Method::POST, "/canary-path?canary=1"),
            ] {
                let headers =
                    [("X-Gitlab-Token", token), ("X-Gitlab-Event", "canary-event"), ("Cookie", "canary=1")];
                let answer = app.ask(method, path, &headers, body.as_str()).await;
                assert_eq!(answer.body, "");
                assert!(!answer.headers.contains("canary"), "{}", answer.headers);
            }
        }
    }
    app.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_no_http_end_with_an_empty_error() {
    let app = App::start().await;
    for request in [
        "canary\r\n\r\n".to_owned(),
        "POST /webhooks/gitlab HTTP/9.9\r\n\r\n".to_owned(),
        "POST /webhooks/gitlab HTTP/1.1\r\nHost: a\r\ncanary header: x\r\n\r\n".to_owned(),
        "POST /webhooks/gitlab HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n".to_owned(),
        "POST /webhooks/gitlab HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n".to_owned(),
        "POST /webhooks/gitlab HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
    ] {
        let mut connection = Connection::open(app.webhooks());
        connection.send(request.as_bytes());
        assert_eq!(connection.answer(), 400, "{request:.80}");
    }
    let mut connection = Connection::open(app.webhooks());
    connection.head(&[&format!("X-Gitlab-Token: {}", "x".repeat(200_000))]);
    assert_eq!(connection.answer(), 431, "more headers than anybody sends");
    app.still_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_is_nobodys_and_leaves_nothing() {
    let app = App::start().await;
    let mut connection = Connection::open(app.webhooks());
    connection
        .head(&[&format!("X-Gitlab-Token: {TOKEN}"), &format!("Content-Length: {}", INCIDENT.len() + 1)]);
    connection.send(INCIDENT.as_bytes());
    connection.stop_sending();
    assert_eq!(connection.answer(), 400);
    app.still_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_deliveries_share_one_connection() {
    let app = App::start().await;
    let mut connection = Connection::open(app.webhooks());
    for _ in 0..3 {
        connection.head(&[&format!("X-Gitlab-Token: {TOKEN}"), &format!("Content-Length: {}", EPIC.len())]);
        connection.send(EPIC.as_bytes());
        assert_eq!(connection.answer(), 200);
    }
    app.still_well().await;
}
