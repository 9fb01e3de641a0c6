//! What is lost while nobody listens, and right again one sweep later.

use escalator::sandbox::{IssueId, Kind};

use super::app::{TestApp, score};
use super::{start, start_with, sweep, watermark};

/// One issue for everything that can happen to one unseen.
struct Lost {
    labelled: IssueId,
    answered: IssueId,
    unanswered: IssueId,
    without_source: IssueId,
    to_incident: IssueId,
    to_issue: IssueId,
    closed: IssueId,
    reopened: IssueId,
    deprived: IssueId,
}

impl Lost {
    /// The issues before anything is lost.
    async fn prepare(app: &TestApp) -> Self {
        let lost = Self {
            labelled: app.issue(&score(5, &[])),
            answered: app.incident(&score(4, &[])),
            unanswered: app.incident(&score(5, &[])),
            // Nothing but its source, so that without it no filter by label shows it.
            without_source: app.issue(&["outage"]),
            to_incident: app.issue(&score(3, &[])),
            to_issue: app.incident(&[]),
            closed: app.incident(&score(5, &[])),
            reopened: app.incident(&score(5, &[])),
            deprived: app.incident(&score(5, &[])),
        };
        app.settle().await;
        app.reporter().close(lost.reopened).unwrap();
        app.settle().await;
        lost
    }

    /// Everything that can happen.
    fn happen(&self, app: &TestApp) -> IssueId {
        let riley = app.reporter();
        riley.add_labels(self.labelled, ["Outage"]).unwrap();
        riley.add_labels(self.answered, ["customer-impact::yes"]).unwrap();
        riley.remove_labels(self.unanswered, ["complexity::yes"]).unwrap();
        riley.remove_labels(self.without_source, ["outage"]).unwrap();
        riley.convert(self.to_incident, Kind::Incident).unwrap();
        riley.convert(self.to_issue, Kind::Issue).unwrap();
        riley.close(self.closed).unwrap();
        riley.change_labels(self.reopened, ["customer-impact::yes"], score(4, &[])).unwrap();
        riley.reopen(self.reopened).unwrap();
        riley.remove_labels(self.deprived, ["platform-escalation"]).unwrap();
        app.incident(&score(7, &[]))
    }

    fn assert_right(&self, app: &TestApp, new: IssueId) {
        let labels = |issue| app.escalation_labels(issue);
        let none: [&str; 0] = [];
        assert_eq!(labels(new), ["platform-escalation"], "a new incident");
        assert_eq!(labels(self.labelled), ["platform-escalation"], "a source label in another spelling");
        assert_eq!(labels(self.answered), ["platform-escalation"], "a question answered");
        assert_eq!(labels(self.unanswered), ["platform-escalation-possible"], "an answer taken back");
        assert!(app.comment(self.without_source).contains("### Not looked at any more"), "the last source");
        assert_eq!(labels(self.to_incident), ["platform-escalation-possible"], "issue to incident");
        assert!(app.comment(self.to_issue).contains("no longer comes from any source"), "incident to issue");
        assert_eq!(labels(self.closed), ["platform-escalation"], "a closed issue is left as it is");
        assert_eq!(labels(self.reopened), none, "reopened with other answers");
        assert_eq!(labels(self.deprived), none, "a person took the label");
        assert!(app.comment(self.deprived).contains("A person"), "and the comment says so");
    }
}

#[actix_web::test]
async fn lost_webhooks_are_made_up_for_by_one_sweep() {
    let app = start().await;
    let lost = Lost::prepare(&app).await;
    app.gitlab.drop_deliveries(true);
    let new = lost.happen(&app);
    sweep(&app).await;
    lost.assert_right(&app, new);
    app.end().await;
}

#[actix_web::test]
async fn what_happened_while_escalator_was_down_is_made_up_for_by_the_sweep_at_the_start() {
    let mut app = start().await;
    let lost = Lost::prepare(&app).await;
    app.stop_service().await;
    let new = lost.happen(&app);
    app.gitlab.settled().await;
    app.gitlab.clear_requests();

    app.restart_service().await;
    app.until("the first issues are listed", |app| !super::lists(app).is_empty()).await;
    app.until("the last one is right", |app| app.gitlab.notes(new).len() == 1).await;
    app.settle().await;
    lost.assert_right(&app, new);
    app.end().await;
}

