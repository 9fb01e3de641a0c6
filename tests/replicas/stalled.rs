//! A replica that stands still past its lease and wakes up again.

use escalator::sandbox::{Fault, Hook, Trouble};
use tokio_postgres::Client;

use super::binary::SIGNING_TOKEN;
use super::fleet::{FULL_SCORE, Fleet, connect, until, until_all_is_known};
use super::postgres::Cluster;

/// Three points: the possible band.
const POSSIBLE: [&str; 2] = ["cross-functionality::yes", "financial-impact::yes"];

/// Under this lock of the database replicas note what they are about to write.
const WRITES: &str = "x'65736366757365'::bigint";

/// The table can be read and not written, as long as this connection is there: a replica that wants to renew its lease is
/// not told whether it still has it, and has to know by itself.
pub async fn hold(url: &str, table: &str) -> Client {
    let client = connect(url).await;
    client.batch_execute(&format!("BEGIN; LOCK TABLE {table} IN EXCLUSIVE MODE")).await.unwrap();
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_wakes_up_after_its_lease_writes_nothing() {
    let database = Cluster::start();
    let url = database.create_database();
    let mut fleet = Fleet::start_first_of_two(database, &url, &[]).await;
    let issue = fleet.incident(&POSSIBLE);
    fleet.until_all_is_done().await;
    until_all_is_known(&url).await;
    let (stalled, other) = (0, 1);

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

    let held = hold(&url, "queue").await;
    assert!(fleet.gitlab.let_go(asked, None), "it still waits for the answer");
    fleet.replicas[stalled].signal("CONT");
    until("the stalled replica has written or given up", async || {
        fleet.replicas[stalled].has_logged("broke off a look") || fleet.gitlab.writes(issue) != writes
    })
    .await;
    fleet.gitlab.idle().await;
    assert_eq!(fleet.gitlab.writes(issue), writes, "it wrote what it had thought of before it stood still");
    assert_eq!(fleet.gitlab.notes(issue), comments);
    drop(held);
    fleet.until_all_is_done().await;
    fleet.gitlab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_issue_was_taken_over_unseen_writes_nothing() {
    let database = Cluster::start();
    let url = database.create_database();
    let fleet = Fleet::start_at(database, &url, 1, &[]).await;
    let issue = fleet.incident(&POSSIBLE);
    fleet.until_all_is_done().await;
    until_all_is_known(&url).await;
    fleet.gitlab.fault(Fault::new(Trouble::Hold).on("GET", "/resource_label_events").times(1));
    fleet.gitlab.by(fleet.reporter).add_labels(issue, ["platform-escalation"]).unwrap();
    let asked = fleet.gitlab.until_held(|request| request.path.contains("/resource_label_events")).await;
    let (writes, comments) = (fleet.gitlab.writes(issue), fleet.gitlab.notes(issue));

    // As somebody would whose clock is ahead: by its own clock the replica has the issue for long.
    let taken = connect(&url).await.execute("UPDATE queue SET token = -1 WHERE token IS NOT NULL", &[]).await;
    assert_eq!(taken.unwrap(), 1);
    assert!(fleet.gitlab.let_go(asked, None), "it still waits for the answer");
    until("the replica has written or given up", async || {
        fleet.replicas[0].has_logged("broke off a look") || fleet.gitlab.writes(issue) != writes
    })
    .await;
    fleet.gitlab.idle().await;
    assert_eq!(fleet.gitlab.writes(issue), writes, "it wrote on what was not its own any more");
    assert_eq!(fleet.gitlab.notes(issue), comments);
    fleet.until_all_is_done().await;
    assert_ne!(fleet.gitlab.notes(issue), comments, "whoever claims it next does it");
    fleet.gitlab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_stands_still_in_the_middle_of_a_transaction_holds_up_nobody() {
    let database = Cluster::start();
    let url = database.create_database();
    let mut fleet = Fleet::start_first_of_two(database, &url, &[]).await;
    let (stalled, other) = (0, 1);
    let client = connect(&url).await;
    client.batch_execute(&format!("SELECT pg_advisory_lock({WRITES})")).await.unwrap();
    let issue = fleet.incident(&FULL_SCORE);
    until("it waits for its turn to note what it is about to write", async || {
        let waiting = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
        !client.query(waiting, &[]).await.unwrap().is_empty()
    })
    .await;
    fleet.replicas[stalled].signal("STOP");
    // Now its session has the lock.
    client.batch_execute(&format!("SELECT pg_advisory_unlock({WRITES})")).await.unwrap();

    fleet.replicas[other].start().await;
    let url = format!("http://{}/webhooks/gitlab", fleet.replicas[other].address);
    fleet.gitlab.hook("acme/shop", Hook { signing_token: Some(SIGNING_TOKEN.to_owned()), ..Hook::to(url) });
    let next = fleet.incident(&FULL_SCORE);
    until("the other one has written", async || !fleet.gitlab.notes(next).is_empty()).await;
    fleet.replicas[stalled].signal("CONT");
    fleet.until_all_is_done().await;
    fleet.assert_escalated(issue);
    fleet.assert_escalated(next);
    fleet.gitlab.stop().await;
}
