//! Answers that are not GitLab's: of a proxy, a maintenance page, single sign-on, or of a wrong address.

use escalator::sandbox::{Fault, Options, Trouble};

use super::app::{TestApp, score};

#[actix_web::test]
async fn a_page_that_is_not_gitlabs_neither_drops_nor_parks_an_issue() {
    for code in [400, 403, 404, 405] {
        let app = TestApp::start().await;
        for (method, path) in [("GET", "/user"), ("GET", "/issues/"), ("PUT", "/issues/"), ("POST", "/notes")]
        {
            app.gitlab.fault(Fault::page(code).on(method, path).times(1));
        }
        let issue = app.incident(&score(5, &[]));
        app.settle().await;
        assert_eq!(app.escalation_labels(issue), ["platform-escalation"], "{code}");
        assert_eq!(app.gitlab.notes(issue).len(), 1, "{code}");
        app.end().await;
    }
}

#[actix_web::test]
async fn where_nothing_works_deliveries_are_kept_and_gitlab_is_left_alone() {
    let everything = |path: &str| Fault::new(Trouble::Redirect(format!("https://gitlab.example.com{path}")));
    let troubles = [
        Fault::sign_in(),
        everything("/api/v4/user"),
        Fault::status(404).on("GET", "/user"),
        Fault::status(403).on("GET", "/user"),
    ];
    for trouble in troubles {
        let mut app = TestApp::start_with(Options::default(), &[("QUEUE__WORKERS", "1")]).await;
        app.gitlab.fault(trouble.clone());
        let issues: Vec<_> = (0..5).map(|_| app.incident(&[])).collect();
        app.gitlab.settled().await;
        app.until("GitLab was asked", |app| !app.calls().is_empty()).await;
        app.stop_service().await;
        assert_eq!(app.calls().len(), 1, "{trouble:?}: one call finds out, then everything pauses");

        app.gitlab.clear_faults();
        app.restart_service().await;
        app.until("every issue has its comment", |app| {
            issues.iter().all(|issue| app.gitlab.notes(*issue).len() == 1)
        })
        .await;
        app.end().await;
    }
}

#[actix_web::test]
async fn a_redirect_at_work_pauses_and_parks_nothing() {
    let mut app = TestApp::start_with(Options::default(), &[("QUEUE__WORKERS", "1")]).await;
    let known = app.incident(&score(3, &[]));
    app.settle().await;
    app.gitlab.fault(Fault::sign_in());
    app.reporter().add_labels(known, score(5, &[])).unwrap();
    let new = app.incident(&score(5, &[]));
    app.gitlab.settled().await;
    app.until("it was redirected", |app| {
        app.gitlab.requests().iter().any(|request| request.status == Some(302))
    })
    .await;
    app.stop_service().await;
    app.gitlab.clear_faults();
    app.restart_service().await;
    app.settle().await;
    for issue in [known, new] {
        assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    }
    app.end().await;
}
