//! Metrics: their names and meanings, and their Prometheus text.

use std::sync::OnceLock;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::clock::Millis;
use crate::store::Depth;

/// Seconds; GitLab answers most calls in tens of milliseconds and gives up after tens of seconds.
const CALL_BUCKETS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// The metrics of this process.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

static INSTALLED: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();

impl Metrics {
    /// Starts counting, once per process.
    ///
    /// # Errors
    /// If something else in the process counts already.
    pub fn start() -> Result<Self, String> {
        let handle = INSTALLED.get_or_init(install).clone()?;
        Ok(Self { handle })
    }

    /// The Prometheus text, with the queue as it is now, or no number for it if the store cannot tell.
    #[must_use]
    pub fn render(&self, depth: Option<Depth>, now: Millis) -> String {
        #[expect(clippy::cast_precision_loss, reason = "counts and ages are far below 2^52")]
        let (waiting, parked, oldest_seconds) = depth.map_or((f64::NAN, f64::NAN, f64::NAN), |depth| {
            let oldest = depth.oldest_marked_at.map_or(0, |oldest| (now.0 - oldest.0).max(0));
            (depth.waiting as f64, depth.parked as f64, oldest as f64 / 1000.0)
        });
        metrics::gauge!("escalator_queue_depth", "state" => "waiting").set(waiting);
        metrics::gauge!("escalator_queue_depth", "state" => "parked").set(parked);
        metrics::gauge!("escalator_queue_oldest_age_seconds").set(oldest_seconds);
        self.handle.render()
    }

    /// Keeps histograms small; to be called now and then.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

fn install() -> Result<PrometheusHandle, String> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(
            Matcher::Full("escalator_gitlab_call_duration_seconds".to_owned()),
            &CALL_BUCKETS,
        )
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| error.to_string())?;
    describe_counter!("escalator_deliveries_total", "Webhook deliveries by outcome.");
    describe_counter!("escalator_assessments_total", "Issues assessed, by band.");
    describe_counter!("escalator_parked_total", "Issues parked because they could not be looked at.");
    describe_counter!(
        "escalator_sweeps_total",
        "Sweeps by outcome: complete, or incomplete because a watched place could not be listed to its end."
    );
    describe_counter!("escalator_sweep_marked_total", "Issues that sweeps put into the queue.");
    describe_counter!("escalator_gitlab_calls_total", "Calls to GitLab by operation and status.");
    describe_histogram!(
        "escalator_gitlab_call_duration_seconds",
        Unit::Seconds,
        "How long calls to GitLab took, by operation."
    );
    describe_gauge!(
        "escalator_gitlab_rate_limit_remaining",
        "Calls that GitLab still allows in the current window, as it last said."
    );
    describe_gauge!("escalator_queue_depth", "Issues in the queue, by state.");
    describe_gauge!(
        "escalator_queue_oldest_age_seconds",
        Unit::Seconds,
        "How long the oldest issue in the queue has waited."
    );
    // Shown from the start, so that an alert on the first one has something to compare with.
    metrics::counter!("escalator_parked_total").increment(0);
    metrics::counter!("escalator_sweep_marked_total").increment(0);
    for outcome in ["complete", "incomplete"] {
        metrics::counter!("escalator_sweeps_total", "outcome" => outcome).increment(0);
    }
    Ok(handle)
}
