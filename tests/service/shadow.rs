//! Shadow: nothing is written, all is kept, and a live service that follows begins as if nobody had been there.

use escalator::calculator::agreement::{Involvement, Ruling};
use escalator::calculator::issue::IssueRef;
use escalator::clock::Millis;
use escalator::sandbox::{Fault, IssueId, Options};
use escalator::store::Recollection;

use super::app::{TestApp, score};

const OURS: &str = "platform-escalation";
const ACCEPTED: &str = "escalation-decision::accepted";

async fn in_shadow() -> TestApp {
    let settings = [("MODE", "shadow"), ("ROSTER__TPMS", "riley"), ("GITLAB__GROUPS", "acme")];
    TestApp::start_with(Options::default(), &settings).await
}

fn reference(issue: IssueId) -> IssueRef {
    IssueRef { project_id: issue.project_id, iid: issue.iid }
}

async fn known(app: &TestApp, issue: IssueId) -> Option<Recollection> {
    app.service().store.recall(reference(issue)).await.unwrap()
}

/// What people decided, by what Escalator knows.
async fn ruling(app: &TestApp, issue: IssueId) -> Option<Ruling> {
    app.settle().await;
    let decided = app.service().store.decided(100).await.unwrap();
    decided.into_iter().find(|decided| decided.issue == reference(issue)).map(|issue| issue.decided.ruling)
}

fn only_reads(app: &TestApp) -> bool {
    app.gitlab.requests().iter().all(|request| request.method == "GET")
}

#[actix_web::test]
async fn nothing_is_written_and_all_is_remembered() {
    let app = in_shadow().await;
    let issue = app.incident(&["complexity::yes"]);
    app.settle().await;
    app.reporter().add_labels(issue, score(5, &[])).unwrap();
    app.settle().await;
    app.reporter().note(issue, "@escalator-bot accept").unwrap();
    app.until_read().await;
    app.service().scribe.round().await.unwrap();
    assert!(app.gitlab.reads(issue) > 2 && only_reads(&app), "{:?}", app.gitlab.requests());
    assert!(!app.gitlab.labels(issue).contains(&ACCEPTED.to_owned()));

    let known = known(&app, issue).await.unwrap();
    let scores: Vec<_> = known.history.iter().map(|entry| entry.after.score).collect();
    assert_eq!(scores, [2, 5]);
    assert_eq!((known.involvement, known.note, known.decided), (Involvement::Watched, None, None));
    let store = &app.service().store;
    assert_eq!(store.causes(reference(issue)).await.unwrap().len(), 3);
    assert!(store.writes(reference(issue), Millis(0)).await.unwrap().is_empty());
    assert!(store.own_bots().await.unwrap().is_empty());

    // What does not change the assessment costs nothing, as ever.
    app.gitlab.clear_requests();
    app.reporter().add_labels(issue, ["bug"]).unwrap();
    app.settle().await;
    assert_eq!(app.reads(issue), 0);
    app.end().await;
}

#[actix_web::test]
async fn what_people_decide_shows_and_can_be_taken_back() {
    let app = in_shadow().await;
    let issue = app.incident(&[]);
    assert_eq!(ruling(&app, issue).await, None);
    app.reporter().add_labels(issue, ["Platform-Escalation"]).unwrap();
    assert_eq!(ruling(&app, issue).await, Some(Ruling::Escalated));
    app.reporter().add_labels(issue, ["escalation-decision::declined"]).unwrap();
    assert_eq!(ruling(&app, issue).await, Some(Ruling::Declined));
    app.reporter().remove_labels(issue, ["escalation-decision::declined", "Platform-Escalation"]).unwrap();
    assert_eq!(ruling(&app, issue).await, None);

    app.reporter().close(issue).unwrap();
    assert_eq!(ruling(&app, issue).await, Some(Ruling::Closed));
    app.reporter().reopen(issue).unwrap();
    assert_eq!(ruling(&app, issue).await, None);
    assert!(only_reads(&app));
    app.end().await;
}

#[actix_web::test]
async fn what_is_answered_together_with_closing_counts() {
    let app = in_shadow().await;
    let issue = app.incident(&score(4, &[]));
    app.settle().await;
    app.gitlab.hold_deliveries();
    app.reporter().add_labels(issue, ["financial-impact::yes", ACCEPTED]).unwrap();
    app.reporter().close(issue).unwrap();
    app.gitlab.release_deliveries(None);
    assert_eq!(ruling(&app, issue).await, Some(Ruling::Accepted));
    assert_eq!(app.service().store.decided(1).await.unwrap()[0].standing.score, 5);
    app.end().await;
}

