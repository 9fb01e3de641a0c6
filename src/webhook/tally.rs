//! The metrics of deliveries. Looked up once: finding a counter by its name and labels costs more than counting.

use std::time::Instant;

use metrics::{Counter, Gauge, Histogram};

use super::outcome::Outcome;
use crate::clock::Millis;

/// Counts deliveries.
#[derive(Clone)]
pub struct Tally {
    outcomes: Vec<(Outcome, Counter)>,
    duration_seconds: Histogram,
    last_delivery_timestamp_seconds: Gauge,
}

impl Tally {
    /// Begins to count. Every outcome is shown from the start, so that an alert on the first one has something to compare
    /// with.
    #[must_use]
    pub fn start() -> Self {
        let counter = |outcome: Outcome| {
            let counter = metrics::counter!("escalator_deliveries_total", "outcome" => outcome.name());
            counter.increment(0);
            (outcome, counter)
        };
        Self {
            outcomes: Outcome::ALL.into_iter().map(counter).collect(),
            duration_seconds: metrics::histogram!("escalator_delivery_duration_seconds"),
            last_delivery_timestamp_seconds: metrics::gauge!("escalator_last_delivery_timestamp_seconds"),
        }
    }

    /// A delivery was proven to be GitLab's.
    pub fn authentic(&self, now: Millis) {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are far below 2^52")]
        self.last_delivery_timestamp_seconds.set(now.0 as f64 / 1000.0);
    }

    /// A delivery that came then is answered now.
    pub fn answered(&self, outcome: Outcome, received: Instant) {
        if let Some((_, counter)) = self.outcomes.iter().find(|(known, _)| *known == outcome) {
            counter.increment(1);
        }
        self.duration_seconds.record(received.elapsed());
    }
}
