//! Webhooks that GitLab switched off are called again without anybody's doing.

use escalator::clock::{Millis, now};
use escalator::sandbox::{AlertStatus, Fault, Options};
use escalator::watchdog::Watchdog;

use crate::app::{TestApp, score};

/// An Owner's bot where it is to see the webhooks of the group.
const OWNER: u8 = 50;
const MINUTE: i64 = 60 * 1000;

/// A service that knows the address of its webhook, stopped, after GitLab could not deliver so often that it switched
/// the webhook off.
async fn switched_off_while_away(role: Option<u8>) -> TestApp {
    let mut app = TestApp::start_with(Options::default(), &[("GITLAB__GROUPS", "acme")]).await;
    if let Some(role) = role {
        app.gitlab.member(app.bot, "acme", role);
    }
    let url = format!("http://{}/webhooks/gitlab", app.service().webhook_address);
    app.stop_service().await;
    for _ in 0..4 {
        app.incident(&[]);
        app.gitlab.settled().await;
    }
    assert_eq!(app.gitlab.alert_status(app.hook), Some(AlertStatus::TemporarilyDisabled));
    app.set("WEBHOOK__URL", &url);
    app
}

fn tests_asked(app: &TestApp) -> usize {
    app.gitlab.requests().iter().filter(|request| request.path.contains("/test/")).count()
}

fn watchdog(app: &TestApp) -> &Watchdog {
    app.service().watchdog.as_ref().unwrap()
}

#[actix_web::test]
async fn a_webhook_that_was_switched_off_is_called_again_once_we_are_back() {
    let mut app = switched_off_while_away(Some(OWNER)).await;
    app.restart_service().await;
    app.until("the webhook is called again", |app| {
        app.gitlab.alert_status(app.hook) == Some(AlertStatus::Executable)
    })
    .await;
    assert_eq!(tests_asked(&app), 1);
    watchdog(&app).round(Millis(now().0 + 10 * MINUTE)).await;
    assert_eq!(tests_asked(&app), 1, "one that is called needs no test");

    let delivered = app.gitlab.deliveries().len();
    let issue = app.incident(&score(5, &[]));
    app.settle().await;
    assert!(app.gitlab.deliveries().len() > delivered);
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    app.end().await;
}

#[actix_web::test]
async fn test_requests_that_do_not_help_are_asked_for_ever_more_seldom() {
    let mut app = switched_off_while_away(Some(OWNER)).await;
    // None is sent, and the webhook stays switched off.
    app.gitlab.fault(Fault::status(422).on("POST", "/test/"));
    app.restart_service().await;
    app.until("a first test request", |app| tests_asked(app) == 1).await;
    let (watchdog, start) = (watchdog(&app).clone(), now().0);
    let mut asked = Vec::new();
    for minute in (0..=240).step_by(2) {
        let before = tests_asked(&app);
        watchdog.round(Millis(start + minute * MINUTE + 5000)).await;
        if tests_asked(&app) > before {
            asked.push(minute);
        }
    }
    assert_eq!(asked, [2, 6, 14, 30, 62, 122, 182], "after 2, 4, 8, 16, 32 and then 60 minutes");
    app.end().await;
}

#[actix_web::test]
async fn one_round_asks_for_no_more_test_requests_than_gitlab_allows_a_minute() {
    let mut app = switched_off_while_away(None).await;
    app.gitlab.member(app.bot, "acme", OWNER);
    let url = app.variable("WEBHOOK__URL");
    let more: Vec<u64> =
        (0..7).map(|_| app.gitlab.hook("acme", escalator::sandbox::Hook::to(url.as_str()))).collect();
    for _ in 0..4 {
        app.incident(&[]);
        app.gitlab.settled().await;
    }
    let off = |app: &TestApp| {
        let status = |hook: &&u64| app.gitlab.alert_status(**hook) != Some(AlertStatus::Executable);
        more.iter().filter(status).count()
    };
    assert_eq!(off(&app), 7);
    app.gitlab.fault(Fault::status(422).on("POST", "/test/"));
    app.restart_service().await;
    app.until("the first test requests", |app| tests_asked(app) >= 5).await;
    watchdog(&app).round(now()).await;
    assert_eq!(tests_asked(&app), 8, "five in the first round, and the other three in the next");
    app.end().await;
}

#[actix_web::test]
async fn a_token_that_may_not_see_webhooks_watches_none_and_works_all_the_same() {
    let mut app = switched_off_while_away(None).await;
    app.restart_service().await;
    let watchdog = watchdog(&app).clone();
    watchdog.round(now()).await;
    watchdog.round(now()).await;
    assert_eq!(tests_asked(&app), 0);
    assert_eq!(app.gitlab.alert_status(app.hook), Some(AlertStatus::TemporarilyDisabled));
    app.settle().await;
    app.gitlab.enable_hooks();
    let issue = app.incident(&score(5, &[]));
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    app.end().await;
}

#[actix_web::test]
async fn a_dry_run_asks_for_no_test_request() {
    let mut app = switched_off_while_away(Some(OWNER)).await;
    app.restart_service_with("MODE", "dry-run").await;
    watchdog(&app).round(now()).await;
    assert_eq!(tests_asked(&app), 0);
    app.end().await;
}
