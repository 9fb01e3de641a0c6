//! The lease of a claimed issue, renewed as long as somebody works on it. Whoever lost it, or was stopped until after its
//! end, writes nothing any more: another replica may be at it.

use std::future::poll_fn;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use super::after_failure::Failure;
use crate::clock;
use crate::store::{Claim, Store};

/// How long a claim is ours unless it is renewed: so soon others go on with what a dead replica had in hand.
pub const LEASE: Duration = Duration::from_secs(30);
/// How often it is renewed.
const RENEWAL: Duration = Duration::from_secs(10);
/// How soon that is tried again when the store does not answer.
const RETRY: Duration = Duration::from_secs(1);

/// Until when an issue is surely ours.
#[derive(Debug)]
pub struct Lease {
    /// `None`: for ever.
    until: Mutex<Option<Instant>>,
}

impl Lease {
    /// The lease of a claim that was just made.
    #[must_use]
    pub fn of(claim: &Claim) -> Self {
        Self { until: Mutex::new(Some(claim.ours_until)) }
    }

    /// For a look that needs no claim: nobody else is there, or nothing is written.
    #[must_use]
    pub fn without_end() -> Self {
        Self { until: Mutex::new(None) }
    }

    /// To be asked right before each write.
    ///
    /// # Errors
    /// [`Failure::LeaseLost`] if the issue may be somebody else's by now.
    pub fn check(&self) -> Result<(), Failure> {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        if until.is_none_or(|until| Instant::now() < until) { Ok(()) } else { Err(Failure::LeaseLost) }
    }

    /// Works on a claimed issue for as long as it is ours, and breaks off when it is not.
    ///
    /// # Errors
    /// Those of the work, and [`Failure::LeaseLost`].
    pub async fn guard<T, E: From<Failure>>(
        &self,
        store: &Store,
        claim: &Claim,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        // Asked each time before the work goes on: this process may have been stopped at any moment.
        let ended = poll_fn(|_| if self.check().is_err() { Poll::Ready(()) } else { Poll::Pending });
        tokio::select! {
            biased;
            () = ended => Err(Failure::LeaseLost.into()),
            () = self.renew(store, claim) => Err(Failure::LeaseLost.into()),
            done = work => done,
        }
    }

    /// Renews the lease until it is lost.
    async fn renew(&self, store: &Store, claim: &Claim) {
        let mut pause = RENEWAL;
        loop {
            tokio::time::sleep(pause).await;
            let asked = Instant::now();
            pause = match store.renew(claim, clock::now(), LEASE).await {
                Ok(true) => {
                    *self.until.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked + LEASE);
                    RENEWAL
                }
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(issue = %claim.issue, %error, "cannot renew a lease; trying again");
                    RETRY
                }
            };
            if self.check().is_err() {
                return;
            }
        }
    }
}
