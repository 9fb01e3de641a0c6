//! `escalator undo`: takes back what Escalator wrote, and nothing that anybody has touched since.

use std::process::{Command, Output};

use escalator::calculator::issue::IssueRef;
use escalator::calculator::label::Label;
use escalator::clock::Millis;
use escalator::sandbox::{Fault, IssueId, Loss, Options, Trouble};
use escalator::store::{Act, Origin, Stage, StopReason};

use super::app::{TestApp, score};
use super::stopped::{reference, resume, until_some};
use super::taking_back::{count, printed, run, said, this_moment};

/// Runs the command beside the service, whose GitLab goes on meanwhile.
async fn undo(app: &TestApp, arguments: &[&str]) -> Output {
    undo_with(app, arguments, &[]).await
}

/// With settings such as `("MODE", "dry-run")`.
async fn undo_with(app: &TestApp, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    run(command(app, arguments, settings)).await
}

pub fn command(app: &TestApp, arguments: &[&str], settings: &[(&str, &str)]) -> Command {
    let settings = settings.iter().map(|(name, value)| (format!("ESCALATOR__{name}"), *value));
    let mut command = Command::new(env!("CARGO_BIN_EXE_escalator"));
    command
        .arg("undo")
        .args(arguments)
        .env("ESCALATOR__GITLAB__URL", app.gitlab.url())
        .env("ESCALATOR__GITLAB__TOKEN", &app.token)
        .env("ESCALATOR__GITLAB__REQUESTS_PER_SECOND", "10000")
        .env("ESCALATOR__QUEUE__RETRY_BASE", "50ms")
        .env("ESCALATOR__STORE__URL", format!("sqlite://{}", app.store_path().display()))
        .envs(settings);
    command
}

/// What the ledger tells of an issue, of undoing.
async fn undone(app: &TestApp, issue: IssueRef) -> Vec<(Stage, Act)> {
    let writes = app.service().store.writes(issue, Millis(0)).await.unwrap();
    let of_undo = writes.into_iter().filter(|written| written.write.origin == Origin::Undo);
    of_undo.map(|written| (written.stage, written.write.act)).collect()
}

fn writes(app: &TestApp) -> usize {
    app.calls().iter().filter(|request| !request.reads()).count()
}

fn notes(app: &TestApp, issue: IssueId) -> usize {
    app.gitlab.notes(issue).len()
}

const POSSIBLE: &str = "platform-escalation-possible";
const ESCALATION: &str = "platform-escalation";

#[actix_web::test]
async fn what_nobody_touched_since_is_taken_back_and_right_again_after_resume() {
    let app = TestApp::start().await;
    let risen = app.incident(&score(3, &[]));
    app.settle().await;
    let since = this_moment();
    app.reporter().add_labels(risen, score(5, &[])).unwrap();
    let [plain, touched, reworded, closed] = [(); 4].map(|()| app.incident(&score(5, &[])));
    app.settle().await;
    app.reporter().remove_labels(touched, [ESCALATION]).unwrap();
    app.settle().await;
    app.reporter().close(closed).unwrap();
    let maintainer = app.gitlab.user("mia");
    app.gitlab.member(maintainer, "acme", 40);
    let labels = |issue| app.escalation_labels(issue).join(",");
    let comment = |issue| app.gitlab.notes(issue)[0].id;
    // A webhook would tell, and the service would write its own text again.
    app.settle().await;
    app.gitlab.drop_deliveries(true);
    app.gitlab
        .by(maintainer)
        .edit_note(reworded, comment(reworded), "<!-- escalator:comment -->\nMine now.")
        .unwrap();
    app.gitlab.drop_deliveries(false);
    app.gitlab.clear_requests();

    let seen = undo(&app, &["--since", &since, "--dry-run"]).await;
    let name = |issue| reference(issue).to_string();
    for line in [
        format!("- {}: label {ESCALATION:?}", name(plain)),
        format!("- {}: comment {}", name(plain), comment(plain)),
        format!("- {}: label {ESCALATION:?}", name(closed)),
        format!("- {}: comment {}", name(closed), comment(closed)),
        format!("- {}: label {ESCALATION:?}", name(risen)),
        format!("+ {}: label {POSSIBLE:?}", name(risen)),
        format!(
            "= {}: comment {}, left: it was there before; the text it had then is not kept",
            name(risen),
            comment(risen)
        ),
        format!("= {}: label {ESCALATION:?}, left: touched since by somebody else", name(touched)),
        format!("- {}: comment {}", name(touched), comment(touched)),
        format!("- {}: label {ESCALATION:?}", name(reworded)),
        format!("= {}: comment {}, left: reworded since by somebody else", name(reworded), comment(reworded)),
    ] {
        assert!(printed(&seen).lines().any(|said| said == line), "{line} is not in {}", said(&seen).1);
    }
    assert_eq!((seen.status.code(), writes(&app)), (Some(0), 0));
    assert_eq!(app.service().store.stops().await, Ok(vec![]));
    assert_eq!(undone(&app, reference(plain)).await, []);

    let note = comment(plain);
    let done = undo(&app, &["--since", &since]).await;
    assert_eq!(done.status.code(), Some(0), "{}", said(&done).1);
    let rows = [
        "issues changed",
        "labels taken off",
        "labels put back",
        "comments deleted",
        "left as it is",
        "failed",
    ];
    assert_eq!(rows.map(|row| count(&done, row)), [5, 4, 1, 3, 3, 0], "{}", said(&done).1);
    assert!(printed(&done).starts_with("All writing is stopped now"), "{}", printed(&done));
    assert!(printed(&done).contains("Writing stays stopped"), "{}", said(&done).1);
    assert_eq!([plain, touched, reworded, closed].map(labels), [""; 4]);
    assert_eq!([plain, touched, closed].map(|issue| notes(&app, issue)), [0, 0, 0]);
    assert_eq!((labels(risen), notes(&app, risen)), (POSSIBLE.to_owned(), 1));
    assert_eq!(app.gitlab.notes(reworded)[0].body, "<!-- escalator:comment -->\nMine now.");
    let taken = [Act::LabelRemoved(Label::new(ESCALATION)), Act::CommentDeleted(note)];
    let whole: Vec<_> =
        taken.into_iter().flat_map(|act| [(Stage::Intended, act.clone()), (Stage::Done, act)]).collect();
    assert_eq!(undone(&app, reference(plain)).await, whole);
    let stops = app.service().store.stops().await.unwrap();
    assert_eq!(
        stops.iter().map(|stop| (stop.issue, &stop.reason)).collect::<Vec<_>>(),
        [(None, &StopReason::Undo)]
    );

    app.gitlab.clear_requests();
    let again = undo(&app, &["--since", &since]).await;
    assert_eq!((again.status.code(), count(&again, "issues changed")), (Some(0), 0), "{}", said(&again).1);
    assert_eq!(writes(&app), 0);

    assert_eq!(resume(&app, &[]).status.code(), Some(0));
    app.settle().await;
    assert_eq!([plain, risen, reworded].map(labels), [ESCALATION; 3]);
    for issue in [plain, risen, touched] {
        app.comment(issue);
    }
    assert_eq!(app.escalation_labels(touched), Vec::<String>::new(), "the hand of a person still counts");
    assert_eq!(
        (app.escalation_labels(closed), notes(&app, closed)),
        (vec![], 0),
        "closed issues are left as they are"
    );
    app.end().await;
}

