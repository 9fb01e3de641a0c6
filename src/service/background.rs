//! The parts of the service that work beside the two servers, and how each is started.
//!
//! What only one replica may do is started under its duty.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock;
use crate::store::{self, Duty};
use crate::sweep::Sweep;
use crate::telemetry::{Metrics, count_agreement};
use crate::watchdog::Watchdog;
use crate::worker::{Clerk, Desk, PolicyWatch, Scribe, Worker, on_duty};

/// How often histograms are tidied up.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

pub(super) async fn start_working(
    worker: &Worker,
    workers: usize,
    parts: &mut JoinSet<&'static str>,
    stopped: &watch::Receiver<bool>,
) -> Result<PolicyWatch, store::Error> {
    let policy_watch = start_applying(&worker.desk, parts, stopped.clone()).await?;
    for _ in 0..workers {
        start_part(parts, "a worker", worker.clone().run(stopped.clone()));
    }
    Ok(policy_watch)
}

/// Before the first look: others have to see by which policy.
async fn start_applying(
    desk: &Desk,
    parts: &mut JoinSet<&'static str>,
    stopped: watch::Receiver<bool>,
) -> Result<PolicyWatch, store::Error> {
    let (store, policy) = (desk.store.clone(), desk.policy_digest());
    let policy_watch = PolicyWatch::arrive(store.clone(), policy, clock::now()).await?;
    let watch = policy_watch.clone();
    start_part(parts, "the policy watch", async move {
        let work = |_| watch.clone().run(stopped.clone());
        on_duty(&store, watch.duty(), work, stopped.clone()).await;
    });
    Ok(policy_watch)
}

pub(super) fn start_scribing(
    scribe: Scribe,
    parts: &mut JoinSet<&'static str>,
    stopped: watch::Receiver<bool>,
) {
    start_part(parts, "the scribe", async move {
        let work = |_| scribe.clone().run(stopped.clone());
        on_duty(&scribe.desk.store, Duty::Scribe, work, stopped.clone()).await;
    });
}

pub(super) fn start_clerk(clerk: Clerk, parts: &mut JoinSet<&'static str>, stopped: watch::Receiver<bool>) {
    start_part(parts, "the clerk", async move {
        let work = |lease| clerk.clone().run(lease, stopped.clone());
        on_duty(&clerk.store, Duty::Clerk, work, stopped.clone()).await;
    });
}

pub(super) fn start_sweeping(
    sweep: &Sweep,
    parts: &mut JoinSet<&'static str>,
    stopped: watch::Receiver<bool>,
) {
    if sweep.places.is_empty() {
        tracing::info!(
            "no sweep: name groups or projects in gitlab.groups or gitlab.projects to find lost webhooks"
        );
        return;
    }
    let sweep = sweep.clone();
    start_part(parts, "the sweep", async move {
        let work = |_| sweep.clone().run(stopped.clone());
        on_duty(&sweep.store, Duty::Sweep, work, stopped.clone()).await;
    });
}

pub(super) fn start_watching(
    watchdog: Option<&Watchdog>,
    parts: &mut JoinSet<&'static str>,
    stopped: watch::Receiver<bool>,
) {
    let Some(watchdog) = watchdog.filter(|watchdog| !watchdog.places.is_empty()).cloned() else {
        tracing::info!(
            "webhooks are not watched: that takes webhook.url, and gitlab.groups or gitlab.projects"
        );
        return;
    };
    start_part(parts, "the watchdog", async move {
        let work = |_| watchdog.clone().run(stopped.clone());
        on_duty(&watchdog.store, Duty::Watchdog, work, stopped.clone()).await;
    });
}

/// Starts what runs until it is told to stop, and tells its name when it ends.
pub(super) fn start_part(
    parts: &mut JoinSet<&'static str>,
    name: &'static str,
    running: impl Future<Output = ()> + Send + 'static,
) {
    parts.spawn(async move {
        running.await;
        name
    });
}

/// What metrics need besides what counts by itself.
pub(super) fn start_counting(
    metrics: Metrics,
    sweep: &Sweep,
    parts: &mut JoinSet<&'static str>,
    stopped: &watch::Receiver<bool>,
) {
    parts.spawn(upkeep(metrics, stopped.clone()));
    let counting = count_agreement(sweep.store.clone(), Arc::clone(&sweep.policy), stopped.clone());
    start_part(parts, "the count of agreement", counting);
}

async fn upkeep(metrics: Metrics, mut stop: watch::Receiver<bool>) -> &'static str {
    while !*stop.borrow() {
        tokio::select! {
            () = tokio::time::sleep(UPKEEP_INTERVAL) => metrics.upkeep(),
            _ = stop.changed() => {}
        }
    }
    "metrics upkeep"
}
