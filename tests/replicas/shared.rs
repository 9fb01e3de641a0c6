//! What replicas share besides the queue: GitLab's wish for a pause, and the sweep.

use escalator::sandbox::Fault;

use super::fleet::{FULL_SCORE, Fleet, paused_until, until};
use super::postgres::Cluster;

const ISSUES: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn when_gitlab_throttles_one_replica_all_of_them_pause() {
    let database = Cluster::start();
    let url = database.create_database();
    let fleet = Fleet::start_at(database, &url, 2, &[]).await;
    fleet.gitlab.fault(Fault::status(429));
    fleet.incident(&FULL_SCORE);
    until("whose call was refused has told all to pause", async || paused_until(&url).await > 0).await;
    // One after the other, each of which wakes a worker of each replica.
    for _ in 0..ISSUES {
        fleet.incident(&FULL_SCORE);
        fleet.gitlab.settled().await;
    }
    for replica in &fleet.replicas {
        let received = replica.metric("escalator_deliveries_total{outcome=\"queued\"}").await;
        assert!(received.is_some_and(|deliveries| deliveries > 0.0), "a replica received nothing");
    }
    // Also for what calls GitLab without a claim, such as the sweep.
    let pause = "escalator_gitlab_pause_seconds{reason=\"throttled\"}";
    for replica in &fleet.replicas {
        until("each replica holds itself back", async || {
            replica.metric(pause).await.is_some_and(|left| left > 0.0)
        })
        .await;
    }
    let calls = fleet.gitlab.requests();
    assert_eq!(calls.len(), 1, "calls into the pause: {calls:?}");
    fleet.gitlab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replica_sweeps_and_another_takes_over_when_it_dies() {
    let mut fleet = Fleet::start(3, &[("GITLAB__GROUPS", "acme"), ("SWEEP__INTERVAL", "200ms")]).await;
    let sweeper = sweeping(&fleet, 10.0).await;
    for (place, replica) in fleet.replicas.iter().enumerate() {
        if place != sweeper {
            let sweeps = replica.metric("escalator_sweeps_total{outcome=\"complete\"}").await;
            assert!(sweeps.is_none_or(|sweeps| sweeps == 0.0), "two replicas sweep: {sweeps:?}");
        }
    }
    fleet.replicas[sweeper].kill();
    let next = sweeping(&fleet, 1.0).await;
    assert_ne!(next, sweeper);
    fleet.gitlab.stop().await;
}

/// Waits until some running replica has made so many sweeps, and says which.
async fn sweeping(fleet: &Fleet, sweeps: f64) -> usize {
    let mut found = None;
    until("somebody sweeps", async || {
        for (place, replica) in fleet.replicas.iter().enumerate() {
            let made = replica.metric("escalator_sweeps_total{outcome=\"complete\"}").await;
            if replica.is_running() && made.is_some_and(|made| made >= sweeps) {
                found = Some(place);
            }
        }
        found.is_some()
    })
    .await;
    found.unwrap()
}
