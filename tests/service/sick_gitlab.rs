//! A GitLab that is sick at every call, gone for a while, or that stops taking the access token.

use std::time::{Duration, Instant};

use escalator::config::load;
use escalator::config::sources::Sources;
use escalator::gitlab::{Client, Error};
use escalator::sandbox::{Fault, Loss, Options, RequestRecord, Trouble};
use escalator::worker::RetryPolicy;

use super::app::{TestApp, score};

/// Longer than `gitlab.timeout` below.
const SLOW: Duration = Duration::from_millis(600);

/// Every call that the life of an issue needs.
const CALLS: [(&str, &str); 7] = [
    ("GET", "/user"),
    ("GET", "/issues/"),
    ("PUT", "/issues/"),
    ("GET", "/notes"),
    ("POST", "/notes"),
    ("PUT", "/notes/"),
    ("GET", "/resource_label_events"),
];

#[actix_web::test]
async fn whatever_happens_to_any_call_all_is_right_in_the_end() {
    let troubles = [
        Fault::status(500).trouble,
        Fault::status(502).trouble,
        Fault::status(503).trouble,
        Fault::status(504).trouble,
        Fault::throttled(0).trouble,
        Trouble::Reset,
        Trouble::Delay(SLOW),
        Trouble::ApplyThenLose(Loss::BadGateway),
        Trouble::ApplyThenLose(Loss::Reset),
        Trouble::ApplyThenLose(Loss::Silence(SLOW)),
    ];
    for (method, path) in CALLS {
        let app = TestApp::start_with(Options::default(), &[("GITLAB__TIMEOUT", "300ms")]).await;
        for trouble in &troubles {
            app.gitlab.fault(Fault::new(trouble.clone()).on(method, path).times(1));
            let issue = app.incident(&score(3, &[]));
            app.settle().await;
            assert_eq!(app.escalation_labels(issue), ["platform-escalation-possible"], "{path}: {trouble:?}");
            app.reporter().add_labels(issue, score(5, &[])).unwrap();
            app.settle().await;
            assert_eq!(app.escalation_labels(issue), ["platform-escalation"], "{path}: {trouble:?}");
            app.reporter().remove_labels(issue, ["platform-escalation"]).unwrap();
            // What GitLab does late comes after all this, and is put right as well.
            app.gitlab.idle().await;
            app.settle().await;
            assert!(app.escalation_labels(issue).is_empty(), "{path}: {trouble:?}");
            // The one comment, found again, and what it says.
            assert!(app.comment(issue).contains("A person removed"), "{path}: {trouble:?}");
        }
        app.end().await;
    }
}

#[actix_web::test]
async fn while_gitlab_is_away_everything_is_accepted_and_then_worked_off_at_its_pace() {
    const ISSUES: usize = 200;
    const PER_SECOND: u32 = 100;
    let settings = [("GITLAB__REQUESTS_PER_SECOND", "100"), ("QUEUE__RETRY_MAX", "1s")];
    let app = TestApp::start_with(Options::default(), &settings).await;
    app.gitlab.fault(Fault::new(Trouble::Reset));
    let away = Instant::now();
    let issues: Vec<_> = (0..ISSUES).map(|_| app.incident(&score(5, &[]))).collect();
    app.gitlab.settled().await;
    let kept = app.gitlab.deliveries().iter().filter(|delivery| delivery.status == Some(202)).count();
    assert_eq!(kept, ISSUES, "every delivery is answered 202 while GitLab is away");
    app.until("every issue was tried", |app| app.gitlab.requests().len() > ISSUES).await;
    assert_paced(&app.gitlab.requests(), PER_SECOND, away.elapsed());

    app.gitlab.clear_requests();
    app.gitlab.clear_faults();
    let back = Instant::now();
    app.settle().await;
    let requests = app.gitlab.requests();
    eprintln!("{ISSUES} issues right {:?} after GitLab is back, {} calls", back.elapsed(), requests.len());
    assert_paced(&requests, PER_SECOND, back.elapsed());
    for issue in issues {
        assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
        assert_eq!(app.gitlab.notes(issue).len(), 1);
    }
    app.end().await;
}

/// So many calls need so much time, however slow the machine is. One more may have been under way before.
fn assert_paced(requests: &[RequestRecord], per_second: u32, elapsed: Duration) {
    let most = elapsed.as_secs_f64() * f64::from(per_second) + 2.0;
    assert!((requests.len() as f64) <= most, "{} calls in {elapsed:?}", requests.len());
}

