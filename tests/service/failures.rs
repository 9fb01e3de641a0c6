//! A GitLab that is sick, and tokens that may not do everything.

use std::time::Duration;

use escalator::config::load;
use escalator::config::sources::Sources;
use escalator::gitlab::{Client, Error};
use escalator::sandbox::{Fault, Loss, Options, Sandbox, Trouble};

use super::app::{TestApp, score};

#[actix_web::test]
async fn throttling_pauses_everything_for_as_long_as_gitlab_says_and_loses_nothing() {
    let app = TestApp::start_with(Options::default(), &[("QUEUE__WORKERS", "1")]).await;
    app.gitlab.fault(Fault::throttled(1).times(2));
    let issues: Vec<_> = (0..8).map(|_| app.incident(&score(5, &[]))).collect();
    app.settle().await;
    for issue in &issues {
        assert_eq!(app.escalation_labels(*issue), ["platform-escalation"]);
    }
    let requests = app.gitlab.requests();
    let refused: Vec<_> = (0..requests.len()).filter(|place| requests[*place].status == Some(429)).collect();
    assert_eq!(refused.len(), 2);
    for place in refused {
        // Both are times of the same clock, and a pause can only be longer.
        let waited = requests[place + 1].at.0 - requests[place].at.0;
        assert!(waited >= 1_000, "the next call came after {waited} ms");
    }
    app.end().await;
}

#[actix_web::test]
async fn an_unavailable_gitlab_is_tried_again() {
    let app = TestApp::start().await;
    app.gitlab.fault(Fault::status(502).on("GET", "/issues/").times(2));
    app.gitlab.fault(Fault::new(Trouble::Reset).on("PUT", "/issues/").times(2));
    let issue = app.incident(&score(5, &[]));
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    app.end().await;
}

#[actix_web::test]
async fn a_comment_whose_answer_was_lost_is_not_written_twice() {
    for loss in [Loss::BadGateway, Loss::Reset, Loss::Silence(Duration::from_secs(4))] {
        // Longer than a call takes, and shorter than the silence.
        let app = TestApp::start_with(Options::default(), &[("GITLAB__TIMEOUT", "2s")]).await;
        app.gitlab.fault(Fault::new(Trouble::ApplyThenLose(loss)).on("POST", "/notes").times(1));
        let issue = app.incident(&score(5, &[]));
        app.settle().await;
        assert_eq!(app.gitlab.notes(issue).len(), 1, "{loss:?}");
        assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
        app.end().await;
    }
}

#[actix_web::test]
async fn a_label_write_whose_answer_was_lost_is_not_taken_for_a_persons_hand() {
    let app = TestApp::start().await;
    let issue = app.incident(&[]);
    app.settle().await;
    app.gitlab.fault(Fault::new(Trouble::ApplyThenLose(Loss::Reset)).on("PUT", "/issues/").times(1));
    app.reporter().add_labels(issue, score(5, &[])).unwrap();
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    assert!(!app.comment(issue).contains("A person"));

    app.reporter().remove_labels(issue, score(5, &[])).unwrap();
    app.settle().await;
    assert!(app.escalation_labels(issue).is_empty());
    app.end().await;
}

#[actix_web::test]
async fn labels_that_gitlab_drops_silently_park_the_issue_until_it_changes_again() {
    let app = TestApp::start().await;
    let guest_project = app.gitlab.project("guests/garden");
    app.gitlab.member(app.reporter, "guests", 20);
    app.gitlab.member(app.bot, "guests", 10);
    let url = format!("http://{}/webhooks/gitlab", app.service().webhook_address);
    let token = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let hook = escalator::sandbox::Hook {
        signing_token: Some(token.to_owned()),
        ..escalator::sandbox::Hook::to(url)
    };
    app.gitlab.hook("guests", hook);
    let issue = app.gitlab.issue(guest_project).by(app.reporter).labels(score(5, &["outage"])).create();
    app.settle().await;
    let depth = app.service().store.depth().await.unwrap();
    assert_eq!((depth.waiting, depth.parked), (0, 1));
    assert!(app.escalation_labels(issue).is_empty());

    app.gitlab.member(app.bot, "guests", 20);
    app.reporter().add_labels(issue, ["operational-impact::no"]).unwrap();
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    app.end().await;
}

