//! A replica that stands still past its lease and wakes up again.

use escalator::sandbox::{Fault, Trouble};

use super::fleet::{Fleet, until};

/// Three points: the possible band.
const POSSIBLE: [&str; 2] = ["cross-functionality::yes", "financial-impact::yes"];

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_wakes_up_after_its_lease_writes_nothing() {
    let mut fleet = Fleet::start(2, &[]).await;
    let issue = fleet.incident(&POSSIBLE);
    fleet.until_all_is_done().await;
    let (stalled, other) = (0, 1);
    fleet.replicas[other].kill();

    // Somebody adds a label by hand. Whoever looks has read the issue and asks who it was, and gets no answer yet.
    fleet.gitlab.fault(Fault::new(Trouble::Hold).on("GET", "/resource_label_events").times(1));
    fleet.gitlab.by(fleet.reporter).add_labels(issue, ["platform-escalation"]).unwrap();
    let asked = fleet.gitlab.until_held(|request| request.path.contains("/resource_label_events")).await;
    fleet.replicas[stalled].signal("STOP");
    fleet.replicas[other].start().await;

    // The world goes on; the other replica takes over when the lease has ended.
    fleet.gitlab.by(fleet.reporter).add_labels(issue, ["complexity::yes"]).unwrap();
    until("the other replica has taken over", async || {
        fleet.gitlab.notes(issue).iter().any(|note| note.body.contains("**Score so far: 5."))
    })
    .await;
    until("the other replica is done", async || {
        fleet.replicas[other].metric("escalator_workers_busy").await == Some(0.0)
    })
    .await;
    let (writes, comments) = (fleet.gitlab.writes(issue), fleet.gitlab.notes(issue));

    fleet.gitlab.let_go(asked, None);
    fleet.replicas[stalled].signal("CONT");
    let log = fleet.replicas[stalled].log_path();
    until("the stalled replica has given up", async || {
        std::fs::read_to_string(&log).unwrap().contains("broke off a look")
    })
    .await;
    fleet.gitlab.idle().await;
    assert_eq!(fleet.gitlab.writes(issue), writes, "it wrote what it had thought of before it stood still");
    assert_eq!(fleet.gitlab.notes(issue), comments);
    fleet.until_all_is_done().await;
    fleet.gitlab.stop().await;
}
