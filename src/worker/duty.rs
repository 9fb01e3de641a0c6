//! Duties that one replica at a time does for all. The one that has it keeps it until it stops; if it dies, another one
//! takes over. Two at it for a moment do no harm: it only saves calls.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::clock;
use crate::store::{Duty, Store};

/// How long a duty is ours unless it is renewed.
pub(super) const PERIOD: Duration = Duration::from_secs(30);
/// How often it is renewed, or asked for.
const RENEWAL: Duration = Duration::from_secs(10);
/// How long a duty may be nobody's although there is somebody who will take it: until that one asks for it, and again where
/// the store does not answer at once.
pub(super) const LONGEST_VACANCY: Duration = Duration::from_secs(20);

/// Does some work whenever the duty is ours, until told to stop. The work itself ends only when told to stop.
pub async fn on_duty<Work: Future<Output = ()>>(
    store: &Store,
    duty: Duty,
    work: impl Fn() -> Work,
    mut stop: watch::Receiver<bool>,
) {
    while !*stop.borrow() {
        match store.take_duty(duty, clock::now(), PERIOD).await {
            Ok(true) => {
                tokio::select! {
                    () = work() => break,
                    () = until_lost(store, duty) => {
                        tracing::warn!(?duty, "another replica took over a duty, or the store did not answer for long");
                    }
                }
            }
            Ok(false) => {}
            Err(error) => tracing::error!(?duty, %error, "cannot ask whether a duty is ours; asking again"),
        }
        tokio::select! {
            () = tokio::time::sleep(RENEWAL) => {}
            _ = stop.changed() => {}
        }
    }
    if let Err(error) = store.leave_duty(duty).await {
        tracing::warn!(?duty, %error, "could not hand a duty over; another replica takes it within half a minute");
    }
}

async fn until_lost(store: &Store, duty: Duty) {
    let mut kept = Instant::now();
    while kept.elapsed() < PERIOD {
        tokio::time::sleep(RENEWAL).await;
        let asked = Instant::now();
        match store.take_duty(duty, clock::now(), PERIOD).await {
            Ok(true) => kept = asked,
            Ok(false) => return,
            Err(error) => tracing::warn!(?duty, %error, "cannot renew a duty; trying again"),
        }
    }
}
