//! Bodies up to GitLab's own limit, one byte beyond, and of strangers.

use crate::app::{App, TOKEN};
use crate::raw::Connection;

/// GitLab's own limit, and the default of `webhook.max_body`.
const LIMIT_BYTES: usize = 25 * 1024 * 1024;

/// An authentic delivery of so many bytes that does not matter.
fn body(bytes: usize) -> Vec<u8> {
    let (start, end) = (r#"{"object_kind":"push","title":""#, r#""}"#);
    let filling = "x".repeat(bytes - start.len() - end.len());
    format!("{start}{filling}{end}").into_bytes()
}

/// Sends the body in chunks of this many bytes, without announcing its length.
fn send_chunked(connection: &mut Connection, body: &[u8], chunk_bytes: usize) {
    connection.head(&[&format!("X-Gitlab-Token: {TOKEN}"), "Transfer-Encoding: chunked"]);
    for chunk in body.chunks(chunk_bytes) {
        connection.chunk(chunk);
    }
    connection.chunk(b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_exactly_the_limit_is_read_and_one_byte_more_is_not() {
    let app = App::start().await;
    assert_eq!(app.deliver(body(LIMIT_BYTES)).await.status, 200);
    assert_eq!(app.deliver(body(LIMIT_BYTES + 1)).await.status, 413);
    app.still_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_holds_for_bodies_of_unannounced_length_too() {
    let app = App::start().await;
    for (bytes, status) in [(LIMIT_BYTES, 200), (LIMIT_BYTES + 1, 413)] {
        let mut connection = Connection::open(app.webhooks());
        send_chunked(&mut connection, &body(bytes), 1 << 20);
        assert_eq!(connection.answer(), status, "{bytes} bytes");
    }
    app.still_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_announcement_is_refused_before_a_byte_of_it_is_sent() {
    let app = App::start().await;
    for length in [LIMIT_BYTES + 1, 1 << 40] {
        let mut connection = Connection::open(app.webhooks());
        connection.head(&[&format!("X-Gitlab-Token: {TOKEN}"), &format!("Content-Length: {length}")]);
        assert_eq!(connection.answer(), 413);
        assert!(connection.is_over());
    }
    app.still_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_body_of_a_stranger_is_not_waited_for() {
    let app = App::start().await;
    for proof in ["X-Gitlab-Token: guessed", "X-Gitlab-Event: Issue Hook"] {
        for length in ["Content-Length: 20000000", "Transfer-Encoding: chunked"] {
            let mut connection = Connection::open(app.webhooks());
            connection.head(&[proof, length]);
            assert_eq!(connection.answer(), 401, "{proof}, {length}");
            assert!(connection.is_over(), "{proof}, {length}");
        }
    }
    app.still_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_sends_a_large_body_all_the_same_hears_401() {
    let app = App::start().await;
    assert_eq!(app.post(&[("X-Gitlab-Token", "guessed")], body(20_000_000)).await.status, 401);
    app.still_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_in_many_small_chunks_is_read_whole() {
    let app = App::start().await;
    let mut connection = Connection::open(app.webhooks());
    send_chunked(&mut connection, crate::payloads::INCIDENT.as_bytes(), 7);
    assert_eq!(connection.answer(), 202);
    app.service.stop().await;
}
