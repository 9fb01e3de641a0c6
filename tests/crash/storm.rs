//! A GitLab that throttles everybody, with many issues to look at: calls are counted.

use escalator::sandbox::{Fault, IssueId};

use super::app::{TestApp, score};

const ISSUES: usize = 50;
/// `queue.workers` by default: so many calls can be under way when the first is refused.
const WORKERS: usize = 4;

async fn storm(app: &TestApp, fault: Fault) -> Vec<IssueId> {
    app.gitlab.fault(fault);
    let issues = (0..ISSUES).map(|_| app.incident(&score(5, &[]))).collect();
    // Every delivery is answered while GitLab refuses everything.
    app.gitlab.settled().await;
    let answered = app.gitlab.deliveries().iter().filter(|delivery| delivery.status == Some(202)).count();
    assert_eq!(answered, ISSUES);
    issues
}

fn refused(app: &TestApp) -> usize {
    app.gitlab.requests().iter().filter(|request| request.status == Some(429)).count()
}

#[actix_web::test]
async fn throttled_without_a_word_for_how_long_nobody_calls_again_soon() {
    let mut app = TestApp::start().await;
    let issues = storm(&app, Fault::status(429)).await;
    app.until("the first call was refused", |app| refused(app) > 0).await;
    // Nothing but a pause keeps the workers from the rest: it waits, is due, and is not claimed. If they went on, there
    // would be a call for each issue by the time that each was marked again and read from the store.
    for issue in &issues {
        app.reporter().set_title(*issue, "still burning").unwrap();
    }
    app.gitlab.settled().await;
    assert_eq!(app.service().store.depth().await.unwrap().waiting, ISSUES as u64);
    let calls = app.calls().len();
    eprintln!("{ISSUES} issues, no Retry-After: {calls} calls");
    assert!(calls <= WORKERS, "{calls} calls into the storm");

    // A restart forgets the pause, as an operator may want.
    app.stop_service().await;
    app.gitlab.clear_faults();
    app.restart_service().await;
    app.settle().await;
    for issue in issues {
        assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    }
    app.end().await;
}

#[actix_web::test]
async fn throttled_for_a_second_everybody_waits_for_one_probe() {
    const REFUSALS: u32 = 3;
    let app = TestApp::start().await;
    let issues = storm(&app, Fault::throttled(1).times(REFUSALS)).await;
    app.settle().await;
    for issue in issues {
        assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
        assert_eq!(app.gitlab.notes(issue).len(), 1);
    }
    // Each refusal is answered by a pause of a second, after which a single call finds out. At most the calls that were
    // under way at the first refusal come on top; here they use up refusals, so there are never more.
    let calls = app.calls();
    let last = calls.iter().rposition(|request| request.status == Some(429)).unwrap();
    let between = calls[..=last].iter().filter(|request| request.status != Some(429)).count();
    eprintln!("{ISSUES} issues, Retry-After: 1, {REFUSALS} refusals: {} calls until the last", last + 1);
    assert!(between <= WORKERS, "{between} calls got through between refusals");
    assert_eq!(refused(&app), REFUSALS as usize);
    app.end().await;
}
