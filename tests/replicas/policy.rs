//! Replicas with two policies, while one after the other is replaced: issues are as the last policy says in the end, whoever
//! looked at them in between, and nobody undoes that.

use escalator::sandbox::IssueId;

use super::fleet::{Fleet, connect, until};
use super::postgres::Cluster;

const ISSUES: usize = 20;
const OTHERS: &str = "replicas with another policy, template or mode are at work";
const APPLIED: &str = "the policy, the comment's template or the mode is another one";
/// What a yes to cross-functionality is worth by the other policy.
const POINTS: u32 = 5;

/// Two replicas, issues that all have a yes to cross-functionality, and then another policy in the first replica.
async fn mixed() -> (Fleet, Vec<IssueId>, String) {
    let database = Cluster::start();
    let url = database.create_database();
    let mut fleet = Fleet::start_at(database, &url, 2, &[]).await;
    let issues: Vec<_> = (0..ISSUES).map(|_| fleet.incident(&["cross-functionality::yes"])).collect();
    fleet.until_all_is_done().await;
    fleet.replicas[0].kill();
    fleet.replicas[0].set_points(POINTS);
    fleet.replicas[0].start().await;
    until("the new replica sees the old one", async || fleet.replicas[0].has_logged(OTHERS)).await;
    (fleet, issues, url)
}

/// How often an issue was read since the requests were cleared.
fn looks(fleet: &Fleet, issue: IssueId) -> usize {
    let path = format!("/issues/{}", issue.iid);
    let requests = fleet.gitlab.requests();
    requests.iter().filter(|request| request.method == "GET" && request.path.ends_with(&path)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_last_replica_of_the_old_policy_is_replaced_the_new_one_is_applied_once() {
    let (mut fleet, issues, _) = mixed().await;
    assert!(!fleet.replicas[0].has_logged(APPLIED), "the old replica could take the marks");
    // While both are at work, either may look.
    for issue in &issues[..ISSUES / 2] {
        fleet.toggle(*issue, "complexity::no");
    }
    fleet.until_all_is_done().await;
    fleet.gitlab.clear_requests();
    fleet.replicas[1].kill();
    fleet.replicas[1].set_points(POINTS);
    fleet.replicas[1].start().await;
    until("all are right", async || {
        issues.iter().all(|issue| {
            let labelled = fleet.gitlab.labels(*issue).iter().any(|label| label == "platform-escalation");
            labelled && fleet.gitlab.notes(*issue)[0].body.contains("5 of 10 points")
        })
    })
    .await;
    fleet.until_all_is_done().await;
    for issue in &issues {
        assert_eq!(looks(&fleet, *issue), 1, "#{}", issue.iid);
    }
    fleet.gitlab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_new_policy_is_taken_back_the_old_one_puts_right_what_that_did() {
    let (fleet, issues, _) = mixed().await;
    take_back(fleet, issues).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_policy_did_after_it_had_seemed_to_be_gone_is_put_right_too() {
    let (fleet, issues, url) = mixed().await;
    fleet.replicas[0].signal("STOP");
    until("the old policy is applied again", async || fleet.replicas[1].has_logged(APPLIED)).await;
    fleet.replicas[0].signal("CONT");
    let database = connect(&url).await;
    let policies = "SELECT count(*) FROM duty
                    WHERE name LIKE 'policy %' AND until > 1000 * extract(epoch FROM clock_timestamp())";
    until("both policies are at work again", async || {
        database.query_one(policies, &[]).await.unwrap().get::<_, i64>(0) == 2
    })
    .await;
    take_back(fleet, issues).await;
}

/// The new replica looks at an issue, and is replaced by the old one.
async fn take_back(mut fleet: Fleet, issues: Vec<IssueId>) {
    let applied = fleet.replicas[1].logged(APPLIED).len();
    // Only the new replica looks at this one.
    fleet.replicas[1].kill();
    fleet.toggle(issues[0], "complexity::no");
    until("the new policy is at work", async || {
        fleet.gitlab.labels(issues[0]).iter().any(|label| label == "platform-escalation")
    })
    .await;
    fleet.until_all_is_done().await;
    fleet.replicas[0].kill();
    fleet.replicas[1].start().await;
    until("the old policy is applied again", async || fleet.replicas[1].logged(APPLIED).len() > applied)
        .await;
    fleet.until_all_is_done().await;
    for issue in issues {
        assert!(!fleet.gitlab.labels(issue).iter().any(|label| label == "platform-escalation"));
        assert!(fleet.gitlab.notes(issue)[0].body.contains("2 of 7 points"), "#{}", issue.iid);
    }
    fleet.gitlab.stop().await;
}
