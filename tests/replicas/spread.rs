//! Work is spread over all replicas, and no issue is looked at twice at once.

use std::collections::BTreeSet;

use escalator::sandbox::{Fault, Trouble};

use super::fleet::{FULL_SCORE, Fleet};

const ISSUES: usize = 60;
/// Each changes an issue that others are being told about at that moment.
const CHANGES: usize = 300;

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_share_the_work_and_look_at_each_issue_one_at_a_time() {
    share(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_replicas_share_the_work_and_look_at_each_issue_one_at_a_time() {
    share(4).await;
}

async fn share(replicas: usize) {
    let fleet = Fleet::start(replicas, &[]).await;
    let issues: Vec<_> = (0..ISSUES).map(|_| fleet.incident(&FULL_SCORE)).collect();
    // Every read of an issue waits here, so two looks at one issue would be seen side by side.
    fleet.gitlab.fault(Fault::new(Trouble::Hold).on("GET", "/issues/"));
    for change in 0..CHANGES {
        // An even number of times each, so that all end with the full score.
        fleet.toggle(issues[change % ISSUES], "operational-impact::no");
        let held = fleet.gitlab.held();
        let reads: BTreeSet<_> = held.iter().map(|request| &request.path).collect();
        assert_eq!(reads.len(), held.len(), "two looks at one issue: {held:?}");
        for request in held {
            fleet.gitlab.let_go(request.id, None);
        }
        tokio::task::yield_now().await;
    }
    fleet.gitlab.clear_faults();
    for request in fleet.gitlab.held() {
        fleet.gitlab.let_go(request.id, None);
    }
    fleet.until_all_is_done().await;

    for issue in issues {
        fleet.assert_escalated(issue);
    }
    for replica in &fleet.replicas {
        let received = replica.metric("escalator_deliveries_total{outcome=\"queued\"}").await;
        assert!(received.is_some_and(|deliveries| deliveries > 0.0), "a replica received nothing");
        let assessed = replica.metric("escalator_assessments_total{band=\"escalation\"}").await;
        assert!(assessed.is_some_and(|assessments| assessments > 0.0), "a replica assessed nothing");
    }
    fleet.gitlab.stop().await;
}
