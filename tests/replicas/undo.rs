//! `escalator undo` on the store of all replicas: beside one that works, while another one is dead, and against one that
//! stands still with an issue in hand.

use std::process::Output;

use escalator::sandbox::{Fault, IssueId, Trouble};

use super::fleet::{FULL_SCORE, Fleet, paused_until, until, until_all_is_known};
use super::postgres::Cluster;
use super::taking_back::{count, printed, run, said, this_moment};

const ISSUES: usize = 20;
const ESCALATION: &str = "platform-escalation";
const ROWS: [&str; 6] =
    ["issues", "labels taken off", "labels put back", "comments deleted", "left as it is", "failed"];

/// With the settings of a replica.
async fn undo(fleet: &Fleet, replica: usize, arguments: &[&str]) -> Output {
    let mut command = fleet.replicas[replica].command("undo");
    command.args(arguments);
    run(command).await
}

async fn resume(fleet: &Fleet) {
    assert!(printed(&run(fleet.replicas[0].command("resume")).await).starts_with("Writing goes on."));
}

/// Whether a label or a comment of ours is there.
fn is_written_to(fleet: &Fleet, issue: IssueId) -> bool {
    fleet.gitlab.labels(issue).iter().any(|label| label == ESCALATION)
        || fleet.gitlab.notes(issue).iter().any(|note| note.author_id == fleet.bot)
}

/// Until a replica makes no calls because writing is stopped.
async fn until_it_waits(fleet: &Fleet, replica: usize) {
    let name = "escalator_gitlab_pause_seconds{reason=\"stopped\"}";
    let waits = async || fleet.replicas[replica].metric(name).await.is_some_and(|left| left > 0.0);
    until("the replica waits for the stop to be lifted", waits).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_all_replicas_wrote_is_taken_back_beside_one_while_another_is_dead() {
    let database = Cluster::start();
    let url = database.create_database();
    let mut fleet = Fleet::start_at(database, &url, 2, &[]).await;
    let older = fleet.incident(&FULL_SCORE);
    fleet.until_all_is_done().await;
    let since = this_moment();
    let issues: Vec<_> = (0..ISSUES).map(|_| fleet.incident(&FULL_SCORE)).collect();
    let touched = fleet.incident(&FULL_SCORE);
    fleet.until_all_is_done().await;
    fleet.toggle(touched, ESCALATION);
    fleet.until_all_is_done().await;
    until_all_is_known(&url).await;
    let (works, dead) = (0, 1);
    fleet.replicas[dead].kill();
    fleet.gitlab.clear_requests();

    // A dry run tells nobody to pause either.
    fleet.gitlab.fault(Fault::throttled(1).on("GET", "/issues/").times(1));
    let seen = undo(&fleet, works, &["--since", &since, "--dry-run"]).await;
    assert!(said(&seen).1.contains("pausing for 1 s") && paused_until(&url).await == 0, "{}", said(&seen).1);
    let changed = [ISSUES + 1, ISSUES, 0, ISSUES + 1, 1, 0];
    assert_eq!(ROWS.map(|row| count(&seen, row)), changed, "{}", said(&seen).1);
    let left = format!("= {}#{}: label {ESCALATION:?}, left: touched since", touched.project_id, touched.iid);
    assert!(printed(&seen).contains(&left), "{}", said(&seen).1);
    assert!(fleet.gitlab.requests().iter().all(|request| request.method == "GET"));
    assert_eq!(printed(&run(fleet.replicas[works].command("resume")).await), "Nothing is stopped.\n");

    let done = undo(&fleet, works, &["--since", &since]).await;
    assert_eq!(done.status.code(), Some(0), "{}", said(&done).1);
    assert_eq!(ROWS.map(|row| count(&done, row)), changed, "{}", said(&done).1);
    fleet.replicas[dead].start().await;
    for replica in [works, dead] {
        until_it_waits(&fleet, replica).await;
    }
    fleet.gitlab.idle().await;
    for issue in issues.iter().chain([&touched]) {
        assert!(!is_written_to(&fleet, *issue), "#{} was written to again", issue.iid);
    }
    fleet.assert_escalated(older);
    let again = undo(&fleet, dead, &["--since", &since]).await;
    assert_eq!((again.status.code(), count(&again, "issues")), (Some(0), 0), "{}", said(&again).1);

    resume(&fleet).await;
    fleet.until_all_is_done().await;
    for issue in issues {
        fleet.assert_escalated(issue);
    }
    fleet.gitlab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issue_of_a_replica_that_stands_still_is_taken_back_after_its_lease_and_it_writes_nothing_more() {
    let database = Cluster::start();
    let url = database.create_database();
    let mut fleet = Fleet::start_first_of_two(database, &url, &[]).await;
    let issue = fleet.incident(&FULL_SCORE);
    fleet.until_all_is_done().await;
    let (stalled, works) = (0, 1);
    let path = format!("/issues/{}", issue.iid);
    fleet.gitlab.fault(Fault::new(Trouble::Hold).at("GET", &path).times(1));
    fleet.toggle(issue, "operational-impact::no");
    let look = fleet.gitlab.until_held(|request| request.path.ends_with(&path)).await;
    fleet.replicas[stalled].signal("STOP");
    fleet.replicas[works].start().await;

    let done = undo(&fleet, works, &["--since", "1h"]).await;
    assert_eq!((done.status.code(), count(&done, "issues")), (Some(0), 1), "{}", said(&done).1);
    let waited = format!("waiting for {}#{}, which another escalator", issue.project_id, issue.iid);
    assert!(said(&done).1.contains(&waited), "{}", said(&done).1);
    assert!(!is_written_to(&fleet, issue));

    assert!(fleet.gitlab.let_go(look, None), "it still waits for the answer");
    fleet.replicas[stalled].signal("CONT");
    until_it_waits(&fleet, works).await;
    until("the one that stood still has written or given up", async || {
        fleet.replicas[stalled].has_logged("broke off a look") || is_written_to(&fleet, issue)
    })
    .await;
    fleet.gitlab.idle().await;
    assert!(!is_written_to(&fleet, issue), "it wrote what it had thought of before it stood still");

    resume(&fleet).await;
    fleet.until_all_is_done().await;
    fleet.assert_escalated(issue);
    fleet.gitlab.stop().await;
}
