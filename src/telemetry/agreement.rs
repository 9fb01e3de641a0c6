//! How often people decide as the score says, for metrics: counted anew now and then, from what the store keeps.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::calculator::agreement::{Agreement, Comparison, compare};
use crate::calculator::policy::Policy;
use crate::store::Store;

/// How often it is counted. People decide a few times a day.
const INTERVAL: Duration = Duration::from_secs(60);
/// Of so many decided issues, those that were decided last.
const LAST: u32 = 100;

/// Counts until told to stop.
pub async fn count_agreement(store: Store, policy: Arc<Policy>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let decided = store.decided(LAST).await.ok();
        show(decided.map(|decided| {
            Agreement::of(decided.iter().map(|issue| compare(issue.decided.ruling, &issue.standing, &policy)))
        }));
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            _ = stop.changed() => {}
        }
    }
}

/// No number where there is nothing to compare, or the store cannot tell.
pub(super) fn show(agreement: Option<Agreement>) {
    let ratio = agreement.and_then(|agreement| agreement.ratio()).unwrap_or(f64::NAN);
    metrics::gauge!("escalator_agreement_ratio").set(ratio);
    for comparison in Comparison::ALL {
        let count = agreement.map_or(f64::NAN, |agreement| agreement.count(comparison).into());
        metrics::gauge!("escalator_decisions", "outcome" => comparison.name()).set(count);
    }
}
