//! Webhooks that GitLab switched off are called again without anybody's doing.

use escalator::clock::{Millis, now};
use escalator::sandbox::{AlertStatus, Fault, Hook, Options};
use escalator::watchdog::Watchdog;

use crate::app::{SIGNING_TOKEN, TestApp, score};

/// An Owner's bot where it is to see the webhooks of the group.
const OWNER: u8 = 50;
const MAINTAINER: u8 = 40;
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
    let more: Vec<u64> = (0..7).map(|_| app.gitlab.hook("acme", Hook::to(url.as_str()))).collect();
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
    // A round has the memory for itself.
    drop(watchdog(&app).memory.lock().await);
    assert_eq!(tests_asked(&app), 5);
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
async fn a_group_that_hides_its_webhooks_keeps_none_of_a_project_from_being_called_again() {
    let settings = [("GITLAB__GROUPS", "acme"), ("GITLAB__PROJECTS", "acme/shop")];
    let mut app = TestApp::start_with(Options::default(), &settings).await;
    app.gitlab.member(app.bot, "acme/shop", MAINTAINER);
    let url = format!("http://{}/webhooks/gitlab", app.service().webhook_address);
    let signed = Hook { signing_token: Some(SIGNING_TOKEN.to_owned()), ..Hook::to(url.as_str()) };
    let [ours, elsewhere] =
        [signed, Hook::to("http://127.0.0.1:9/")].map(|hook| app.gitlab.hook("acme/shop", hook));
    app.stop_service().await;
    for _ in 0..4 {
        app.incident(&[]);
        app.gitlab.settled().await;
    }
    app.set("WEBHOOK__URL", &url);
    app.restart_service().await;
    app.until("the project's webhook is called again", |app| {
        app.gitlab.alert_status(ours) == Some(AlertStatus::Executable)
    })
    .await;
    // The round is over.
    drop(watchdog(&app).memory.lock().await);
    for hook in [app.hook, elsewhere] {
        assert_eq!(app.gitlab.alert_status(hook), Some(AlertStatus::TemporarilyDisabled));
    }
    assert_eq!(tests_asked(&app), 1, "what leads elsewhere is none of our business");
    app.end().await;
}

#[actix_web::test]
async fn who_writes_nothing_asks_for_no_test_request() {
    for mode in ["dry-run", "shadow"] {
        let mut app = switched_off_while_away(Some(OWNER)).await;
        app.restart_service_with("MODE", mode).await;
        watchdog(&app).round(now()).await;
        assert_eq!(tests_asked(&app), 0, "{mode}");
        app.end().await;
    }
}

/// What was missed can be found in no other way.
fn forbid_sweeps(app: &TestApp) {
    app.gitlab.fault(Fault::status(403).on("GET", "/groups/acme/issues"));
}

/// An issue whose label is right already, and which then changes while we are away.
async fn changed_while_away() -> (TestApp, escalator::sandbox::IssueId) {
    let mut app = TestApp::start_with(Options::default(), &[("GITLAB__GROUPS", "acme")]).await;
    app.gitlab.member(app.bot, "acme", OWNER);
    let issue = app.incident(&score(3, &[]));
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation-possible"]);
    let url = format!("http://{}/webhooks/gitlab", app.service().webhook_address);
    app.set("WEBHOOK__URL", &url);
    app.stop_service().await;
    forbid_sweeps(&app);
    app.reporter().add_labels(issue, score(5, &[])).unwrap();
    app.gitlab.settled().await;
    (app, issue)
}

#[actix_web::test]
async fn what_could_not_be_delivered_while_we_were_away_is_right_without_any_sweep() {
    let (mut app, changed) = changed_while_away().await;
    let mut missed = vec![changed];
    while app.gitlab.alert_status(app.hook) == Some(AlertStatus::Executable) {
        missed.push(app.incident(&score(5, &[])));
        app.gitlab.settled().await;
    }
    app.restart_service().await;
    app.until("the webhook is called again", |app| {
        app.gitlab.alert_status(app.hook) == Some(AlertStatus::Executable)
    })
    .await;
    app.until("all is right", |app| {
        missed.iter().all(|issue| app.escalation_labels(*issue) == ["platform-escalation"])
    })
    .await;
    app.end().await;
}

#[actix_web::test]
async fn a_failed_delivery_is_recovered_once() {
    let (mut app, issue) = changed_while_away().await;
    app.restart_service().await;
    app.until("it is right", |app| app.escalation_labels(issue) == ["platform-escalation"]).await;
    app.settle().await;
    // Its body no longer shows the issue as it is, so that marking it again would cost a look.
    app.gitlab.clear_requests();
    watchdog(&app).round(now()).await;
    app.settle().await;
    let calls = app.calls().iter().filter(|call| call.names(issue)).count();
    assert_eq!(calls, 0);
    app.end().await;
}

#[actix_web::test]
async fn a_command_that_could_not_be_delivered_is_answered_without_any_sweep() {
    let (mut app, issue) = changed_while_away().await;
    app.reporter().note(issue, "@escalator-bot answer customer-impact no").unwrap();
    app.gitlab.settled().await;
    app.restart_service().await;
    app.until("it is answered", |app| app.gitlab.labels(issue).contains(&"customer-impact::no".to_owned()))
        .await;
    app.until_read().await;
    app.end().await;
}

#[actix_web::test]
async fn a_gitlab_without_a_log_of_deliveries_is_done_without() {
    let (mut app, issue) = changed_while_away().await;
    app.gitlab.fault(Fault::status(404).on("GET", "/events?"));
    app.restart_service().await;
    watchdog(&app).round(now()).await;
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation-possible"], "as it was left");
    // The log is not taken for read while it is not shown.
    app.gitlab.clear_faults();
    forbid_sweeps(&app);
    watchdog(&app).round(now()).await;
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    app.end().await;
}
