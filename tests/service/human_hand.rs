//! A human's hand wins, and the TPM decides.

use escalator::calculator::issue::IssueRef;
use escalator::sandbox::{Fault, Trouble};

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
    let reference = IssueRef { project_id: issue.project_id, iid: issue.iid };
    let hands = app.service().store.recall(reference).await.unwrap().unwrap().memory.hands;
    let event = app.gitlab.label_events(issue).pop().unwrap();
    assert_eq!((hands[0].user_id, event.user), (Some(app.reporter.0), app.reporter));

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

#[actix_web::test]
async fn what_a_second_bot_does_is_no_persons_hand_and_two_bots_do_not_fight() {
    let app = TestApp::start().await;
    let second = app.gitlab.bot("triage-bot");
    app.gitlab.member(second, "acme", 20);
    let issue = app.incident(&score(5, &[]));
    app.settle().await;
    app.gitlab.by(second).remove_labels(issue, ["platform-escalation"]).unwrap();
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"], "put right once");
    assert!(!app.comment(issue).contains("alone"));

    app.gitlab.by(second).remove_labels(issue, ["platform-escalation"]).unwrap();
    app.settle().await;
    assert!(app.escalation_labels(issue).is_empty(), "let be the second time");
    assert!(app.comment(issue).contains("Another bot insists on it: it removed `platform-escalation` on 2"));

    app.reporter().remove_labels(issue, ["complexity::yes"]).unwrap();
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation-possible"]);
    assert!(!app.comment(issue).contains("insists"));
    app.end().await;
}

#[actix_web::test]
async fn two_bots_do_not_fight_over_a_label_that_no_verdict_wants() {
    let app = TestApp::start().await;
    let second = app.gitlab.bot("triage-bot");
    app.gitlab.member(second, "acme", 20);
    let sourceless = app.issue(&["outage"]);
    let declined = app.incident(&["escalation-decision::declined"]);
    let disambiguated = app.incident(&["STAR"]);
    app.settle().await;
    app.reporter().remove_labels(sourceless, ["outage"]).unwrap();
    app.settle().await;
    for issue in [sourceless, declined, disambiguated] {
        app.gitlab.by(second).add_labels(issue, ["platform-escalation"]).unwrap();
        app.settle().await;
        assert!(app.escalation_labels(issue).is_empty(), "put right once");
        app.gitlab.by(second).add_labels(issue, ["platform-escalation"]).unwrap();
        app.settle().await;
        assert_eq!(app.escalation_labels(issue), ["platform-escalation"], "let be the second time");
        assert!(
            app.comment(issue).contains("Another bot insists on it: it added `platform-escalation` on 2")
        );

        app.gitlab.by(second).remove_labels(issue, ["platform-escalation"]).unwrap();
        app.settle().await;
        app.reporter().add_labels(issue, ["platform-escalation"]).unwrap();
        app.settle().await;
        assert!(app.escalation_labels(issue).is_empty(), "a person is overruled");
        assert!(!app.comment(issue).contains("insists"));
    }
    app.end().await;
}

#[actix_web::test]
async fn a_person_who_was_faster_than_we_with_the_same_label_is_no_hand() {
    let app = TestApp::start().await;
    app.gitlab.fault(Fault::new(Trouble::Hold).on("PUT", "/issues/").times(1));
    let issue = app.incident(&score(5, &[]));
    let ours = app.gitlab.until_held(|_| true).await;
    app.reporter().add_labels(issue, ["platform-escalation"]).unwrap();
    app.gitlab.let_go(ours, None);
    app.settle().await;
    app.reporter().remove_labels(issue, score(5, &[])).unwrap();
    app.settle().await;
    assert!(app.escalation_labels(issue).is_empty(), "the rule's label, whoever set it");
    assert!(!app.comment(issue).contains("A person"));
    app.end().await;
}

#[actix_web::test]
async fn a_person_who_removes_the_label_before_our_look_has_ended_is_a_hand() {
    let app = TestApp::start().await;
    app.gitlab.fault(Fault::new(Trouble::Hold).on("POST", "/notes").times(1));
    let issue = app.incident(&score(5, &[]));
    let comment = app.gitlab.until_held(|_| true).await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    app.reporter().remove_labels(issue, ["platform-escalation"]).unwrap();
    app.gitlab.let_go(comment, None);
    app.settle().await;
    assert!(app.escalation_labels(issue).is_empty());
    assert!(app.comment(issue).contains("A person removed `platform-escalation`"));
    app.end().await;
}