#[actix_web::test]
async fn a_look_under_way_ends_before_its_issue_is_taken_back() {
    let app = TestApp::start_with(Options::default(), &[("GITLAB__TIMEOUT", "1h")]).await;
    app.gitlab.fault(Fault::new(Trouble::Hold).on("PUT", "/issues/").times(1));
    let issue = app.incident(&score(5, &[]));
    let held = app.gitlab.until_held(|request| request.method == "PUT").await;
    let undoing = undo(&app, &["--since", "1h"]);
    let letting_go = async {
        until_some(async || app.service().store.stops().await.unwrap().pop()).await;
        assert!(app.gitlab.let_go(held, None));
    };
    let (done, ()) = tokio::join!(undoing, letting_go);
    assert_eq!((done.status.code(), count(&done, "labels taken off")), (Some(0), 1), "{}", said(&done).1);
    assert_eq!((app.escalation_labels(issue), notes(&app, issue)), (vec![], 0));

    assert_eq!(resume(&app, &[]).status.code(), Some(0));
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), [ESCALATION]);
    app.comment(issue);
    app.end().await;
}

#[actix_web::test]
async fn what_cannot_be_taken_back_is_named_and_a_repeat_goes_on() {
    let app = TestApp::start().await;
    let [well, refused, gone] = [(); 3].map(|()| app.incident(&score(5, &[])));
    app.settle().await;
    app.gitlab.by(app.reporter).delete(gone).unwrap();
    let path = format!("/issues/{}", refused.iid);
    app.gitlab.fault(Fault::throttled(1).on("PUT", &format!("/issues/{}", well.iid)).times(1));
    app.gitlab.fault(Fault::status(403).on("PUT", &path));
    let first = undo(&app, &["--since", "1h"]).await;
    assert_eq!(first.status.code(), Some(1));
    assert_eq!(["issues changed", "issues gone", "failed"].map(|row| count(&first, row)), [1, 1, 1]);
    let name = reference(refused).to_string();
    assert!(
        printed(&first).contains(&format!("  1 of these ({name}): GitLab refuses: ")),
        "{}",
        said(&first).1
    );
    assert!(said(&first).1.contains("pausing for 1 s"), "{}", said(&first).1);
    assert_eq!(app.escalation_labels(well), Vec::<String>::new());

    app.gitlab.clear_faults();
    let second = undo(&app, &["--since", "1h"]).await;
    assert_eq!((second.status.code(), count(&second, "issues changed")), (Some(0), 1), "{}", said(&second).1);
    assert_eq!((app.escalation_labels(refused), notes(&app, refused)), (vec![], 0));
    assert_eq!(resume(&app, &[]).status.code(), Some(0));
    app.end().await;
}

