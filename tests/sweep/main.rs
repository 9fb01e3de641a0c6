//! The sweep from the outside: webhooks are lost, Escalator is down, GitLab is sick in the middle; one sweep later GitLab
//! shows what it should.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

#[expect(dead_code, reason = "shared with the tests of the service, which use more of it")]
#[path = "../service/app.rs"]
mod app;
mod cost;
mod lost;
mod trouble;

use app::TestApp;
use escalator::calculator::issue::Moment;
use escalator::sandbox::{Options, RequestRecord};
use escalator::store::Walk;

/// Watches the group `acme`. Between the sweep at the start and the end of a test there is only what the test asks for.
async fn start() -> TestApp {
    start_with(&[]).await
}

async fn start_with(settings: &[(&str, &str)]) -> TestApp {
    let mut all = vec![("GITLAB__GROUPS", "acme"), ("SWEEP__INTERVAL", "1h")];
    all.extend(settings);
    TestApp::start_with(Options::default(), &all).await
}

async fn watermark(app: &TestApp) -> Option<Moment> {
    app.service().store.watermark(Walk::Sweep, "group acme").await.unwrap()
}

async fn keep_watermark(app: &TestApp, at: Moment) {
    app.service().store.keep_watermark(Walk::Sweep, "group acme", at).await.unwrap();
}

/// Sweeps once, and waits until what it marked is done.
async fn sweep(app: &TestApp) {
    app.service().sweep.round().await;
    app.settle().await;
}

fn lists(app: &TestApp) -> Vec<RequestRecord> {
    let is_list = |request: &RequestRecord| request.method == "GET" && request.route.ends_with("/issues");
    app.gitlab.requests().into_iter().filter(is_list).collect()
}
