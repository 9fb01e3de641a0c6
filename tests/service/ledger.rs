//! The ledger: what changed, which labels did it, who and when.

use escalator::calculator::issue::IssueRef;
use escalator::calculator::label::Label;
use escalator::calculator::plan::Gesture;
use escalator::clock::Millis;
use escalator::sandbox::{Fault, IssueId, Loss, Options, Trouble};
use escalator::store::{Act, Stage};

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

/// What the ledger of writes tells of an issue.
async fn writes(app: &TestApp, issue: IssueId) -> Vec<(Stage, Act)> {
    let reference = IssueRef { project_id: issue.project_id, iid: issue.iid };
    let writes = app.service().store.writes(reference, Millis(0)).await.unwrap();
    let ours = |user_id| assert_eq!(user_id, app.bot.0);
    writes
        .into_iter()
        .inspect(|written| ours(written.write.user_id))
        .map(|written| (written.stage, written.write.act))
        .collect()
}

#[actix_web::test]
async fn every_write_to_gitlab_is_in_the_ledger_before_and_after() {
    let app = TestApp::start().await;
    let issue = app.incident(&score(5, &[]));
    app.settle().await;
    let note = app.gitlab.notes(issue).last().unwrap().id;
    let (possible, escalation) = ("platform-escalation-possible", "platform-escalation");
    let first = [
        (Stage::Intended, Act::LabelAdded(Label::new(escalation))),
        (Stage::Intended, Act::CommentPosted(None)),
        (Stage::Done, Act::LabelAdded(Label::new(escalation))),
        (Stage::Done, Act::CommentPosted(Some(note))),
    ];
    assert_eq!(writes(&app, issue).await, first);

    app.reporter().remove_labels(issue, ["complexity::yes"]).unwrap();
    app.settle().await;
    let changed = [Act::LabelAdded(Label::new(possible)), Act::LabelRemoved(Label::new(escalation))];
    let labels = |stage| changed.clone().map(|act| (stage, act));
    let edited = |stage| [(stage, Act::CommentEdited(note))];
    let second =
        [&labels(Stage::Intended)[..], &edited(Stage::Intended), &labels(Stage::Done), &edited(Stage::Done)]
            .concat();
    assert_eq!(writes(&app, issue).await[first.len()..], second);

    // Nothing to write: nothing in the ledger.
    let before = writes(&app, issue).await;
    app.reporter().add_labels(issue, ["bug", "severity::1"]).unwrap();
    app.settle().await;
    assert_eq!(writes(&app, issue).await, before);
    app.end().await;
}

#[actix_web::test]
async fn what_a_command_has_written_is_in_the_ledger_before_and_after() {
    let app = TestApp::start().await;
    let issue = app.incident(&["complexity::no"]);
    app.until_read().await;
    let before = writes(&app, issue).await.len();
    app.reporter().note(issue, "@escalator-bot answer complexity yes").unwrap();
    app.until_read().await;
    let told = writes(&app, issue).await;
    let (yes, no) = (Label::new("complexity::yes"), Label::new("complexity::no"));
    for stage in [Stage::Intended, Stage::Done] {
        for act in [Act::LabelAdded(yes.clone()), Act::LabelRemoved(no.clone())] {
            let times = told[before..].iter().filter(|told| **told == (stage, act.clone())).count();
            assert_eq!(times, 1, "{stage:?} {act:?}: {told:?}");
        }
    }

    // A reply that was posted without our hearing of it is known by its id once it is found.
    let before = told.len();
    app.gitlab.fault(Fault::new(Trouble::ApplyThenLose(Loss::BadGateway)).on("POST", "/notes").times(1));
    app.reporter().note(issue, "@escalator-bot help").unwrap();
    app.until_read().await;
    let reply = app.gitlab.notes(issue).last().unwrap().id;
    assert_eq!(
        writes(&app, issue).await[before..],
        [(Stage::Intended, Act::CommentPosted(None)), (Stage::Done, Act::CommentPosted(Some(reply)))]
    );
    app.end().await;
}

