//! The main job, end to end.

use escalator::sandbox::{Kind, Options, State};

use super::app::{TestApp, score};

#[actix_web::test]
async fn a_labelled_incident_gets_its_score_its_comment_and_its_label() {
    let app = TestApp::start().await;
    let incident = app.incident(&[]);
    app.settle().await;
    assert!(app.escalation_labels(incident).is_empty());
    assert!(app.comment(incident).contains("### Not a Platform Escalation so far: 0 of 7 points"));

    app.reporter().add_labels(incident, score(4, &[])).unwrap();
    app.settle().await;
    assert_eq!(app.escalation_labels(incident), ["platform-escalation-possible"]);
    let comment = app.comment(incident);
    assert!(comment.contains("### Possible Platform Escalation so far: 4 of 7 points"));
    assert!(comment.contains("Financial impact = yes would move this from 4 to 5: Platform Escalation."));

    app.reporter().add_labels(incident, ["customer-impact::yes"]).unwrap();
    app.settle().await;
    assert_eq!(app.escalation_labels(incident), ["platform-escalation"]);
    assert!(app.comment(incident).contains("### Platform Escalation so far: 5 of 7 points"));
    app.end().await;
}

#[actix_web::test]
async fn a_plain_issue_is_looked_at_once_it_has_a_source() {
    let app = TestApp::start().await;
    let issue = app.issue(&score(7, &[]));
    app.settle().await;
    assert_eq!((app.reads(issue), app.gitlab.notes(issue).len()), (0, 0));

    app.reporter().add_labels(issue, ["breaking change"]).unwrap();
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    app.end().await;
}

#[actix_web::test]
async fn a_confidential_incident_is_looked_at_too() {
    let app = TestApp::start().await;
    let labels = score(5, &["SIRT"]);
    let issue = app.gitlab.issue(app.shop).by(app.reporter).confidential().labels(labels).create();
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    app.end().await;
}

#[actix_web::test]
async fn an_issue_that_becomes_an_incident_is_looked_at_and_one_that_stops_being_one_loses_its_label() {
    let app = TestApp::start().await;
    let issue = app.issue(&score(5, &[]));
    app.reporter().convert(issue, Kind::Incident).unwrap();
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);

    app.reporter().convert(issue, Kind::Issue).unwrap();
    app.settle().await;
    assert!(app.escalation_labels(issue).is_empty());
    assert!(app.comment(issue).contains("no longer comes from any source"));
    app.end().await;
}

#[actix_web::test]
async fn labels_set_by_a_quick_action_in_a_comment_count() {
    let app = TestApp::start().await;
    let issue = app.incident(&["complexity::yes"]);
    let said = "All hands.\n/label ~\"cross-functionality::yes\" ~\"financial-impact::yes\"";
    app.reporter().note(issue, said).unwrap();
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    app.end().await;
}

#[actix_web::test]
async fn losing_the_last_source_takes_the_label_off_and_says_why() {
    let app = TestApp::start().await;
    let issue = app.issue(&score(5, &["outage"]));
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);

    app.reporter().remove_labels(issue, ["outage"]).unwrap();
    app.settle().await;
    assert!(app.escalation_labels(issue).is_empty());
    assert!(app.comment(issue).contains("### Not looked at any more"));

    app.reporter().add_labels(issue, ["SIRT"]).unwrap();
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    app.end().await;
}

#[actix_web::test]
async fn a_source_that_is_gone_again_before_anybody_looked_leaves_no_trace() {
    let app = TestApp::start().await;
    app.gitlab.hold_deliveries();
    let issue = app.issue(&["outage"]);
    app.reporter().remove_labels(issue, ["outage"]).unwrap();
    app.gitlab.release_deliveries(None);
    app.settle().await;
    assert!(app.gitlab.notes(issue).is_empty());
    app.end().await;
}

#[actix_web::test]
async fn a_disambiguated_issue_names_its_process_and_bears_no_label() {
    let app = TestApp::start().await;
    let issue = app.incident(&score(7, &[]));
    app.settle().await;
    app.reporter().add_labels(issue, ["STAR"]).unwrap();
    app.settle().await;
    assert!(app.escalation_labels(issue).is_empty());
    assert!(app.comment(issue).contains("goes to the STAR process"));
    app.end().await;
}

