//! Metrics: their names and meanings, and their Prometheus text.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use super::agreement;
use crate::calculator::agreement::Agreement;
use crate::calculator::policy::Policy;
use crate::clock::Millis;
use crate::store::{Depth, Stop};

/// Seconds. The promise is 50 ms; most are far below, and GitLab gives up at 10 s.
const DELIVERY_BUCKETS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.25, 1.0, 10.0];
/// Seconds; GitLab answers most calls in tens of milliseconds and gives up after tens of seconds.
const CALL_BUCKETS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Seconds. A look is one to a few calls, which wait for one another where calls are paced; it is given up after 240 s.
const LOOK_BUCKETS: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0, 240.0];
/// Seconds. People notice minutes; an outage of GitLab makes it hours.
const WAIT_BUCKETS: [f64; 10] = [0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 300.0, 900.0, 3600.0];

/// The metrics of this process.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

/// What is not counted as it happens, but looked up when somebody asks.
#[derive(Debug, Clone, Copy)]
pub struct Scrape {
    /// The queue, if the store can tell.
    pub depth: Option<Depth>,
    /// For each reason, how long there are to be no calls to GitLab.
    pub pauses: [(&'static str, Duration); 3],
    /// For each scope, how many stops of writing there are, if the store can tell.
    pub stops: [(&'static str, Option<u32>); 2],
    /// How long the access token is good, if GitLab ever told.
    pub token_days_left: Option<f64>,
}

static INSTALLED: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();

impl Metrics {
    /// Starts counting, once per process.
    ///
    /// # Errors
    /// If something else in the process counts already.
    pub fn start(policy: &Policy, workers: usize) -> Result<Self, String> {
        let handle = INSTALLED.get_or_init(install).clone()?;
        show_from_the_start(policy, workers);
        Ok(Self { handle })
    }

    /// The Prometheus text, with no number for the queue if the store cannot tell.
    #[must_use]
    pub fn render(&self, scrape: &Scrape, now: Millis) -> String {
        #[expect(clippy::cast_precision_loss, reason = "counts and ages are far below 2^52")]
        let (waiting, parked, oldest_seconds) =
            scrape.depth.map_or((f64::NAN, f64::NAN, f64::NAN), |depth| {
                let oldest = depth.oldest_marked_at.map_or(0, |oldest| (now.0 - oldest.0).max(0));
                (depth.waiting as f64, depth.parked as f64, oldest as f64 / 1000.0)
            });
        metrics::gauge!("escalator_queue_depth", "state" => "waiting").set(waiting);
        metrics::gauge!("escalator_queue_depth", "state" => "parked").set(parked);
        metrics::gauge!("escalator_queue_oldest_age_seconds").set(oldest_seconds);
        for (reason, left) in scrape.pauses {
            metrics::gauge!("escalator_gitlab_pause_seconds", "reason" => reason).set(left.as_secs_f64());
        }
        for (scope, stops) in scrape.stops {
            let stops = stops.map_or(f64::NAN, f64::from);
            metrics::gauge!("escalator_writes_stopped", "scope" => scope).set(stops);
        }
        if let Some(days) = scrape.token_days_left {
            metrics::gauge!("escalator_gitlab_token_days_left").set(days);
        }
        self.handle.render()
    }

    /// Keeps histograms small; to be called now and then.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

fn install() -> Result<PrometheusHandle, String> {
    let handle = recorder().map_err(|error| error.to_string())?;
    describe_deliveries();
    describe_queue();
    describe_assessments();
    describe_gitlab();
    describe_writes();
    describe_sweep();
    describe_watchdog();
    describe_agreement();
    describe_gauge!("escalator_build_info", "Always 1; the label tells the version.");
    describe_counter!(
        "escalator_store_errors_total",
        "What the store was asked and did not do, such as with a full disk."
    );
    Ok(handle)
}

fn recorder() -> Result<PrometheusHandle, BuildError> {
    let buckets = [
        ("escalator_delivery_duration_seconds", DELIVERY_BUCKETS),
        ("escalator_gitlab_call_duration_seconds", CALL_BUCKETS),
        ("escalator_assessment_duration_seconds", LOOK_BUCKETS),
        ("escalator_time_to_assessed_seconds", WAIT_BUCKETS),
    ];
    let mut builder = PrometheusBuilder::new();
    for (name, buckets) in buckets {
        builder = builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), &buckets)?;
    }
    builder.install_recorder()
}

fn describe_deliveries() {
    describe_counter!("escalator_deliveries_total", "Webhook deliveries by outcome.");
    describe_histogram!(
        "escalator_delivery_duration_seconds",
        Unit::Seconds,
        "How long deliveries took, from their headers to the answer."
    );
    describe_gauge!(
        "escalator_last_delivery_timestamp_seconds",
        Unit::Seconds,
        "When the last delivery came that was proven to be GitLab's; missing if none did since the start."
    );
}

fn describe_queue() {
    describe_gauge!("escalator_queue_depth", "Issues in the queue, by state.");
    describe_gauge!(
        "escalator_queue_oldest_age_seconds",
        Unit::Seconds,
        "How long the oldest issue in the queue has waited."
    );
    describe_counter!("escalator_parked_total", "Issues parked because they could not be looked at.");
    describe_gauge!("escalator_workers", "How many issues can be worked on at the same time.");
    describe_gauge!("escalator_workers_busy", "How many issues are worked on now.");
}

fn describe_assessments() {
    describe_counter!("escalator_assessments_total", "Issues assessed, by band.");
    describe_counter!(
        "escalator_assessment_failures_total",
        "Looks at issues that failed, by what follows: a retry, a pause of all work in GitLab, parking, or dropping."
    );
    describe_histogram!(
        "escalator_assessment_duration_seconds",
        Unit::Seconds,
        "How long looks at issues took, those that failed included."
    );
    describe_histogram!(
        "escalator_time_to_assessed_seconds",
        Unit::Seconds,
        "How long it took from an issue's mark in the queue until all was right in GitLab."
    );
    describe_counter!(
        "escalator_commands_total",
        "Commands in comments that were answered, by verb, none where there was no such command, and outcome."
    );
}

fn describe_gitlab() {
    describe_counter!("escalator_gitlab_calls_total", "Calls to GitLab by operation and status.");
    describe_histogram!(
        "escalator_gitlab_call_duration_seconds",
        Unit::Seconds,
        "How long calls to GitLab took, by operation."
    );
    describe_gauge!(
        "escalator_gitlab_rate_limit_remaining",
        "Calls that GitLab still allows in the current window, as it last said; missing if it never did."
    );
    describe_gauge!(
        "escalator_gitlab_pause_seconds",
        Unit::Seconds,
        "How long there are to be no calls yet, by reason; 0 if there is no pause."
    );
    describe_gauge!(
        "escalator_gitlab_token_days_left",
        "For how many days the access token is good: +Inf if it does not end, missing if GitLab does not tell."
    );
}

fn describe_writes() {
    describe_gauge!(
        "escalator_writes_stopped",
        "Stops of writing that hold, by how far they reach: the service, or an issue."
    );
    describe_counter!(
        "escalator_write_stops_total",
        "How often too much was about to be written, so that writing stopped, by how far."
    );
}

fn describe_sweep() {
    describe_counter!(
        "escalator_sweeps_total",
        "Sweeps by outcome: complete, or incomplete because a watched place could not be listed to its end."
    );
    describe_counter!("escalator_sweep_marked_total", "Issues that sweeps put into the queue.");
    describe_gauge!(
        "escalator_sweep_last_complete_timestamp_seconds",
        Unit::Seconds,
        "When a sweep was last complete; 0 if none was since the start, missing if nothing is watched."
    );
}

fn describe_watchdog() {
    describe_gauge!("escalator_webhooks", "Webhooks that lead here, by whether GitLab calls them.");
    describe_gauge!(
        "escalator_webhooks_without_confidential_events",
        "Webhooks that lead here and tell nothing of confidential issues or comments."
    );
    describe_gauge!("escalator_webhooks_unsigned", "Webhooks that lead here and have no signing token.");
    describe_gauge!(
        "escalator_webhooks_disabled_until_timestamp_seconds",
        Unit::Seconds,
        "Until when GitLab lets webhooks rest after failures, the longest; 0 if none rests, or GitLab does not tell."
    );
    describe_gauge!(
        "escalator_webhook_places_hidden",
        "Watched places whose webhooks GitLab did not show in the last round."
    );
    describe_counter!(
        "escalator_webhook_tests_total",
        "Test requests asked for to have webhooks called again, by outcome: sent, or failed."
    );
    describe_counter!(
        "escalator_recovered_total",
        "Issues put into the queue because GitLab's log shows a delivery that failed."
    );
}

fn describe_agreement() {
    describe_gauge!(
        "escalator_agreement_ratio",
        "Which part of the last 100 decided issues people decided as the score says, those apart that it leaves to them."
    );
    describe_gauge!(
        "escalator_decisions",
        "The last 100 decided issues, by outcome: as the score says, otherwise, or left open by it."
    );
}

/// So that an alert on the first of something has an earlier value to compare with.
fn show_from_the_start(policy: &Policy, workers: usize) {
    metrics::gauge!("escalator_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1);
    #[expect(clippy::cast_precision_loss, reason = "there are at most 256")]
    metrics::gauge!("escalator_workers").set(workers as f64);
    metrics::gauge!("escalator_workers_busy").set(0);
    for counter in ["escalator_parked_total", "escalator_sweep_marked_total", "escalator_store_errors_total"]
    {
        metrics::counter!(counter).increment(0);
    }
    for outcome in ["complete", "incomplete"] {
        metrics::counter!("escalator_sweeps_total", "outcome" => outcome).increment(0);
    }
    for scope in Stop::SCOPES {
        metrics::counter!("escalator_write_stops_total", "scope" => scope).increment(0);
    }
    for reaction in ["retry", "pause", "park", "drop", "leave"] {
        metrics::counter!("escalator_assessment_failures_total", "reaction" => reaction).increment(0);
    }
    agreement::show(Some(Agreement::default()));
    for band in &policy.bands {
        metrics::counter!("escalator_assessments_total", "band" => band.id.clone()).increment(0);
    }
}
