//! `kill -9` of a replica and of PostgreSQL's postmaster in mid-flight.

use std::collections::BTreeSet;

use escalator::sandbox::{Fault, IssueId, Trouble};

use super::fleet::{FULL_SCORE, Fleet, until};

const ISSUES: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_replica_had_in_hand_is_done_by_the_others() {
    let mut fleet = Fleet::start(2, &[]).await;
    // Both have claimed something, and GitLab does not answer yet.
    fleet.gitlab.fault(Fault::new(Trouble::Hold).on("GET", "/issues/"));
    let issues: Vec<_> = (0..ISSUES).map(|_| fleet.incident(&FULL_SCORE)).collect();
    fleet.gitlab.settled().await;
    until("both replicas are at work", async || fleet.gitlab.held().len() > WORKERS).await;
    let missed = missed(&fleet);
    fleet.replicas[0].kill();
    fleet.gitlab.clear_faults();
    for request in fleet.gitlab.held() {
        fleet.gitlab.let_go(request.id, None);
    }
    // What the dead one had claimed comes back when its leases end.
    fleet.until_all_is_done().await;
    assert!(missed.is_empty(), "all were delivered before the kill: {missed:?}");
    for issue in issues {
        fleet.assert_escalated(issue);
    }
    fleet.gitlab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_postmaster_loses_nothing_that_was_answered_202() {
    let mut fleet = Fleet::start(2, &[]).await;
    let mut issues = Vec::new();
    for _ in 0..ISSUES {
        issues.push(fleet.incident(&FULL_SCORE));
        tokio::task::yield_now().await;
    }
    // Some are answered, some on their way, some in hand.
    fleet.gitlab.delivered(ISSUES / 3).await;
    fleet.database.kill_postmaster();
    for _ in 0..ISSUES {
        issues.push(fleet.incident(&FULL_SCORE));
    }
    fleet.gitlab.settled().await;
    fleet.database.start_again();
    fleet.until_all_is_done().await;

    let missed = missed(&fleet);
    for issue in issues.iter().filter(|issue| !missed.contains(issue)) {
        fleet.assert_escalated(*issue);
    }
    // Of the others GitLab was told that they were not kept. One more change is enough, and nobody restarts anything.
    for issue in &missed {
        fleet.toggle(*issue, "operational-impact::no");
    }
    fleet.until_all_is_done().await;
    for issue in issues {
        fleet.assert_escalated(issue);
    }
    fleet.gitlab.stop().await;
}

/// `queue.workers` by default: more reads than this at once are of two replicas.
const WORKERS: usize = 4;

/// Issues of which a delivery was not answered with success.
fn missed(fleet: &Fleet) -> BTreeSet<IssueId> {
    let deliveries = fleet.gitlab.deliveries();
    let lost = deliveries.iter().filter(|delivery| !matches!(delivery.status, Some(200 | 202)));
    lost.map(|delivery| delivery.issue).collect()
}