#[actix_web::test]
async fn a_closed_issue_is_left_as_it_is_and_assessed_again_when_reopened() {
    let app = TestApp::start().await;
    let issue = app.incident(&score(5, &[]));
    app.settle().await;
    app.reporter().close(issue).unwrap();
    app.settle().await;
    let writes = app.gitlab.writes(issue);

    app.reporter().remove_labels(issue, score(5, &[])).unwrap();
    app.settle().await;
    assert_eq!(app.gitlab.state(issue), Some(State::Closed));
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    assert_eq!(app.gitlab.writes(issue), writes);

    app.reporter().reopen(issue).unwrap();
    app.settle().await;
    assert!(app.escalation_labels(issue).is_empty());
    app.end().await;
}

#[actix_web::test]
async fn an_issue_that_changed_and_was_closed_before_anybody_looked_is_left_as_it_is() {
    let app = TestApp::start().await;
    let issue = app.incident(&score(5, &[]));
    app.settle().await;
    let (writes, comment) = (app.gitlab.writes(issue), app.comment(issue));
    app.gitlab.hold_deliveries();
    app.reporter().remove_labels(issue, score(5, &[])).unwrap();
    app.reporter().close(issue).unwrap();
    app.gitlab.release_deliveries(None);
    app.settle().await;
    assert_eq!(app.gitlab.writes(issue), writes);
    assert_eq!(app.comment(issue), comment);
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    app.end().await;
}

#[actix_web::test]
async fn both_answers_of_a_question_count_as_none_where_scopes_are_not_exclusive() {
    let options = Options { scoped_labels: false, ..Options::default() };
    let app = TestApp::start_with(options, &[]).await;
    let issue = app.incident(&score(5, &["complexity::no"]));
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation-possible"]);
    assert!(app.comment(issue).contains("**Complexity** is answered with yes and no at once"));

    app.reporter().remove_labels(issue, ["complexity::no"]).unwrap();
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    app.end().await;
}

#[actix_web::test]
async fn what_was_answered_202_is_done_after_a_restart() {
    let mut app = TestApp::start().await;
    let issue = app.incident(&[]);
    app.settle().await;
    app.gitlab.fault(escalator::sandbox::Fault::status(503));
    app.reporter().add_labels(issue, score(5, &[])).unwrap();
    app.gitlab.settled().await;
    app.stop_service().await;

    app.gitlab.clear_faults();
    app.restart_service().await;
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    app.end().await;
}

#[actix_web::test]
async fn a_project_that_spells_the_label_otherwise_gets_no_twin() {
    let app = TestApp::start().await;
    app.gitlab.label("acme", "Platform-Escalation");
    let issue = app.incident(&score(5, &[]));
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["Platform-Escalation"]);

    app.reporter().remove_labels(issue, score(5, &[])).unwrap();
    app.settle().await;
    assert!(app.escalation_labels(issue).is_empty());
    app.end().await;
}

#[actix_web::test]
async fn a_label_that_begins_with_a_no_break_space_is_another_one_and_left_alone() {
    let app = TestApp::start().await;
    let issue = app.incident(&["\u{a0}platform-escalation", "escalation-decision::declined"]);
    app.settle().await;
    assert!(app.gitlab.labels(issue).contains(&"\u{a0}platform-escalation".to_owned()));
    app.end().await;
}

#[actix_web::test]
async fn a_dry_run_writes_nothing_and_takes_nothing_for_done() {
    let mut app = TestApp::start_with(Options::default(), &[("MODE", "dry-run")]).await;
    let issue = app.incident(&score(5, &[]));
    app.settle().await;
    app.reporter().remove_labels(issue, ["complexity::yes"]).unwrap();
    app.settle().await;
    assert!(app.reads(issue) >= 2);
    assert_eq!(app.gitlab.writes(issue), 0);

    app.stop_service().await;
    app.restart_service_with("MODE", "live").await;
    app.reporter().add_labels(issue, ["bug"]).unwrap();
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation-possible"]);
    assert!(app.comment(issue).contains("3 of 7 points"));
    app.end().await;
}
