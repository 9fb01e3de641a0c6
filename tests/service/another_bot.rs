//! An access token of another user, as a renewed project access token is.

use escalator::calculator::issue::IssueRef;
use escalator::sandbox::{Fault, Loss, Note, Trouble, UserId};

use super::app::{TestApp, score};

/// Revokes the access token at work and puts one of a new bot in its place.
fn renew(app: &TestApp) -> UserId {
    renew_with(app, 20)
}

/// The same with another role than Reporter.
fn renew_with(app: &TestApp, role: u8) -> UserId {
    let renewed = app.gitlab.bot("renewed-bot");
    app.gitlab.member(renewed, "acme", role);
    app.gitlab.revoke(&app.token);
    app.replace_token(&app.gitlab.token(renewed, &["api"]));
    renewed
}

#[actix_web::test]
async fn another_bots_token_leaves_the_old_comment_and_keeps_one_of_its_own() {
    let app = TestApp::start().await;
    let issue = app.incident(&score(3, &[]));
    app.settle().await;
    let before = app.comment(issue);

    let renewed = renew(&app);
    app.reporter().add_labels(issue, score(5, &[])).unwrap();
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    let of = |user: UserId| -> Vec<Note> {
        app.gitlab.notes(issue).into_iter().filter(|note| note.author_id == user).collect()
    };
    assert_eq!(app.comment(issue), before, "it cannot be edited, so it stays as it is");
    assert_eq!(of(renewed).len(), 1);

    app.reporter().add_labels(issue, score(7, &[])).unwrap();
    app.settle().await;
    assert_eq!(of(renewed).len(), 1);
    assert!(of(renewed)[0].body.contains("7 of 7 points"));
    app.end().await;
}

#[actix_web::test]
async fn another_bot_finds_its_own_comment_again_when_an_answer_was_lost() {
    let app = TestApp::start().await;
    // The first look learns who the old bot is.
    app.incident(&[]);
    app.settle().await;
    let renewed = renew(&app);
    app.gitlab.fault(Fault::new(Trouble::ApplyThenLose(Loss::BadGateway)).on("POST", "/notes").times(1));
    let issue = app.incident(&score(5, &[]));
    app.settle().await;
    let authors: Vec<_> = app.gitlab.notes(issue).into_iter().map(|note| note.author_id).collect();
    assert_eq!(authors, [renewed]);
    app.end().await;
}

#[actix_web::test]
async fn a_look_that_the_new_token_surprises_is_begun_anew_and_not_parked() {
    let app = TestApp::start().await;
    let issue = app.incident(&score(3, &[]));
    app.settle().await;
    // Read as the old bot; the comment is edited after another look has found the new token.
    app.gitlab.fault(Fault::new(Trouble::Hold).on("PUT", "/notes/").times(1));
    app.reporter().add_labels(issue, score(5, &[])).unwrap();
    let edit = app.gitlab.until_held(|_| true).await;
    let renewed = renew(&app);
    let other = app.incident(&[]);
    app.until("another look has found the new token", |app| app.gitlab.notes(other).len() == 1).await;
    app.gitlab.let_go(edit, Some(Fault::status(403).trouble));
    app.settle().await;
    assert!(app.gitlab.notes(issue).iter().any(|note| note.author_id == renewed));
    app.end().await;
}

#[actix_web::test]
async fn a_refused_edit_of_our_own_comment_is_parked_and_not_posted_again() {
    let mut app = TestApp::start().await;
    let issue = app.incident(&score(3, &[]));
    app.settle().await;
    app.gitlab.fault(Fault::status(403).on("PUT", "/notes/"));
    app.reporter().add_labels(issue, score(5, &[])).unwrap();
    app.settle().await;
    assert_eq!(app.gitlab.notes(issue).len(), 1);
    assert_eq!(app.service().store.depth().await.unwrap().parked, 1);
    app.stop_service().await;
}

#[actix_web::test]
async fn a_renewed_maintainers_token_edits_the_comment_of_the_bot_before() {
    let app = TestApp::start().await;
    let issue = app.incident(&score(3, &[]));
    app.settle().await;
    renew_with(&app, 40);
    app.reporter().add_labels(issue, score(7, &[])).unwrap();
    app.settle().await;
    assert_eq!(app.gitlab.notes(issue).len(), 1);
    assert!(app.comment(issue).contains("7 of 7 points"));
    app.end().await;
}

#[actix_web::test]
async fn the_bot_before_is_remembered_over_a_restart() {
    let mut app = TestApp::start().await;
    // The comment is there, but nothing of it was recorded when the service stopped.
    app.gitlab.fault(Fault::new(Trouble::ApplyThenLose(Loss::BadGateway)).on("POST", "/notes").times(1));
    app.gitlab.fault(Fault::status(502).on("GET", "/notes"));
    let issue = app.incident(&score(5, &[]));
    app.until("the comment is there", |app| app.gitlab.notes(issue).len() == 1).await;
    app.stop_service().await;
    app.gitlab.clear_faults();

    renew_with(&app, 40);
    app.restart_service().await;
    app.settle().await;
    assert_eq!(app.gitlab.notes(issue).len(), 1, "the comment of the bot before is ours");
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    let reference = IssueRef { project_id: issue.project_id, iid: issue.iid };
    let known = app.service().store.recall(reference).await.unwrap().unwrap();
    assert!(known.memory.hands.is_empty(), "the label of the bot before is ours, too");
    app.end().await;
}

#[actix_web::test]
async fn a_person_whose_token_was_configured_by_mistake_does_not_stay_ours() {
    let app = TestApp::start().await;
    let person = app.gitlab.user("taylor");
    app.gitlab.member(person, "acme", 20);
    let mistaken = app.gitlab.token(person, &["api"]);
    app.replace_token(&mistaken);
    app.gitlab.revoke(&app.token);
    let issue = app.incident(&[]);
    app.settle().await;
    assert_eq!(app.gitlab.notes(issue)[0].author_id, person);
    let renewed = renew(&app);
    app.gitlab.revoke(&mistaken);
    app.incident(&[]);
    app.settle().await;
    let own = app.service().store.own_bots().await.unwrap();
    assert!(own.contains(&renewed.0) && !own.contains(&person.0), "{own:?}");
    app.end().await;
}
