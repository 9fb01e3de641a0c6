//! Duties that one replica at a time does for all. The one that has it keeps it until it stops; if it dies, another one
//! takes over when its lease has ended.
//!
//! Who may have lost a duty breaks its work off, wherever that is. Even so two can be at it for a moment. Where that would
//! do harm, the lease is asked before each write: that is the clerk, who writes on issues. The sweep and the scribe only
//! read GitLab, the policy watch not even that, and what they write to the store does not change by being written twice.
//! The watchdog also asks GitLab for test requests, of which one more does no harm.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::watch;

use super::after_failure::Failure;
use super::lease::{LEASE, Lease};
use crate::clock;
use crate::store::{Duty, Store};

/// How often a duty that is another one's is asked for.
const INTERVAL: Duration = Duration::from_secs(10);
/// How long a duty may be nobody's although there is somebody who will take it: until that one asks for it, and again where
/// the store does not answer at once.
pub(super) const LONGEST_VACANCY: Duration = Duration::from_secs(20);

/// Does some work whenever the duty is ours, until told to stop. The work itself ends only when told to stop, and only then
/// is the duty left to the next.
pub async fn on_duty<Work: Future<Output = ()>>(
    store: &Store,
    duty: Duty,
    work: impl Fn(Arc<Lease>) -> Work,
    mut stop: watch::Receiver<bool>,
) {
    while !*stop.borrow() {
        let asked = Instant::now();
        match store.take_duty(duty, clock::now(), LEASE).await {
            Ok(true) => {
                let lease = Arc::new(Lease::of_duty(duty, asked));
                let working = work(Arc::clone(&lease)).map(Ok::<_, Failure>);
                if lease.guard(store, working).await.is_ok() {
                    break;
                }
                tracing::warn!(
                    ?duty,
                    "another replica took over a duty, or the store did not answer for long"
                );
            }
            Ok(false) => {}
            Err(error) => tracing::error!(?duty, %error, "cannot ask whether a duty is ours; asking again"),
        }
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            _ = stop.changed() => {}
        }
    }
    if let Err(error) = store.leave_duty(duty).await {
        tracing::warn!(?duty, %error, "could not hand a duty over; another replica takes it within half a minute");
    }
}
