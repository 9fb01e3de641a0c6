//! Another policy: issues on which nothing changes follow it all the same.

use escalator::config::DEFAULTS;
use escalator::sandbox::Options;

use super::app::TestApp;

/// The built-in policy, but that a yes to cross-functionality is worth 5 points instead of 2.
fn other_policy() -> String {
    DEFAULTS[DEFAULTS.find("[policy]").unwrap()..].replacen("points = 2", "points = 5", 1)
}

#[actix_web::test]
async fn a_policy_that_changed_is_applied_to_open_issues_without_an_event_and_once() {
    let mut app = TestApp::start().await;
    let issue = app.incident(&["cross-functionality::yes"]);
    let same = app.incident(&["complexity::no"]);
    let closed = app.incident(&["cross-functionality::yes"]);
    app.settle().await;
    app.reporter().close(closed).unwrap();
    app.settle().await;
    assert!(app.escalation_labels(issue).is_empty() && app.comment(issue).contains("2 of 7 points"));
    let before = app.comment(closed);
    app.stop_service().await;
    app.gitlab.clear_requests();

    app.set_file(&other_policy());
    app.restart_service().await;
    app.until("the label follows", |app| app.escalation_labels(issue) == ["platform-escalation"]).await;
    app.until("all are looked at", |app| app.comment(same).contains("0 of 10 points")).await;
    app.settle().await;
    assert!(app.comment(issue).contains("5 of 10 points"));
    assert_eq!((app.reads(closed), app.comment(closed)), (0, before), "a closed issue is left as it is");
    app.stop_service().await;

    app.gitlab.clear_requests();
    app.restart_service().await;
    let later = app.incident(&[]);
    app.settle().await;
    app.until("something else was done", |app| app.gitlab.writes(later) > 0).await;
    assert_eq!((app.reads(issue), app.reads(same)), (0, 0), "it is the same policy as before");
    app.end().await;
}

/// The built-in template of the comment, signed.
fn other_template() -> String {
    include_str!("../../templates/comment.md.j2").to_owned() + "\n\nYour desk.\n"
}

#[actix_web::test]
async fn a_comment_template_that_changed_is_applied_to_open_issues_without_an_event_and_once() {
    let mut app = TestApp::start().await;
    let [issue, closed] = [(); 2].map(|()| app.incident(&["cross-functionality::yes"]));
    app.settle().await;
    app.reporter().close(closed).unwrap();
    app.settle().await;
    let (plain, labels) = (app.comment(issue), app.gitlab.labels(issue));
    app.stop_service().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("comment.md.j2"), other_template()).unwrap();
    app.set("COMMENT__TEMPLATES", folder.path().to_str().unwrap());
    app.gitlab.clear_requests();

    app.restart_service().await;
    app.until("the comment follows", |app| app.comment(issue).ends_with("Your desk.")).await;
    app.settle().await;
    assert_eq!((app.gitlab.writes(issue), app.gitlab.labels(issue)), (1, labels));
    assert_eq!((app.reads(closed), app.comment(closed)), (0, plain), "a closed issue is left as it is");
    app.stop_service().await;

    // Replies are never written again, so their template is no reason to look.
    std::fs::write(folder.path().join("reply.md.j2"), "Yours truly.").unwrap();
    app.gitlab.clear_requests();
    app.restart_service().await;
    let later = app.incident(&[]);
    app.settle().await;
    app.until("something else was done", |app| app.gitlab.writes(later) > 0).await;
    assert_eq!(app.reads(issue), 0, "it is the same template as before");
    app.end().await;
}

#[actix_web::test]
async fn what_was_only_logged_in_a_dry_run_is_done_when_the_mode_is_live_again() {
    let mut app = TestApp::start().await;
    let issue = app.incident(&["cross-functionality::yes"]);
    app.settle().await;
    app.stop_service().await;
    app.set_file(&other_policy());
    app.gitlab.clear_requests();
    app.restart_service_with("MODE", "dry-run").await;
    app.until("it was looked at", |app| app.reads(issue) > 0).await;
    app.settle().await;
    assert_eq!(app.gitlab.writes(issue), 0);
    app.stop_service().await;

    app.restart_service_with("MODE", "live").await;
    app.until("the label follows", |app| app.escalation_labels(issue) == ["platform-escalation"]).await;
    app.end().await;
}

#[actix_web::test]
async fn more_issues_than_one_page_are_all_looked_at() {
    const ISSUES: usize = 230;
    let mut app = TestApp::start_with(Options::default(), &[("QUEUE__WORKERS", "16")]).await;
    let issues: Vec<_> = (0..ISSUES).map(|_| app.incident(&["cross-functionality::yes"])).collect();
    app.settle().await;
    app.stop_service().await;
    app.set_file(&other_policy());
    app.restart_service().await;
    app.until("all labels follow", |app| {
        issues.iter().all(|issue| app.escalation_labels(*issue) == ["platform-escalation"])
    })
    .await;
    app.end().await;
}
