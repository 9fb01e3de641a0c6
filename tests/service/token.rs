//! How long the access token is good is known in time.

use std::io::Write;
use std::sync::{Arc, Mutex};

use escalator::clock::{Millis, now};
use escalator::sandbox::Fault;

use crate::app::TestApp;

const HOUR: i64 = 60 * 60 * 1000;
const DAY: i64 = 24 * HOUR;
/// Midnight at the beginning of 2099-01-01.
const END: Millis = Millis(4_070_908_800_000);

/// A service that was told of its token.
async fn start() -> TestApp {
    let app = TestApp::start().await;
    app.until("GitLab told of the token", |app| app.service().token_watch.days_left(now()).is_some()).await;
    app
}

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
    let app = start().await;
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
    let app = start().await;
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
    let mut app = start().await;
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

/// What this thread logs, on which everything of a test runs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn follow(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || log.clone());
        tracing::subscriber::set_default(subscriber.finish())
    }

    /// The days left of each warning so far.
    fn warnings(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let warnings = text.lines().filter(|line| line.contains("the access token ends soon"));
        assert!(warnings.clone().all(|line| line.contains("WARN") && line.contains("gitlab.token_file")));
        warnings.map(|line| line.split_once("days_left=").unwrap().1.to_owned()).collect()
    }
}

#[actix_web::test]
async fn two_weeks_before_its_end_the_log_warns_at_the_start_and_once_a_day() {
    let log = Log::default();
    let _following = log.follow();
    let mut app = start().await;
    app.replace_token(&app.gitlab.token_until(app.bot, &["api"], Some("2099-01-01")));
    let watch = app.service().token_watch.clone();
    watch.round(Millis(END.0 - 14 * DAY)).await;
    assert_eq!(log.warnings(), Vec::<String>::new());
    for hour in 24..=72 {
        watch.round(Millis(END.0 - 14 * DAY + hour * HOUR)).await;
    }
    assert_eq!(log.warnings(), ["13", "12", "11"]);

    app.stop_service().await;
    let in_five_days = jiff::Timestamp::from_millisecond(now().0 + 5 * DAY).unwrap().strftime("%Y-%m-%d");
    app.replace_token(&app.gitlab.token_until(app.bot, &["api"], Some(&in_five_days.to_string())));
    app.restart_service().await;
    app.until("the next warning", |_| log.warnings().len() == 4).await;
    assert_eq!(log.warnings()[3], "4");
    app.end().await;
}
