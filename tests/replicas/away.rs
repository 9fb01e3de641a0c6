//! PostgreSQL is away for half a minute.

use std::time::{Duration, Instant};

use super::fleet::{FULL_SCORE, Fleet};

const AWAY: Duration = Duration::from_secs(30);
/// GitLab gives up after ten seconds.
const DEADLINE_MILLIS: u64 = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn while_postgresql_is_away_deliveries_are_answered_503_in_time_and_then_all_goes_on() {
    let mut fleet = Fleet::start(2, &[]).await;
    let before = fleet.incident(&FULL_SCORE);
    fleet.until_all_is_done().await;
    fleet.database.stop();
    let (started, mut told) = (Instant::now(), fleet.gitlab.deliveries().len());
    while started.elapsed() < AWAY {
        fleet.toggle(before, "operational-impact::no");
        fleet.gitlab.settled().await;
        for delivery in fleet.gitlab.deliveries().iter().skip(told) {
            assert_eq!(delivery.status, Some(503), "{:?}", delivery.error);
            assert!(delivery.duration_ms < DEADLINE_MILLIS, "{} ms", delivery.duration_ms);
            told += 1;
        }
        for replica in &fleet.replicas {
            assert_eq!(replica.status("/readyz").await, 503);
            assert_eq!(replica.status("/livez").await, 200);
        }
    }
    fleet.database.start_again();
    super::fleet::until("both are ready again", async || {
        let mut ready = true;
        for replica in &fleet.replicas {
            ready &= replica.status("/readyz").await == 200;
        }
        ready
    })
    .await;
    let after = fleet.incident(&FULL_SCORE);
    fleet.toggle(before, "customer-impact::no");
    fleet.until_all_is_done().await;
    fleet.assert_escalated(before);
    fleet.assert_escalated(after);
    fleet.gitlab.stop().await;
}