#[actix_web::test]
async fn whoever_gave_a_command_is_the_cause_of_its_labels() {
    let app = TestApp::start_with(Options::default(), &[("ROSTER__TPMS", "tara")]).await;
    let (guest, tara) = (app.gitlab.user("gina"), app.gitlab.user("tara"));
    for member in [guest, tara] {
        app.gitlab.member(member, "acme", 10);
    }
    let issue = app.incident(&score(3, &[]));
    app.until_read().await;
    let by = |user| app.gitlab.by(user);
    by(guest).note(issue, "@escalator-bot answer complexity yes").unwrap();
    app.until_read().await;
    by(tara).note(issue, "@escalator-bot accept").unwrap();
    app.until_read().await;
    by(tara).note(issue, "@escalator-bot decline one team only").unwrap();
    app.until_read().await;
    // The same answer again by somebody else, after a person took it back by hand.
    app.reporter().remove_labels(issue, ["complexity::yes"]).unwrap();
    app.settle().await;
    by(tara).note(issue, "@escalator-bot answer complexity yes").unwrap();
    app.until_read().await;
    app.service().scribe.round().await.unwrap();

    let reference = IssueRef { project_id: issue.project_id, iid: issue.iid };
    let causes = app.service().store.causes(reference).await.unwrap();
    let told: Vec<_> =
        causes.iter().map(|cause| (cause.label.title(), cause.gesture, cause.user_id)).collect();
    let (accepted, declined) = ("escalation-decision::accepted", "escalation-decision::declined");
    for cause in [
        ("cross-functionality::yes", Gesture::Added, app.reporter.0),
        ("complexity::yes", Gesture::Added, guest.0),
        (accepted, Gesture::Added, tara.0),
        (declined, Gesture::Added, tara.0),
        (accepted, Gesture::Removed, tara.0),
        ("complexity::yes", Gesture::Removed, app.reporter.0),
        ("complexity::yes", Gesture::Added, tara.0),
    ] {
        assert!(told.contains(&cause), "{cause:?} is not in {told:?}");
    }
    app.end().await;
}

#[actix_web::test]
async fn the_cause_of_a_label_waits_until_the_command_for_it_is_recorded() {
    let app = TestApp::start().await;
    let issue = app.incident(&[]);
    app.until_read().await;
    app.gitlab.fault(Fault::new(Trouble::Hold).on("POST", "/award_emoji").times(1));
    app.reporter().note(issue, "@escalator-bot answer complexity yes").unwrap();
    let reaction = app.gitlab.until_held(|held| held.path.contains("/award_emoji")).await;
    app.settle().await;
    app.service().scribe.round().await.unwrap();
    let reference = IssueRef { project_id: issue.project_id, iid: issue.iid };
    assert_eq!(
        app.service().store.recall(reference).await.unwrap().unwrap().history.len(),
        2,
        "it is assessed"
    );
    assert_eq!(app.service().store.causes(reference).await.unwrap(), []);
    app.gitlab.let_go(reaction, None);
    app.until_read().await;
    app.service().scribe.round().await.unwrap();
    let causes = app.service().store.causes(reference).await.unwrap();
    assert_eq!(causes.iter().map(|cause| cause.user_id).collect::<Vec<_>>(), [app.reporter.0]);
    app.end().await;
}

#[actix_web::test]
async fn a_write_whose_answer_never_came_is_in_the_ledger_all_the_same() {
    let app = TestApp::start().await;
    app.gitlab.fault(Fault::new(Trouble::ApplyThenLose(Loss::BadGateway)).on("POST", "/notes").times(1));
    let issue = app.incident(&[]);
    app.settle().await;
    let note = app.gitlab.notes(issue).last().unwrap().id;
    assert_eq!(
        writes(&app, issue).await,
        [
            (Stage::Intended, Act::CommentPosted(None)),
            (Stage::Intended, Act::CommentEdited(note)),
            (Stage::Done, Act::CommentEdited(note)),
        ]
    );
    app.end().await;
}

#[actix_web::test]
async fn a_dry_run_writes_nothing_into_the_ledger() {
    let app = TestApp::start_with(Options::default(), &[("MODE", "dry-run")]).await;
    let issue = app.incident(&score(5, &[]));
    app.settle().await;
    assert_eq!(writes(&app, issue).await, []);
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
