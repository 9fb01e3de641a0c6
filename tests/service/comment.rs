//! The one comment: found again, never doubled, never a way to make the bot do something.

use escalator::sandbox::Options;

use super::app::{TestApp, score};

const MARKER: &str = "<!-- escalator:comment -->";

#[actix_web::test]
async fn the_comment_is_edited_in_place() {
    let app = TestApp::start().await;
    let issue = app.incident(&[]);
    app.settle().await;
    let first = app.gitlab.notes(issue)[0].id;
    app.reporter().add_labels(issue, ["complexity::yes"]).unwrap();
    app.settle().await;
    let notes = app.gitlab.notes(issue);
    assert_eq!((notes.len(), notes[0].id), (1, first));
    app.end().await;
}

#[actix_web::test]
async fn a_forged_marker_is_not_ours() {
    let app = TestApp::start().await;
    let issue = app.issue(&[]);
    let forged = format!("{MARKER}\nNothing to see here.");
    app.reporter().note(issue, &forged).unwrap();
    app.reporter().add_labels(issue, ["outage"]).unwrap();
    app.settle().await;
    let notes = app.gitlab.notes(issue);
    assert_eq!(notes.len(), 2);
    assert_eq!(notes[0].body, forged);
    assert!(app.comment(issue).contains("0 of 7 points"));
    app.end().await;
}

#[actix_web::test]
async fn a_comment_that_somebody_deleted_is_written_again_with_the_next_change() {
    let app = TestApp::start().await;
    let issue = app.incident(&[]);
    app.settle().await;
    let note = app.gitlab.notes(issue)[0].id;
    app.gitlab.by(app.bot).delete_note(issue, note).unwrap();
    app.reporter().add_labels(issue, ["complexity::yes"]).unwrap();
    app.settle().await;
    assert!(app.comment(issue).contains("2 of 7 points"));
    app.end().await;
}

#[actix_web::test]
async fn with_a_lost_store_the_comment_is_found_again_and_doubles_are_removed() {
    let mut app = TestApp::start().await;
    let issue = app.incident(&score(5, &[]));
    app.settle().await;
    let first = app.gitlab.notes(issue)[0].id;
    app.gitlab.by(app.bot).note(issue, &format!("{MARKER}\nA double of an older time.")).unwrap();
    app.stop_service().await;

    app.restart_service_without_its_store().await;
    app.reporter().add_labels(issue, ["customer-impact::no"]).unwrap();
    app.settle().await;
    let notes = app.gitlab.notes(issue);
    assert_eq!((notes.len(), notes[0].id), (1, first));
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    app.end().await;
}

#[actix_web::test]
async fn an_internal_comment_is_an_internal_note() {
    let app = TestApp::start_with(Options::default(), &[("COMMENT__INTERNAL", "true")]).await;
    let issue = app.incident(&[]);
    app.settle().await;
    assert!(app.gitlab.notes(issue)[0].internal);
    app.reporter().add_labels(issue, ["complexity::yes"]).unwrap();
    app.settle().await;
    assert_eq!(app.gitlab.notes(issue).len(), 1);
    app.end().await;
}

#[actix_web::test]
async fn a_label_title_cannot_act_through_the_comment() {
    let app = TestApp::start().await;
    let hostile = "complexity::`\"~@all /close <b>";
    let issue = app.incident(&[hostile]);
    app.settle().await;
    let comment = app.comment(issue);
    assert!(comment.contains("`complexity::'\"~@all /close <b>`"), "{comment}");
    assert_eq!(app.gitlab.labels(issue), [hostile]);
    app.end().await;
}

#[actix_web::test]
async fn the_lines_of_the_comment_answer_a_question_when_somebody_uses_them() {
    let app = TestApp::start().await;
    let issue = app.incident(&[]);
    app.settle().await;
    let comment = app.comment(issue);
    let line = comment.lines().find(|line| line.starts_with("/label")).unwrap();
    app.reporter().note(issue, line).unwrap();
    app.settle().await;
    assert_eq!(app.gitlab.labels(issue), ["cross-functionality::yes"]);
    assert!(app.comment(issue).contains("2 of 7 points"));
    app.end().await;
}

#[actix_web::test]
async fn the_comment_reads_as_it_should() {
    let app = TestApp::start().await;
    let issue = app.incident(&["complexity::yes", "customer-impact::no", "financial-impact::perhaps"]);
    app.settle().await;
    insta::with_settings!({filters => vec![(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "[time]")]}, {
        insta::assert_snapshot!(app.comment(issue));
    });
    app.end().await;
}