#[actix_web::test]
async fn no_calls_come_at_once() {
    let app = TestApp::start_with(Options::default(), &[("GITLAB__REQUESTS_PER_SECOND", "10")]).await;
    let started = Instant::now();
    for _ in 0..4 {
        app.incident(&score(5, &[]));
    }
    app.until("all have comments", |app| posted(app) == 4).await;
    assert_paced(&app.gitlab.requests(), 10, started.elapsed());
    app.end().await;
}

fn posted(app: &TestApp) -> usize {
    app.gitlab.requests().iter().filter(|request| request.method == "POST").count()
}

#[test]
fn by_default_an_hour_without_gitlab_parks_nothing_and_a_minute_later_all_are_tried_again() {
    let settings = load(&Sources::default()).unwrap().settings;
    let queue = settings.queue;
    let retry =
        RetryPolicy { max_attempts: queue.max_attempts, base: queue.retry_base.0, max: queue.retry_max.0 };
    for _ in 0..1_000 {
        let waits = (1..retry.max_attempts).map(|attempts| retry.backoff(attempts));
        assert!(waits.clone().sum::<Duration>() >= Duration::from_secs(3600));
        assert!(waits.max() <= Some(Duration::from_secs(60)));
    }
}

#[actix_web::test]
async fn a_token_that_is_revoked_at_work_and_replaced_in_its_file_needs_no_restart() {
    let app = TestApp::start().await;
    let known = app.incident(&score(3, &[]));
    app.settle().await;
    app.gitlab.clear_requests();
    // Read with the old token, and refused at the write.
    app.gitlab.fault(Fault::new(Trouble::Hold).on("PUT", "/issues/").times(1));
    app.reporter().add_labels(known, score(5, &[])).unwrap();
    let write = app.gitlab.until_held(|request| request.method == "PUT").await;
    app.gitlab.revoke(&app.token);
    app.gitlab.let_go(write, None);
    let new = app.incident(&score(5, &[]));
    app.gitlab.settled().await;
    app.until("the token is refused", |app| refused(app) > 0).await;

    app.replace_token(&app.gitlab.token(app.bot, &["api"]));
    app.settle().await;
    for issue in [known, new] {
        assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
        assert!(app.comment(issue).contains("5 of 7 points"));
    }
    // The write, what the other workers had in hand, and the probe that finds the new token.
    assert!(refused(&app) <= 6, "{} calls with a refused token", refused(&app));
    app.end().await;
}

fn refused(app: &TestApp) -> usize {
    app.gitlab.requests().iter().filter(|request| request.status == Some(401)).count()
}

#[actix_web::test]
async fn a_token_file_that_holds_no_usable_token_is_read_again_until_it_does() {
    let app = TestApp::start_with(Options::default(), &[("QUEUE__WORKERS", "1")]).await;
    let known = app.incident(&score(3, &[]));
    app.settle().await;
    let good = app.gitlab.token(app.bot, &["api"]);
    app.gitlab.revoke(&app.token);
    let client = client(&app);
    for unusable in [
        format!("{good}\n{good}\n"),
        format!("# renewed\n{good}\n"),
        format!("\u{feff}{good}\n"),
        String::new(),
    ] {
        app.replace_token(&unusable);
        assert_eq!(client.own_user().await, Err(Error::Unauthorized), "{unusable:?}");
    }
    app.replace_token(&format!("{good}\n"));
    let noticed = client.own_user().await;
    assert!(matches!(noticed, Err(Error::Unavailable { .. })), "{noticed:?}");
    assert_eq!(client.own_user().await.map(|user| user.id), Ok(app.bot.0));

    app.reporter().add_labels(known, score(5, &[])).unwrap();
    app.settle().await;
    assert_eq!(app.escalation_labels(known), ["platform-escalation"]);
    app.end().await;
}

/// Another client that reads the same token file.
fn client(app: &TestApp) -> Client {
    let variables = [
        ("ESCALATOR__GITLAB__URL".to_owned(), app.gitlab.url()),
        ("ESCALATOR__GITLAB__TOKEN_FILE".to_owned(), app.token_file().display().to_string()),
    ];
    let sources = Sources { file: None, variables: variables.into_iter().collect() };
    Client::new(&load(&sources).unwrap().gitlab().unwrap()).unwrap()
}