#[actix_web::test]
async fn a_deletion_whose_answer_never_came_is_finished_and_the_comment_comes_again() {
    let app = TestApp::start().await;
    let issue = app.incident(&score(5, &[]));
    app.settle().await;
    let note = app.gitlab.notes(issue)[0].id;
    app.gitlab.fault(Fault::new(Trouble::ApplyThenLose(Loss::BadGateway)).on("DELETE", "/notes").times(1));
    let done = undo(&app, &["--since", "1h"]).await;
    assert_eq!(done.status.code(), Some(0), "{}", said(&done).1);
    assert_eq!(["labels taken off", "comments deleted"].map(|row| count(&done, row)), [1, 1]);
    let deleted = (Stage::Done, Act::CommentDeleted(note));
    assert_eq!(undone(&app, reference(issue)).await.last(), Some(&deleted));
    assert_eq!(resume(&app, &[]).status.code(), Some(0));
    app.settle().await;
    assert_ne!(app.gitlab.notes(issue)[0].id, note);
    app.comment(issue);
    app.end().await;
}

#[actix_web::test]
async fn a_comment_that_people_answered_stays_and_is_listed() {
    let app = TestApp::start().await;
    let issue = app.incident(&score(5, &[]));
    app.settle().await;
    let comment = app.gitlab.notes(issue)[0].id;
    app.reporter().answer(issue, comment, "Who says so?").unwrap();
    app.settle().await;
    let seen = undo(&app, &["--since", "1h", "--dry-run"]).await;
    let line = format!(
        "= {}: comment {comment}, left: people have answered it; their answers would stand without it",
        reference(issue)
    );
    assert!(printed(&seen).lines().any(|said| said == line), "{}", said(&seen).1);
    // What is left is told once, however often it is tried.
    app.gitlab.fault(Fault::throttled(1).on("PUT", "/issues/").times(1));
    let done = undo(&app, &["--since", "1h"]).await;
    let rows = ["labels taken off", "comments deleted", "left as it is"];
    assert_eq!(rows.map(|row| count(&done, row)), [1, 0, 1], "{}", said(&done).1);
    assert_eq!((app.escalation_labels(issue), notes(&app, issue)), (vec![], 2));
    assert_eq!(resume(&app, &[]).status.code(), Some(0));
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), [ESCALATION]);
    app.comment(issue);
    app.end().await;
}

#[actix_web::test]
async fn a_comment_that_the_ledger_never_heard_of_being_posted_is_taken_back() {
    let app = TestApp::start_with(Options::default(), &[("QUEUE__MAX_ATTEMPTS", "1")]).await;
    app.gitlab.fault(Fault::new(Trouble::Hold).on("POST", "/notes").times(1));
    let issue = app.incident(&[]);
    let held = app.gitlab.until_held(|request| request.method == "POST").await;
    // Its webhook would tell.
    app.gitlab.drop_deliveries(true);
    assert!(app.gitlab.let_go(held, Some(Trouble::ApplyThenLose(Loss::BadGateway))));
    app.settle().await;
    app.gitlab.drop_deliveries(false);
    assert_eq!((notes(&app, issue), app.service().store.depth().await.unwrap().parked), (1, 1));
    let done = undo(&app, &["--since", "1h"]).await;
    assert_eq!((done.status.code(), notes(&app, issue)), (Some(0), 0), "{}", said(&done).1);
    assert_eq!(resume(&app, &[]).status.code(), Some(0));
    app.settle().await;
    app.comment(issue);
    app.end().await;
}

#[actix_web::test]
async fn wrong_usage_nothing_to_do_and_a_mode_without_writes_are_said() {
    let app = TestApp::start().await;
    let nothing = undo(&app, &["--since", "1h"]).await;
    assert_eq!(said(&nothing), (Some(0), "Nothing was written since then.\n".to_owned()));
    assert_eq!(app.service().store.stops().await, Ok(vec![]));
    for (since, hint) in [
        ("2100-01-01T00:00:00Z", "in the future"),
        ("yesterday", "such as 2h"),
        ("2026-11-26", "with its zone"),
    ] {
        let (code, error) = said(&undo(&app, &["--since", since]).await);
        assert!(code == Some(2) && error.contains(hint), "{since}: {error}");
    }
    assert_eq!(undo(&app, &[]).await.status.code(), Some(2));

    let issue = app.incident(&score(5, &[]));
    app.settle().await;
    let told = undo_with(&app, &["--since", "1h"], &[("MODE", "dry-run")]).await;
    assert!(printed(&told).starts_with("This mode writes nothing, so this only tells"), "{}", said(&told).1);
    assert_eq!((told.status.code(), count(&told, "issues to change")), (Some(0), 1));
    assert_eq!(app.escalation_labels(issue), [ESCALATION]);
    assert_eq!(app.service().store.stops().await, Ok(vec![]));
    app.end().await;
}
