//! A human's hand wins, and the TPM decides.

use super::app::{TestApp, score};

#[actix_web::test]
async fn a_label_that_a_person_removed_stays_off_until_the_band_changes() {
    let app = TestApp::start().await;
    let issue = app.incident(&score(5, &[]));
    app.settle().await;
    app.reporter().remove_labels(issue, ["platform-escalation"]).unwrap();
    app.settle().await;
    assert!(app.escalation_labels(issue).is_empty());
    assert!(app.comment(issue).contains("A person removed `platform-escalation` on 2"));

    app.reporter().add_labels(issue, ["operational-impact::yes"]).unwrap();
    app.settle().await;
    assert!(app.escalation_labels(issue).is_empty(), "still the same band");

    app.reporter().remove_labels(issue, ["complexity::yes"]).unwrap();
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation-possible"]);
    assert!(!app.comment(issue).contains("A person removed"));
    app.end().await;
}

#[actix_web::test]
async fn a_label_that_a_person_added_stays_on_until_the_band_changes() {
    let app = TestApp::start().await;
    let issue = app.incident(&[]);
    app.settle().await;
    app.reporter().add_labels(issue, ["platform-escalation"]).unwrap();
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    assert!(app.comment(issue).contains("A person added `platform-escalation`"));

    app.reporter().add_labels(issue, score(3, &[])).unwrap();
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation-possible"]);
    app.end().await;
}

#[actix_web::test]
async fn a_person_who_takes_it_back_gives_the_label_back_to_escalator() {
    let app = TestApp::start().await;
    let issue = app.incident(&score(5, &[]));
    app.settle().await;
    app.reporter().remove_labels(issue, ["platform-escalation"]).unwrap();
    app.settle().await;
    app.reporter().add_labels(issue, ["platform-escalation"]).unwrap();
    app.settle().await;
    assert!(!app.comment(issue).contains("A person"));
    app.reporter().remove_labels(issue, score(5, &[])).unwrap();
    app.settle().await;
    assert!(app.escalation_labels(issue).is_empty());
    app.end().await;
}

#[actix_web::test]
async fn an_accepted_issue_keeps_its_label_although_the_score_falls() {
    let app = TestApp::start().await;
    let issue = app.incident(&score(5, &[]));
    app.settle().await;
    app.reporter().add_labels(issue, ["escalation-decision::accepted"]).unwrap();
    app.reporter().remove_labels(issue, score(5, &[])).unwrap();
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    assert!(app.comment(issue).contains("The label `platform-escalation` stays although the score fell"));
    app.end().await;
}

#[actix_web::test]
async fn a_declined_issue_loses_its_label_and_the_comment_says_so() {
    let app = TestApp::start().await;
    let issue = app.incident(&score(5, &[]));
    app.settle().await;
    app.reporter().add_labels(issue, ["escalation-decision::declined"]).unwrap();
    app.settle().await;
    assert!(app.escalation_labels(issue).is_empty());
    assert!(app.comment(issue).contains("### Declined"));

    app.reporter().remove_labels(issue, ["escalation-decision::declined"]).unwrap();
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    app.end().await;
}