#[actix_web::test]
async fn a_refused_write_parks_and_a_vanished_issue_is_dropped() {
    let mut app = TestApp::start().await;
    let archived = app.incident(&[]);
    app.settle().await;
    app.gitlab.fault(Fault::status(403).on("PUT", "/issues/"));
    app.reporter().add_labels(archived, score(5, &[])).unwrap();
    app.settle().await;
    assert_eq!(app.service().store.depth().await.unwrap().parked, 1);
    app.gitlab.clear_faults();

    app.gitlab.hold_deliveries();
    let gone = app.incident(&[]);
    app.reporter().delete(gone).or_else(|_| app.gitlab.by(app.bot).delete(gone)).ok();
    app.gitlab.fault(Fault::status(404).on("GET", &format!("/issues/{}", gone.iid)));
    app.gitlab.release_deliveries(None);
    app.settle().await;
    let depth = app.service().store.depth().await.unwrap();
    assert_eq!((depth.waiting, depth.parked), (0, 1));
    app.stop_service().await;
}

#[actix_web::test]
async fn with_a_revoked_token_deliveries_are_kept_and_gitlab_is_left_alone() {
    let mut app = TestApp::start_with(Options::default(), &[("QUEUE__WORKERS", "1")]).await;
    app.gitlab.fault(Fault::status(401));
    let issues: Vec<_> = (0..5).map(|_| app.incident(&[])).collect();
    app.gitlab.settled().await;
    app.until("GitLab was asked", |app| !app.calls().is_empty()).await;
    let kept = app.gitlab.deliveries().iter().filter(|delivery| delivery.status == Some(202)).count();
    assert_eq!(kept, issues.len());
    assert_eq!(app.service().store.depth().await.unwrap().waiting, 5);
    assert_eq!(app.calls().len(), 1, "one call found out, then everything pauses");

    app.stop_service().await;
    app.gitlab.clear_faults();
    app.restart_service().await;
    app.until("every issue has its comment", |app| {
        issues.iter().all(|issue| app.gitlab.notes(*issue).len() == 1)
    })
    .await;
    app.end().await;
}

#[actix_web::test]
async fn a_token_that_is_replaced_in_its_file_is_used_without_a_restart() {
    let gitlab = Sandbox::start(Options::default()).await.unwrap();
    let bot = gitlab.bot("escalator-bot");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let first = gitlab.token(bot, &["api"]);
    std::fs::write(&file, format!("{first}\n")).unwrap();
    let variables = [
        ("ESCALATOR__GITLAB__URL".to_owned(), gitlab.url()),
        ("ESCALATOR__GITLAB__TOKEN_FILE".to_owned(), file.display().to_string()),
    ];
    let sources = Sources { file: None, variables: variables.into_iter().collect() };
    let client = Client::new(&load(&sources).unwrap().gitlab().unwrap()).unwrap();
    assert_eq!(client.own_user().await.map(|user| user.id), Ok(bot.0));

    gitlab.revoke(&first);
    assert_eq!(client.own_user().await, Err(Error::Unauthorized));
    std::fs::write(&file, gitlab.token(bot, &["api"])).unwrap();
    let noticed = client.own_user().await;
    assert!(matches!(noticed, Err(Error::Unavailable { .. })), "{noticed:?}");
    assert_eq!(client.own_user().await.map(|user| user.id), Ok(bot.0));
    gitlab.stop().await;
}

#[actix_web::test]
async fn a_locked_store_is_answered_503_and_works_again_once_it_is_free() {
    let app = TestApp::start().await;
    let issue = app.incident(&[]);
    app.settle().await;
    let other = rusqlite::Connection::open(app.store_path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    app.reporter().add_labels(issue, score(5, &[])).unwrap();
    app.gitlab.settled().await;
    let refused = app.gitlab.deliveries().len() - 1;
    assert_eq!(app.gitlab.deliveries()[refused].status, Some(503));

    other.execute_batch("ROLLBACK").unwrap();
    assert!(app.gitlab.replay(refused));
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    app.end().await;
}

#[actix_web::test]
async fn new_comments_keep_within_gitlabs_own_limit() {
    // A tenth of GitLab.com's limit, of which one may come at once; the next would come 12 s later.
    let options = Options { notes_per_minute: Some(6), ..Options::default() };
    let mut app = TestApp::start_with(
        options,
        &[("GITLAB__NOTES_PER_MINUTE", "5"), ("SERVER__SHUTDOWN_TIMEOUT", "1s")],
    )
    .await;
    let issues: Vec<_> = (0..4).map(|_| app.incident(&[])).collect();
    let posted =
        |app: &TestApp| app.gitlab.requests().iter().filter(|request| request.method == "POST").count();
    app.until("the first comment was answered", |app| posted(app) >= 1).await;
    app.until("the others wait in the workers' hands", |app| {
        issues.iter().all(|issue| app.reads(*issue) == 1)
    })
    .await;
    assert!(app.gitlab.requests().iter().all(|request| request.status != Some(429)));
    assert_eq!(posted(&app), 1);
    app.stop_service().await;
}
