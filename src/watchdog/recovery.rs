//! Recovery: finds the issues of deliveries that GitLab could not make, by its own log, which it keeps for seven days.
//!
//! Marks what a failed delivery would have marked; its body goes no further. What happened while a webhook was switched
//! off was never to be delivered, so it is in no log: the sweep finds it.

use super::memory::{Hidden, Log};
use super::{Watchdog, why_hidden};
use crate::calculator::issue::Moment;
use crate::clock::{self, Millis};
use crate::gitlab::{FailedDelivery, Place};
use crate::store::{Marked, Walk};
use crate::webhook::{Sight, read};
use crate::worker::Failure;

/// How long GitLab keeps its log.
const KEPT_MILLIS: i64 = 7 * 24 * 60 * 60 * 1000;
/// How far a round looks back behind the newest failure that is known: GitLab logs deliveries in no strict order.
const OVERLAP_MILLIS: i64 = 2 * 60 * 1000;

impl Watchdog {
    /// Recovers what this webhook missed, or says once why it cannot.
    pub(super) async fn recover_or_explain(&self, place: &Place, hook: u64, log: &mut Log, now: Millis) {
        let failure = match self.recover(place, hook, log, now).await {
            Ok(()) => {
                log.hidden = None;
                return;
            }
            Err(failure) => failure,
        };
        let why = why_hidden(&failure, &self.retry);
        if log.hidden.replace(why) == Some(why) {
            return;
        }
        match why {
            Hidden::ForNow => {
                tracing::warn!(%place, hook, error = %failure, "what a webhook missed cannot be recovered now");
            }
            Hidden::Forbidden => tracing::warn!(
                %place,
                hook,
                error = %failure,
                "what a webhook missed is not recovered: GitLab shows no log of it, as before 17.3; the sweep finds it"
            ),
        }
    }

    async fn recover(&self, place: &Place, hook: u64, log: &mut Log, now: Millis) -> Result<(), Failure> {
        let name = format!("webhook {hook}");
        let watermark = self.store.watermark(Walk::Recovery, &name).await?;
        let since = watermark
            .map_or(Moment(now.0 - KEPT_MILLIS), |newest| Moment(newest.0.saturating_sub(OVERLAP_MILLIS)));
        let failed = self.call(self.gitlab.failed_events(place, hook, since)).await?;
        let (mut fresh, mut marked) = (0_u64, 0_u64);
        for delivery in failed.iter().filter(|delivery| !log.recovered.contains(&delivery.id)) {
            fresh += 1;
            marked += u64::from(self.mark(delivery).await?);
        }
        if let Some(newest) = failed.iter().filter_map(|delivery| delivery.at).max()
            && watermark.is_none_or(|known| known < newest)
        {
            self.store.keep_watermark(Walk::Recovery, &name, newest).await?;
        }
        // What is older than the overlap is not asked for again, so it need not be remembered.
        log.recovered = failed.iter().map(|delivery| delivery.id).collect();
        metrics::counter!("escalator_recovered_total").increment(marked);
        if fresh > 0 {
            tracing::info!(%place, hook, failed = fresh, marked, "recovered deliveries that had failed");
        }
        Ok(())
    }

    /// Marks the issue of a delivery, if the delivery would have. Whose it was does not matter: an echo of ours shows an
    /// issue as we left it, and is left alone for that.
    async fn mark(&self, delivery: &FailedDelivery) -> Result<bool, Failure> {
        let glimpse = match read(delivery.body.to_string().as_bytes(), &self.policy, None) {
            Ok(Sight::Theirs(glimpse)) => glimpse,
            // Of us or of somebody else: who reads the notes finds out.
            Ok(Sight::Mentions(glimpse, _)) => {
                self.store.ask_to_read(glimpse.issue, clock::now()).await?;
                glimpse
            }
            Ok(Sight::Ours(echo)) => echo.glimpse,
            Err(ignored) => {
                tracing::debug!(reason = ignored.name(), "ignored a delivery that had failed");
                return Ok(false);
            }
        };
        Ok(self.store.mark(glimpse, None, clock::now()).await? == Marked::Queued)
    }
}
