//! The worker: claim an issue, look at it, write the difference, done.
//!
//! Never decides what an issue is worth (that is `calculator`), never knows how GitLab spells things (`gitlab`), and
//! never keeps a claim past its lease.

mod after_failure;
mod desk;
mod gate;
mod look;
mod note;
mod scribe;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::{self, Millis};
use crate::store::{Claim, Claimed, Release, Store};

pub use after_failure::{Failure, Next, RetryPolicy, after_failure};
pub use desk::Desk;
pub use gate::Gate;
pub use look::{Changes, Look, Written};
pub use scribe::Scribe;

/// How long a claim is ours. Longer than [`LONGEST_LOOK`], so that nobody else starts while we are still at it.
const LEASE: Duration = Duration::from_secs(300);
/// A look that takes longer is given up and tried again.
pub const LONGEST_LOOK: Duration = Duration::from_secs(240);
/// A sleeping worker looks at the queue at least this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);
/// How long to wait when the store does not answer.
const STORE_PAUSE: Duration = Duration::from_secs(2);

/// Works on one issue after the other.
#[derive(Clone)]
pub struct Worker {
    /// Where the keys are.
    pub store: Store,
    /// Does the looking.
    pub desk: Arc<Desk>,
    /// Holds all workers back while GitLab wants no calls.
    pub gate: Arc<Gate>,
    /// What to do when it fails.
    pub retry: RetryPolicy,
}

impl Worker {
    /// Works until told to stop; what is in hand then is finished first.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let pass = tokio::select! {
                pass = self.gate.pass() => pass,
                _ = stop.changed() => break,
            };
            match self.store.claim(clock::now(), LEASE).await {
                Ok(Claimed::Issue(claim)) => {
                    self.work(claim).await;
                    pass.used();
                }
                Ok(Claimed::Nothing { next_due_at }) => {
                    drop(pass);
                    self.sleep(next_due_at, &mut stop).await;
                }
                Err(error) => {
                    tracing::error!(%error, "cannot claim work; trying again");
                    tokio::select! {
                        () = tokio::time::sleep(STORE_PAUSE) => {}
                        _ = stop.changed() => {}
                    }
                }
            }
        }
    }

    async fn sleep(&self, next_due_at: Option<Millis>, stop: &mut watch::Receiver<bool>) {
        let until_due = next_due_at.map_or(LONGEST_SLEEP, |due_at| {
            Duration::from_millis(u64::try_from(due_at.0 - clock::now().0).unwrap_or(0))
        });
        tokio::select! {
            () = self.store.until_marked() => {}
            () = tokio::time::sleep(until_due.min(LONGEST_SLEEP)) => {}
            _ = stop.changed() => {}
        }
    }

    /// Looks at a claimed issue and ends the claim, one way or another.
    pub async fn work(&self, claim: Claim) {
        let release = self.attempt(claim).await;
        self.finish(claim, release).await;
    }

    /// Looks at a claimed issue. Returns how the claim is to end.
    pub async fn attempt(&self, claim: Claim) -> Release {
        let looked = if claim.attempts > self.retry.max_attempts {
            Err(Failure::TooManyAttempts)
        } else {
            tokio::time::timeout(LONGEST_LOOK, self.desk.look(claim.issue))
                .await
                .unwrap_or(Err(Failure::TookTooLong))
        };
        match looked {
            Ok(look) => Release::Done(look.record(self.desk.mode).map(Box::new)),
            Err(failure) => self.react(claim, &failure),
        }
    }

    fn react(&self, claim: Claim, failure: &Failure) -> Release {
        let (issue, attempts) = (claim.issue, claim.attempts);
        match after_failure(failure, attempts, &self.retry) {
            Next::Retry(delay) => {
                tracing::warn!(%issue, attempts, ?delay, error = %failure, "could not look at an issue; trying again");
                Release::Retry(delay)
            }
            Next::PauseAll(pause) => {
                tracing::warn!(%issue, ?pause, error = %failure, "all work in GitLab pauses");
                self.gate.pause(pause);
                Release::Paused
            }
            Next::Park => {
                metrics::counter!("escalator_parked_total").increment(1);
                tracing::error!(%issue, attempts, error = %failure, "parked an issue; it waits until it changes again");
                Release::Parked { reason: failure.to_string() }
            }
            Next::Drop => {
                tracing::info!(%issue, error = %failure, "dropped an issue");
                Release::Dropped
            }
        }
    }

    /// Ends the claim. While the store does not answer it is tried again until the lease has ended by itself.
    async fn finish(&self, claim: Claim, release: Release) {
        for _ in 0..LEASE.as_secs() / STORE_PAUSE.as_secs() {
            match self.store.finish(claim, release.clone(), clock::now()).await {
                Ok(true) => return,
                Ok(false) => {
                    tracing::warn!(issue = %claim.issue, "somebody else took over an issue; ours is not recorded");
                    return;
                }
                Err(error) => {
                    tracing::error!(issue = %claim.issue, %error, "cannot record work; trying again");
                    tokio::time::sleep(STORE_PAUSE).await;
                }
            }
        }
    }
}