#[actix_web::test]
async fn a_decision_is_of_the_moment_when_it_showed_and_not_of_a_later_change() {
    let app = in_shadow().await;
    let issue = app.incident(&[ACCEPTED]);
    app.settle().await;
    let decided = known(&app, issue).await.unwrap().decided;
    app.reporter().add_labels(issue, score(5, &[])).unwrap();
    app.settle().await;
    let known = known(&app, issue).await.unwrap();
    assert_eq!((known.decided, known.history.len()), (decided, 2));
    app.end().await;
}

#[actix_web::test]
async fn an_issue_that_was_watched_and_closed_before_live_came_is_none_to_look_for_comments_of_ours_on() {
    let mut app = TestApp::start_with(Options::default(), &[("MODE", "shadow")]).await;
    let issue = app.incident(&score(5, &[]));
    app.reporter().note(issue, "So be it.").unwrap();
    app.settle().await;
    app.stop_service().await;
    app.reporter().close(issue).unwrap();
    app.gitlab.settled().await;
    app.gitlab.clear_requests();
    app.restart_service_with("MODE", "live").await;
    assert_eq!(ruling(&app, issue).await, Some(Ruling::Closed));
    assert_eq!(known(&app, issue).await.unwrap().involvement, Involvement::Watched);
    let of_notes = app.gitlab.requests().iter().filter(|request| request.route.ends_with("/notes")).count();
    assert!(of_notes == 0 && only_reads(&app), "{:?}", app.gitlab.requests());
    app.end().await;
}

#[actix_web::test]
async fn where_labels_are_escalators_own_only_the_decisions_labels_decide() {
    let mut app = TestApp::start().await;
    let (escalated, closed) = (app.incident(&score(5, &[])), app.incident(&[]));
    app.settle().await;
    app.reporter().close(closed).unwrap();
    assert_eq!([ruling(&app, escalated).await, ruling(&app, closed).await], [None, None]);

    // The label that Escalator set stays Escalator's when it no longer writes.
    app.stop_service().await;
    app.restart_service_with("MODE", "shadow").await;
    app.reporter().add_labels(escalated, ["operational-impact::yes"]).unwrap();
    app.reporter().reopen(closed).unwrap();
    app.settle().await;
    app.reporter().close(closed).unwrap();
    assert_eq!([ruling(&app, escalated).await, ruling(&app, closed).await], [None, None]);
    app.reporter().add_labels(escalated, [ACCEPTED]).unwrap();
    assert_eq!(ruling(&app, escalated).await, Some(Ruling::Accepted));

    app.stop_service().await;
    app.restart_service_with("MODE", "live").await;
    app.reporter().remove_labels(escalated, [ACCEPTED]).unwrap();
    assert_eq!(ruling(&app, escalated).await, None);
    app.end().await;
}

/// What people did before a live service came: labels set by hand, at once and later, with the band as it was and with
/// another one, and a source that is gone.
async fn before_live(mode: &str) -> (TestApp, Vec<IssueId>) {
    let mut app = TestApp::start_with(Options::default(), &[("MODE", mode)]).await;
    let untouched = app.incident(&score(5, &[]));
    let by_hand = app.incident(&[]);
    let band_fell = app.incident(&score(5, &[OURS]));
    let declined = app.incident(&score(5, &[]));
    let sourceless = app.issue(&["outage"]);
    let (closed, reopened) = (app.incident(&score(5, &[])), app.incident(&score(5, &[])));
    app.settle().await;
    app.reporter().add_labels(by_hand, [OURS]).unwrap();
    app.reporter().remove_labels(band_fell, ["complexity::yes"]).unwrap();
    app.reporter().add_labels(declined, ["escalation-decision::declined", OURS]).unwrap();
    app.reporter().remove_labels(sourceless, ["outage"]).unwrap();
    app.reporter().close(closed).unwrap();
    app.reporter().close(reopened).unwrap();
    app.settle().await;
    assert!(only_reads(&app));
    app.stop_service().await;
    (app, vec![untouched, by_hand, band_fell, declined, sourceless, closed, reopened])
}

/// Our labels on each issue, and whether it bears a comment of ours.
fn shown(app: &TestApp, issues: &[IssueId]) -> Vec<(Vec<String>, bool)> {
    let commented = |issue: IssueId| app.gitlab.notes(issue).iter().any(|note| note.author_id == app.bot);
    issues.iter().map(|issue| (app.escalation_labels(*issue), commented(*issue))).collect()
}

