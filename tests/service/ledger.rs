//! The ledger: what changed, which labels did it, who and when.

use escalator::calculator::issue::IssueRef;
use escalator::calculator::plan::Gesture;
use escalator::sandbox::Fault;

use super::app::{TestApp, score};

#[actix_web::test]
async fn every_change_is_in_the_ledger_with_who_did_it() {
    let app = TestApp::start().await;
    let issue = app.incident(&["complexity::yes"]);
    app.settle().await;
    app.reporter().change_labels(issue, score(5, &[]), ["customer-impact::no"]).unwrap();
    app.settle().await;
    app.service().scribe.round().await.unwrap();

    let reference = IssueRef { project_id: issue.project_id, iid: issue.iid };
    let history = app.service().store.recall(reference).await.unwrap().unwrap().history;
    let told: Vec<_> = history
        .iter()
        .map(|entry| {
            (entry.before.as_ref().map(|before| before.score), entry.after.score, entry.after.band.as_str())
        })
        .collect();
    assert_eq!(told, [(None, 2, "none"), (Some(2), 5, "escalation")]);
    let added: Vec<_> = history[1].labels.added.iter().map(ToString::to_string).collect();
    assert_eq!(added, ["cross-functionality::yes", "financial-impact::yes"]);

    let causes = app.service().store.causes(reference).await.unwrap();
    let events = app.gitlab.label_events(issue);
    assert_eq!(causes.len(), 3);
    for cause in causes {
        assert_eq!((cause.gesture, cause.user_id), (Gesture::Added, app.reporter.0));
        let event = events.iter().find(|event| event.id == cause.event_id).unwrap();
        assert_eq!(event.user, app.reporter);
    }
    assert!(app.service().store.open_causes().await.unwrap().is_empty());
    app.end().await;
}

#[actix_web::test]
async fn who_did_it_is_found_out_after_an_outage_however_long() {
    let app = TestApp::start().await;
    app.gitlab.fault(Fault::status(503).on("GET", "/resource_label_events"));
    let issue = app.incident(&["complexity::yes"]);
    app.settle().await;
    for _ in 0..20 {
        app.service().scribe.round().await.unwrap_err();
    }
    app.gitlab.clear_faults();
    app.service().scribe.round().await.unwrap();
    let reference = IssueRef { project_id: issue.project_id, iid: issue.iid };
    assert_eq!(app.service().store.causes(reference).await.unwrap().len(), 1);
    app.end().await;
}

#[actix_web::test]
async fn a_change_of_nothing_relevant_is_not_in_the_ledger() {
    let app = TestApp::start().await;
    let issue = app.incident(&[]);
    app.settle().await;
    app.reporter().add_labels(issue, ["bug"]).unwrap();
    app.settle().await;
    let reference = IssueRef { project_id: issue.project_id, iid: issue.iid };
    assert_eq!(app.service().store.recall(reference).await.unwrap().unwrap().history.len(), 1);
    app.end().await;
}

#[actix_web::test]
async fn the_ledger_cannot_be_rewritten() {
    let mut app = TestApp::start().await;
    app.incident(&[]);
    app.settle().await;
    app.stop_service().await;
    let store = rusqlite::Connection::open(app.store_path()).unwrap();
    for rewrite in ["UPDATE ledger SET at = 0", "DELETE FROM ledger"] {
        let refused = store.execute(rewrite, []).unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
}
