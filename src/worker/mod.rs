//! The worker: claim an issue, look at it, write the difference, done.
//!
//! Never decides what an issue is worth (that is `calculator`), never knows how GitLab spells things (`gitlab`), and
//! never keeps a claim past its lease.

mod after_failure;
mod clerk;
mod desk;
mod duty;
mod errand;
mod gate;
mod lease;
mod look;
mod note;
mod own_users;
mod policy_watch;
mod record;
mod scribe;
mod token_watch;
mod writes;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tracing::{Instrument, Span};

use crate::clock::{self, Millis};
use crate::spans;
use crate::store::{Claim, Claimed, Release, Store};

pub use after_failure::{Failure, Next, RetryPolicy, after_failure};
pub use clerk::Clerk;
pub use desk::Desk;
pub use duty::on_duty;
pub use gate::{Gate, Pause, PauseReason};
pub use lease::{LEASE, Lease};
pub use look::{Changes, Look, Written};
pub use own_users::own_users;
pub use policy_watch::PolicyWatch;
pub use scribe::Scribe;
pub use token_watch::TokenWatch;

/// A look that takes longer is given up and tried again.
pub const LONGEST_LOOK: Duration = Duration::from_secs(240);
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
                Ok(Claimed::Paused { until }) => {
                    drop(pass);
                    let reason = PauseReason::Throttled;
                    self.gate.pause(Pause { reason, length: time_until(until) });
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
        let longest = self.store.longest_sleep();
        let until_due = next_due_at.map_or(longest, time_until);
        tokio::select! {
            () = self.store.until_marked() => {}
            () = tokio::time::sleep(until_due.min(longest)) => {}
            _ = stop.changed() => {}
        }
    }

    /// Looks at a claimed issue and ends the claim, one way or another.
    pub async fn work(&self, claim: Claim) {
        let busy = metrics::gauge!("escalator_workers_busy");
        busy.increment(1);
        if let Some(trace) = claim.trace.filter(|_| claim.attempts == 1) {
            spans::waited(trace, claim.marked_at, clock::now());
        }
        let span = spans::look(claim.issue, claim.attempts, claim.trace);
        self.look(claim, &span).instrument(span.clone()).await;
        busy.decrement(1);
    }

    async fn look(&self, claim: Claim, span: &Span) {
        let Some(release) = self.attempt(claim).await else { return };
        span.record("outcome", release.name());
        let done = matches!(release, Release::Done(_));
        if self.finish(claim, release).instrument(spans::record()).await && done {
            let waited = u64::try_from(clock::now().0 - claim.marked_at.0).unwrap_or(0);
            metrics::histogram!("escalator_time_to_assessed_seconds").record(Duration::from_millis(waited));
        }
    }

    /// Looks at a claimed issue. Returns how the claim is to end, if it is still ours.
    pub async fn attempt(&self, claim: Claim) -> Option<Release> {
        let started = Instant::now();
        let looked = if claim.attempts > self.retry.max_attempts {
            Err(Failure::TooManyAttempts)
        } else {
            let lease = Lease::of(&claim);
            let looking = lease.guard(&self.store, self.desk.look(claim.issue, &lease));
            tokio::time::timeout(LONGEST_LOOK, looking).await.unwrap_or(Err(Failure::TookTooLong))
        };
        metrics::histogram!("escalator_assessment_duration_seconds").record(started.elapsed());
        match looked {
            Ok(look) => Some(Release::Done(look.record(self.desk.mode).map(Box::new))),
            Err(failure) => {
                spans::failed(&Span::current());
                self.react(claim, &failure).await
            }
        }
    }

    async fn react(&self, claim: Claim, failure: &Failure) -> Option<Release> {
        let (issue, attempts) = (claim.issue, claim.attempts);
        let next = after_failure(failure, attempts, &self.retry);
        metrics::counter!("escalator_assessment_failures_total", "reaction" => next.name()).increment(1);
        match next {
            Next::Retry(delay) => {
                tracing::warn!(%issue, attempts, ?delay, error = %failure, "could not look at an issue; trying again");
                Some(Release::Retry(delay))
            }
            Next::PauseAll(pause) => {
                pause.tell(issue, failure);
                self.gate.pause_everywhere(pause, &self.store).await;
                Some(Release::Paused)
            }
            Next::Park => {
                metrics::counter!("escalator_parked_total").increment(1);
                tracing::error!(%issue, attempts, error = %failure, "parked an issue; it waits until it changes again");
                Some(Release::Parked { reason: failure.to_string() })
            }
            Next::Drop => {
                tracing::info!(%issue, error = %failure, "dropped an issue");
                Some(Release::Dropped)
            }
            Next::Leave => {
                tracing::warn!(%issue, "broke off a look; another replica may have taken the issue over");
                None
            }
        }
    }

    /// Ends the claim. While the store does not answer it is tried again until the lease has ended by itself. Returns
    /// whether the end is recorded.
    async fn finish(&self, claim: Claim, release: Release) -> bool {
        for _ in 0..LEASE.as_secs() / STORE_PAUSE.as_secs() {
            match self.store.finish(claim, release.clone(), clock::now()).await {
                Ok(true) => return true,
                Ok(false) => {
                    tracing::warn!(issue = %claim.issue, "somebody else took over an issue; ours is not recorded");
                    return false;
                }
                Err(error) => {
                    tracing::error!(issue = %claim.issue, %error, "cannot record work; trying again");
                    tokio::time::sleep(STORE_PAUSE).await;
                }
            }
        }
        false
    }
}

fn time_until(moment: Millis) -> Duration {
    Duration::from_millis(u64::try_from(moment.0 - clock::now().0).unwrap_or(0))
}