#[actix_web::test]
async fn after_shadow_live_begins_as_it_does_after_nothing_and_without_any_event() {
    let ours = |labels: &[&str], commented| (labels.iter().map(ToString::to_string).collect(), commented);
    let expected = vec![
        ours(&[OURS], true),
        ours(&[OURS], true),
        ours(&[OURS, "platform-escalation-possible"], true),
        ours(&[], true),
        ours(&[], false),
        ours(&[], false),
        ours(&[OURS], true),
    ];
    for mode in ["dry-run", "shadow"] {
        let (mut app, issues) = before_live(mode).await;
        app.restart_service_with("MODE", "live").await;
        app.reporter().reopen(issues[6]).unwrap();
        if mode == "dry-run" {
            // What nobody follows is looked at when it changes, even if in nothing of which the policy knows.
            for issue in &issues {
                app.reporter().add_labels(*issue, ["bug"]).unwrap();
            }
        }
        app.until("all is as it has to be", |app| shown(app, &issues) == expected).await;
        app.settle().await;
        assert_eq!(shown(&app, &issues), expected, "{mode}");
        if mode == "shadow" {
            assert!(app.comment(issues[1]).contains("A person added `platform-escalation`"));
            assert_eq!(ruling(&app, issues[0]).await, None, "what live set is no person's");
            assert_eq!(ruling(&app, issues[1]).await, Some(Ruling::Escalated), "as people decided alone");
            assert_eq!(ruling(&app, issues[5]).await, Some(Ruling::Closed));
            assert_eq!(ruling(&app, issues[6]).await, None);
        }
        app.end().await;
    }
}

#[actix_web::test]
async fn what_live_wrote_is_still_known_after_shadow() {
    let mut app = TestApp::start().await;
    let (taken, fallen) = (app.incident(&score(5, &[])), app.incident(&score(5, &[])));
    app.settle().await;
    app.reporter().remove_labels(taken, [OURS]).unwrap();
    app.settle().await;
    app.stop_service().await;
    app.gitlab.clear_requests();

    app.restart_service_with("MODE", "shadow").await;
    app.reporter().add_labels(taken, ["operational-impact::yes"]).unwrap();
    app.reporter().remove_labels(fallen, ["complexity::yes"]).unwrap();
    app.settle().await;
    assert!(only_reads(&app));
    app.stop_service().await;

    app.restart_service_with("MODE", "live").await;
    for issue in [taken, fallen] {
        app.reporter().add_labels(issue, ["customer-impact::no"]).unwrap();
    }
    app.settle().await;
    assert!(app.escalation_labels(taken).is_empty(), "a person took it off");
    assert_eq!(app.escalation_labels(fallen), ["platform-escalation-possible"]);
    for issue in [taken, fallen] {
        assert!(app.comment(issue).contains("of 7 points"));
    }
    app.end().await;
}

#[actix_web::test]
async fn a_label_that_escalator_set_is_no_decision_although_its_look_was_refused_or_its_store_lost() {
    let mut app = in_shadow().await;
    let refused = app.incident(&score(5, &[]));
    app.settle().await;
    app.stop_service().await;
    app.gitlab.fault(Fault::status(403).on("POST", "/notes"));
    app.restart_service_with("MODE", "live").await;
    app.until("the label is set", |app| app.escalation_labels(refused) == [OURS]).await;
    app.settle().await;
    assert_eq!(known(&app, refused).await.unwrap().involvement, Involvement::Watched);
    app.reporter().close(refused).unwrap();
    assert_eq!(ruling(&app, refused).await, None);
    assert_eq!(known(&app, refused).await.unwrap().involvement, Involvement::Written);
    app.gitlab.clear_faults();

    let forgotten = app.incident(&score(5, &[]));
    app.settle().await;
    app.stop_service().await;
    app.set("MODE", "shadow");
    app.restart_service_without_its_store().await;
    app.reporter().add_labels(forgotten, ["operational-impact::yes"]).unwrap();
    assert_eq!(ruling(&app, forgotten).await, None);
    app.reporter().close(forgotten).unwrap();
    assert_eq!(ruling(&app, forgotten).await, None);
    assert_eq!(known(&app, forgotten).await.unwrap().involvement, Involvement::Written);
    app.end().await;
}

#[actix_web::test]
async fn what_lost_its_source_before_live_came_is_looked_at_once_and_not_with_every_change() {
    let mut app = in_shadow().await;
    let issue = app.issue(&["outage"]);
    app.settle().await;
    app.stop_service().await;
    app.gitlab.drop_deliveries(true);
    app.reporter().remove_labels(issue, ["outage"]).unwrap();
    app.gitlab.settled().await;
    app.gitlab.drop_deliveries(false);
    app.restart_service_with("MODE", "live").await;
    app.settle().await;
    let seen = known(&app, issue).await.unwrap();
    assert_eq!((seen.involvement, seen.memory.labels), (Involvement::Watched, vec![]));
    assert!(seen.memory.standing.sources.is_empty());

    app.gitlab.clear_requests();
    app.reporter().add_labels(issue, ["bug"]).unwrap();
    app.settle().await;
    assert_eq!(app.reads(issue), 0);
    app.reporter().add_labels(issue, ["outage"]).unwrap();
    app.settle().await;
    assert_eq!(known(&app, issue).await.unwrap().involvement, Involvement::Written);
    app.end().await;
}