#[actix_web::test]
async fn an_outage_of_both_is_made_up_for_by_one_sweep() {
    let mut app = start().await;
    let lost = Lost::prepare(&app).await;
    app.gitlab.drop_deliveries(true);
    app.stop_service().await;
    let new = lost.happen(&app);

    app.restart_service().await;
    sweep(&app).await;
    lost.assert_right(&app, new);
    app.end().await;
}

#[actix_web::test]
async fn sweeps_come_by_themselves() {
    let app = start_with(&[("SWEEP__INTERVAL", "200ms")]).await;
    app.gitlab.drop_deliveries(true);
    let issue = app.incident(&score(5, &[]));
    app.until("the sweep found it", |app| app.escalation_labels(issue) == ["platform-escalation"]).await;
    app.reporter().remove_labels(issue, score(5, &[])).unwrap();
    app.until("the next one too", |app| app.escalation_labels(issue).is_empty()).await;
    app.end().await;
}

#[actix_web::test]
async fn a_closed_issue_that_nobody_saw_close_is_left_as_it_is() {
    let app = start().await;
    let issue = app.incident(&score(5, &[]));
    app.settle().await;
    app.gitlab.drop_deliveries(true);
    app.reporter().close(issue).unwrap();
    app.reporter().remove_labels(issue, score(5, &[])).unwrap();
    let writes = app.gitlab.writes(issue);
    sweep(&app).await;
    assert_eq!(app.gitlab.writes(issue), writes);
    app.end().await;
}

#[actix_web::test]
async fn a_label_of_ours_that_a_lost_store_forgot_is_looked_after_without_a_source_too() {
    let mut app = start().await;
    let issue = app.issue(&score(5, &["outage"]));
    app.settle().await;
    let theirs = app.issue(&["platform-escalation"]);
    app.stop_service().await;
    app.gitlab.drop_deliveries(true);
    app.reporter().remove_labels(issue, ["outage"]).unwrap();

    app.restart_service_without_its_store().await;
    app.until_swept().await;
    app.settle().await;
    assert!(app.escalation_labels(issue).is_empty());
    assert!(app.comment(issue).contains("no longer comes from any source"));
    assert_eq!(app.escalation_labels(theirs), ["platform-escalation"], "a person's, on an issue of theirs");
    assert!(app.gitlab.notes(theirs).is_empty());
    app.end().await;
}

#[actix_web::test]
async fn after_a_dry_run_the_first_live_sweep_does_what_was_only_logged() {
    let mut app = start().await;
    let known = app.incident(&score(3, &[]));
    app.settle().await;
    app.stop_service().await;
    let live_until = {
        app.restart_service_with("MODE", "dry-run").await;
        app.until_swept().await;
        app.settle().await;
        watermark(&app).await
    };
    app.reporter().add_labels(known, score(5, &[])).unwrap();
    let new = app.incident(&score(5, &[]));
    app.settle().await;
    sweep(&app).await;
    assert_eq!((app.gitlab.writes(new), app.escalation_labels(known).len()), (0, 1));
    assert_eq!(watermark(&app).await, live_until, "a live sweep has to come by here");
    app.stop_service().await;

    app.restart_service_with("MODE", "live").await;
    app.until("both are right", |app| {
        [known, new].iter().all(|issue| app.escalation_labels(*issue) == ["platform-escalation"])
    })
    .await;
    app.settle().await;
    assert!(app.comment(new).contains("5 of 7 points"));
    app.end().await;
}

#[actix_web::test]
async fn a_command_whose_webhook_is_lost_is_answered_one_sweep_later_and_read_once() {
    let app = start().await;
    let issue = app.incident(&[]);
    app.settle().await;
    app.gitlab.drop_deliveries(true);
    app.reporter().note(issue, "@escalator-bot answer complexity yes").unwrap();
    app.gitlab.drop_deliveries(false);
    sweep(&app).await;
    app.until("the command is answered", |app| {
        app.gitlab.labels(issue).contains(&"complexity::yes".to_owned())
    })
    .await;
    app.until_read().await;

    app.gitlab.clear_requests();
    sweep(&app).await;
    app.until_read().await;
    assert_eq!(app.reads(issue), 0);
    app.end().await;
}
