//! How long the access token is good is known in time.

use escalator::clock::{Millis, now};
use escalator::sandbox::Fault;

use crate::app::TestApp;

const HOUR: i64 = 60 * 60 * 1000;
/// Midnight at the beginning of 2099-01-01.
const END: Millis = Millis(4_070_908_800_000);

/// How often GitLab was asked about the token.
fn asked(app: &TestApp) -> usize {
    app.gitlab
        .requests()
        .iter()
        .filter(|request| request.route.ends_with("/personal_access_tokens/self"))
        .count()
}

#[actix_web::test]
async fn a_new_token_in_the_file_is_taken_before_the_old_one_ends_and_its_days_are_told() {
    let app = TestApp::start().await;
    let watch = &app.service().token_watch;
    assert_eq!(watch.days_left(now()), Some(f64::INFINITY), "a token without an end");

    app.replace_token(&app.gitlab.token_until(app.bot, &["api"], Some("2099-01-01")));
    watch.round(now()).await;
    assert_eq!(watch.days_left(Millis(END.0 - 36 * HOUR)), Some(1.5));
    assert_eq!(watch.days_left(Millis(END.0 + 24 * HOUR)), Some(-1.0));

    app.gitlab.revoke(&app.token);
    let issue = app.incident(&[]);
    app.settle().await;
    assert_eq!(app.gitlab.notes(issue).len(), 1, "the new token is the one in use");
    app.end().await;
}

#[actix_web::test]
async fn gitlab_is_asked_about_the_same_token_once_a_day_and_again_soon_if_it_does_not_answer() {
    let app = TestApp::start().await;
    let (watch, start) = (&app.service().token_watch, now());
    assert_eq!(asked(&app), 1);
    watch.round(Millis(start.0 + 23 * HOUR)).await;
    assert_eq!(asked(&app), 1);
    app.gitlab.fault(Fault::status(500).times(1));
    watch.round(Millis(start.0 + 24 * HOUR)).await;
    watch.round(Millis(start.0 + 24 * HOUR + 1)).await;
    watch.round(Millis(start.0 + 24 * HOUR + 2)).await;
    assert_eq!(asked(&app), 3, "one was not answered, one was, and then there is no need");
    app.end().await;
}

#[actix_web::test]
async fn a_gitlab_that_does_not_tell_of_its_tokens_leaves_the_days_unknown() {
    let mut app = TestApp::start().await;
    app.gitlab.fault(Fault::status(404).on("GET", "/personal_access_tokens/self"));
    app.replace_token(&app.gitlab.token(app.bot, &["api"]));
    let watch = &app.service().token_watch;
    watch.round(now()).await;
    assert!(watch.days_left(now()).is_some_and(f64::is_nan), "what was known is no longer shown");

    app.stop_service().await;
    app.gitlab.clear_requests();
    app.restart_service().await;
    app.until("GitLab was asked", |app| asked(app) == 1).await;
    assert_eq!(app.service().token_watch.days_left(now()), None);
    app.end().await;
}
