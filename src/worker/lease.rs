//! The lease of what is ours for a while, a claimed issue or a duty, renewed as long as somebody works on it. Whoever lost
//! it, or was stopped until after its end, writes nothing any more: another replica may be at it.
//!
//! Before each write two are asked, because neither is enough. The store knows who has it, whatever clocks say: those of
//! replicas may differ, and that of a machine that was paused may have stood still. Our own clock knows whether anybody
//! may have taken it over since the store was asked.

use std::future::{pending, poll_fn};
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use super::after_failure::Failure;
use crate::calculator::issue::IssueRef;
use crate::clock;
use crate::store::{Claim, Duty, Held, Store, Write};

/// How long something is ours unless it is renewed: so soon others go on with what a dead replica had in hand.
pub const LEASE: Duration = Duration::from_secs(30);
/// How often it is renewed.
const RENEWAL: Duration = Duration::from_secs(10);
/// How soon that is tried again when the store does not answer.
const RETRY: Duration = Duration::from_secs(1);

/// What is ours, and until when surely. `None`: nothing has to be.
#[derive(Debug)]
pub struct Lease(Option<Term>);

#[derive(Debug)]
struct Term {
    held: Held,
    /// By a clock that nobody sets.
    until: Mutex<Instant>,
}

impl Lease {
    /// The lease of a claim that was just made.
    #[must_use]
    pub fn of(claim: &Claim) -> Self {
        Self::until(Held::Claim(*claim), claim.ours_until)
    }

    /// The lease of a duty that was asked for at that moment, and is ours.
    #[must_use]
    pub fn of_duty(duty: Duty, asked: Instant) -> Self {
        Self::until(Held::Duty(duty), asked + LEASE)
    }

    /// For a look that needs no claim: nobody else is there, or nothing is written.
    #[must_use]
    pub fn without_end() -> Self {
        Self(None)
    }

    fn until(held: Held, until: Instant) -> Self {
        Self(Some(Term { held, until: Mutex::new(until) }))
    }

    /// To be called right before each write, which the ledger then knows of whatever happens. Asks our own clock last,
    /// because noting takes time.
    ///
    /// # Errors
    /// [`Failure::LeaseLost`] if it may be somebody else's by now, and those of [`Store::intend`]: then nothing may be
    /// written.
    pub async fn intend(&self, store: &Store, issue: IssueRef, writes: Vec<Write>) -> Result<(), Failure> {
        let held = self.0.as_ref().map(|term| term.held);
        if store.intend(issue, writes, held, clock::now()).await? {
            self.check()
        } else {
            Err(Failure::LeaseLost)
        }
    }

    /// To be asked right before a write of which no ledger knows.
    ///
    /// # Errors
    /// [`Failure::LeaseLost`] if it may be somebody else's by now.
    pub fn check(&self) -> Result<(), Failure> {
        if self.0.as_ref().is_none_or(Term::lasts) { Ok(()) } else { Err(Failure::LeaseLost) }
    }

    /// Works for as long as it is ours, and breaks off when it is not.
    ///
    /// # Errors
    /// Those of the work, and [`Failure::LeaseLost`].
    pub async fn guard<T, E: From<Failure>>(
        &self,
        store: &Store,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        // Asked each time before the work goes on: this process may have been stopped at any moment.
        let ended = poll_fn(|_| if self.check().is_err() { Poll::Ready(()) } else { Poll::Pending });
        tokio::select! {
            biased;
            () = ended => Err(Failure::LeaseLost.into()),
            () = self.renew(store) => Err(Failure::LeaseLost.into()),
            done = work => done,
        }
    }

    /// Renews the lease until it is lost.
    async fn renew(&self, store: &Store) {
        match &self.0 {
            Some(term) => term.renew(store).await,
            None => pending().await,
        }
    }
}

impl Term {
    fn lasts(&self) -> bool {
        Instant::now() < *self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn renew(&self, store: &Store) {
        let mut pause = RENEWAL;
        loop {
            tokio::time::sleep(pause).await;
            let asked = Instant::now();
            pause = match store.renew(self.held, clock::now(), LEASE).await {
                Ok(true) => {
                    *self.until.lock().unwrap_or_else(PoisonError::into_inner) = asked + LEASE;
                    RENEWAL
                }
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(held = %self.held, %error, "cannot renew a lease; trying again");
                    RETRY
                }
            };
            if !self.lasts() {
                return;
            }
        }
    }
}
