//! The write fuse counts the writes of all replicas, and holds them all back until somebody has looked.

use std::process::Command;

use super::fleet::{FULL_SCORE, Fleet, until};

/// Two writes each: a label and a comment.
const ISSUES: usize = 20;
/// What half of the issues need.
const FUSE: usize = 20;

/// `escalator` with this command, on the store of all.
fn escalator(store_url: &str, command: &str) -> String {
    let program = Command::new(env!("CARGO_BIN_EXE_escalator"))
        .args(command.split(' '))
        .env("ESCALATOR__STORE__URL", store_url)
        .output()
        .unwrap();
    String::from_utf8(program.stdout).unwrap()
}

/// Labels and comments of ours, all in all.
fn written(fleet: &Fleet, issues: &[escalator::sandbox::IssueId]) -> usize {
    let of = |issue| {
        let labels = fleet.gitlab.labels(issue);
        let notes = fleet.gitlab.notes(issue);
        labels.iter().filter(|label| *label == "platform-escalation").count()
            + notes.iter().filter(|note| note.author_id == fleet.bot).count()
    };
    issues.iter().map(|issue| of(*issue)).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_trip_one_fuse_together_which_outlives_them_until_somebody_resumes() {
    let database = super::postgres::Cluster::start();
    let url = database.create_database();
    let fuse = FUSE.to_string();
    let mut fleet = Fleet::start_at(database, &url, 2, &[("WRITES__FUSE", &fuse)]).await;
    let issues: Vec<_> = (0..ISSUES).map(|_| fleet.incident(&FULL_SCORE)).collect();
    fleet.gitlab.settled().await;
    for place in 0..fleet.replicas.len() {
        let name = "escalator_writes_stopped{scope=\"service\"}";
        until("each replica tells of the stop", async || {
            fleet.replicas[place].metric(name).await == Some(1.0)
        })
        .await;
    }
    until("what was begun before is over", async || {
        fleet.gitlab.idle().await;
        written(&fleet, &issues) == FUSE
    })
    .await;

    for replica in &mut fleet.replicas {
        replica.kill();
        replica.start().await;
    }
    for replica in &fleet.replicas {
        let name = "escalator_gitlab_pause_seconds{reason=\"stopped\"}";
        until("each replica finds out", async || replica.metric(name).await.is_some_and(|left| left > 0.0))
            .await;
    }
    assert_eq!(written(&fleet, &issues), FUSE, "nothing was written while it was stopped");
    assert_eq!(fleet.figure("escalator_queue_depth{state=\"parked\"}").await, Some(0.0));

    // What is left is exactly as much again.
    let said = escalator(&url, "resume");
    assert!(said.contains("there were more than 20 writes within a minute"), "{said}");
    fleet.until_all_is_done().await;
    for issue in issues {
        fleet.assert_escalated(issue);
    }
    assert_eq!(escalator(&url, "resume"), "Nothing is stopped.\n");
    fleet.gitlab.stop().await;
}
