//! What GitLab does late, after it was asked again: the cases that random histories found, one by one.

use std::time::{Duration, Instant};

use escalator::sandbox::{Fault, IssueId, Kind, Loss, Trouble};

use super::app::{TestApp, score};
use super::binary::PATIENCE;

/// The next request of this kind times out, and waits.
async fn time_out(app: &TestApp, method: &str, path: &str) {
    app.gitlab.fault(Fault::new(Trouble::Later(Box::new(Trouble::Hold))).on(method, path).times(1));
}

/// GitLab does it at last.
async fn land(app: &TestApp) {
    let id = app.gitlab.until_held(|_| true).await;
    assert!(app.gitlab.let_go(id, None));
    app.gitlab.idle().await;
    app.settle().await;
}

/// Whatever is still to be delivered.
async fn until_nothing_waits(app: &TestApp) {
    let started = Instant::now();
    while app.service().store.depth().await.unwrap().waiting > 0 {
        assert!(started.elapsed() < PATIENCE, "something still waits in the queue");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether the comment of ours says so; there must be exactly one.
fn says(app: &TestApp, issue: IssueId, text: &str) -> bool {
    app.comment(issue).contains(text)
}

#[actix_web::test]
async fn a_comment_that_lands_after_it_was_posted_again_is_removed() {
    let app = TestApp::start().await;
    time_out(&app, "POST", "/notes").await;
    let issue = app.incident(&score(5, &[]));
    app.settle().await;
    assert_eq!(app.gitlab.notes(issue).len(), 1, "the retry has posted");
    land(&app).await;
    assert!(says(&app, issue, "5 of 7 points"));
    app.end().await;
}

#[actix_web::test]
async fn an_edit_that_lands_after_a_newer_one_is_edited_again() {
    let app = TestApp::start().await;
    let issue = app.incident(&[]);
    app.settle().await;
    time_out(&app, "PUT", "/notes/").await;
    app.reporter().add_labels(issue, ["complexity::yes"]).unwrap();
    app.gitlab.until_held(|_| true).await;
    app.reporter().add_labels(issue, ["cross-functionality::yes"]).unwrap();
    app.settle().await;
    assert!(says(&app, issue, "4 of 7 points"));
    land(&app).await;
    assert!(says(&app, issue, "4 of 7 points"));
    app.end().await;
}

#[actix_web::test]
async fn a_label_that_lands_after_it_was_taken_off_is_taken_off_again() {
    let app = TestApp::start().await;
    let issue = app.incident(&[]);
    app.settle().await;
    time_out(&app, "PUT", "/issues/").await;
    app.reporter().add_labels(issue, score(5, &[])).unwrap();
    app.gitlab.until_held(|_| true).await;
    app.settle().await;
    app.reporter().remove_labels(issue, score(5, &[])).unwrap();
    app.settle().await;
    assert!(app.escalation_labels(issue).is_empty());
    land(&app).await;
    assert!(app.escalation_labels(issue).is_empty());
    app.end().await;
}

#[actix_web::test]
async fn an_edit_whose_answer_and_webhook_got_lost_is_made_up_for_though_the_issue_reads_as_before() {
    let app = TestApp::start().await;
    let issue = app.incident(&[]);
    app.settle().await;
    app.gitlab.fault(Fault::new(Trouble::Hold).on("PUT", "/notes/").times(1));
    app.reporter().add_labels(issue, ["complexity::yes"]).unwrap();
    let edit = app.gitlab.until_held(|_| true).await;
    app.gitlab.settled().await;
    app.gitlab.drop_deliveries(true);
    app.reporter().remove_labels(issue, ["complexity::yes"]).unwrap();
    assert!(app.gitlab.let_go(edit, Some(Trouble::ApplyThenLose(Loss::BadGateway))));
    app.settle().await;
    assert!(says(&app, issue, "0 of 7 points"));
    app.end().await;
}

#[actix_web::test]
async fn an_issue_that_loses_its_source_while_its_first_look_is_tried_again_does_not_keep_our_label() {
    let app = TestApp::start().await;
    // The label is on, then the comment fails.
    app.gitlab.fault(Fault::new(Trouble::Hold).on("POST", "/notes").times(1));
    let issue = app.incident(&score(5, &[]));
    let id = app.gitlab.until_held(|_| true).await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    app.reporter().convert(issue, Kind::Issue).unwrap();
    app.gitlab.let_go(id, Some(Trouble::Reset));
    app.settle().await;
    assert!(app.escalation_labels(issue).is_empty());
    assert!(says(&app, issue, "Not looked at any more"));
    app.end().await;
}

#[actix_web::test]
async fn an_edit_of_our_comment_by_a_person_is_left_until_the_next_change() {
    let app = TestApp::start().await;
    let maintainer = app.gitlab.user("mia");
    app.gitlab.member(maintainer, "acme", 40);
    let issue = app.incident(&[]);
    app.settle().await;
    let note = app.gitlab.notes(issue)[0].id;
    let edited = format!("{}\n\nSee the runbook.", app.comment(issue));
    app.gitlab.by(maintainer).edit_note(issue, note, &edited).unwrap();
    app.settle().await;
    assert!(says(&app, issue, "See the runbook."));
    app.end().await;
}

#[actix_web::test]
async fn a_change_between_our_read_and_our_write_is_seen_however_late_its_delivery() {
    let app = TestApp::start().await;
    app.gitlab.fault(Fault::new(Trouble::Hold).on("PUT", "/issues/").times(1));
    let issue = app.incident(&score(5, &[]));
    let id = app.gitlab.until_held(|_| true).await;
    app.gitlab.settled().await;
    app.gitlab.hold_deliveries();
    // What this delivery shows is just what GitLab will answer to our write.
    app.reporter().change_labels(issue, ["platform-escalation"], ["complexity::yes"]).unwrap();
    app.gitlab.let_go(id, None);
    until_nothing_waits(&app).await;
    app.gitlab.release_deliveries(None);
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation-possible"]);
    assert!(says(&app, issue, "3 of 7 points"));
    app.end().await;
}
