//! What a long walk through GitLab needs: it waits out what passes, and ends early when it is told to, or when writing is
//! stopped, which only a person lifts.

use std::time::Duration;

use anyhow::anyhow;
use tokio::sync::watch;

use super::CommandError;
use super::progress::Progress;
use super::signals::StopSignals;
use crate::calculator::issue::IssueRef;
use crate::clock;
use crate::config::settings::Mode;
use crate::store::{self, Claim, Store};
use crate::worker::{
    Failure, Gate, LEASE, LONGEST_LOOK, Next, Pause, PauseReason, RetryPolicy, after_failure,
};

/// How soon to ask again for an issue that a replica is working on.
const TAKEN_PAUSE: Duration = Duration::from_secs(1);

/// Waits out what passes.
pub(super) struct Patience {
    /// Closed while GitLab wants no calls.
    pub gate: Gate,
    /// What a failure means.
    pub retry: RetryPolicy,
    /// Where other replicas are told of a pause, unless this is a dry run.
    pub store: Store,
    /// Whether anything is written.
    pub mode: Mode,
    /// Who is told how far it came.
    pub progress: Progress,
    /// Why to end before the end, once that is so.
    pub interrupted: watch::Sender<Option<Interruption>>,
}

/// Why a walk ends before its end.
#[derive(Debug, Clone)]
pub(super) enum Interruption {
    /// A person asked for it.
    Signal,
    /// Nothing may be written until a person lifts that.
    WritingStopped(Failure),
}

/// Why something was not done.
pub(super) enum Undone {
    /// The walk was interrupted.
    Stopped,
    /// Gone from GitLab, or never there.
    Gone,
    Failed(Failure),
}

impl From<Failure> for Undone {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<store::Error> for Undone {
    fn from(error: store::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Patience {
    /// Works until the end or until told to stop; told twice, it stops at once.
    pub async fn until_ended_or_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, CommandError> {
        let mut signals = StopSignals::listen()?;
        let mut work = std::pin::pin!(work);
        tokio::select! {
            ended = &mut work => return Ok(ended),
            () = signals.requested() => {}
        }
        self.progress.say("stopping: finishing what is in hand; a second signal stops at once");
        self.interrupt(Interruption::Signal);
        tokio::select! {
            ended = &mut work => Ok(ended),
            () = signals.requested() => Err(anyhow!("stopped at once").into()),
        }
    }

    /// Claims an issue, which keeps replicas away from it, as soon as nobody else is working on it.
    pub async fn claim(&self, issue: IssueRef) -> Result<Claim, Undone> {
        let mut told = false;
        loop {
            if let Some(claim) = self.store.claim_issue(issue, clock::now(), LEASE).await? {
                return Ok(claim);
            }
            if !std::mem::replace(&mut told, true) {
                self.progress.say(&format!("waiting for {issue}, which another escalator is working on"));
            }
            tokio::select! {
                () = tokio::time::sleep(TAKEN_PAUSE) => {}
                () = self.until_stopped() => return Err(Undone::Stopped),
            }
        }
    }

    /// Tries until it is done, fails for good, or is told to stop.
    pub async fn persist<T>(
        &self,
        mut attempt: impl AsyncFnMut() -> Result<T, Failure>,
    ) -> Result<T, Undone> {
        let mut attempts = 0;
        loop {
            let pass = tokio::select! {
                pass = self.gate.pass() => pass,
                () = self.until_stopped() => return Err(Undone::Stopped),
            };
            attempts += 1;
            let done = tokio::time::timeout(LONGEST_LOOK, attempt()).await;
            let failure = match done.unwrap_or(Err(Failure::TookTooLong)) {
                Ok(done) => {
                    pass.used();
                    return Ok(done);
                }
                Err(failure) => failure,
            };
            let next = after_failure(&failure, attempts, &self.retry);
            if let Next::PauseAll(Pause { reason: PauseReason::Stopped, .. }) = next {
                // It lasts until a person lifts it, and whoever stopped writing may be waiting for what is claimed here.
                self.interrupt(Interruption::WritingStopped(failure));
                return Err(Undone::Stopped);
            }
            if let Next::PauseAll(pause) = next {
                self.progress.say(&format!("{failure}; pausing for {} s", pause.length.as_secs()));
                match self.mode {
                    Mode::Live | Mode::Shadow => self.gate.pause_everywhere(pause, &self.store).await,
                    Mode::DryRun => self.gate.pause(pause),
                }
                attempts -= 1;
            }
            pass.used();
            match next {
                Next::PauseAll(_) => {}
                Next::Retry(delay) => {
                    // Often enough that nobody wonders, and not a line for each of hours of retries.
                    if attempts.is_power_of_two() {
                        self.progress.say(&format!("{failure}; trying again"));
                    }
                    tokio::select! {
                        () = tokio::time::sleep(delay) => {}
                        () = self.until_stopped() => return Err(Undone::Stopped),
                    }
                }
                Next::Park | Next::Leave => return Err(Undone::Failed(failure)),
                Next::Drop => return Err(Undone::Gone),
            }
        }
    }

    /// Whether the walk is to end with what is in hand.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted.borrow().is_some()
    }

    /// The first one is why.
    fn interrupt(&self, why: Interruption) {
        self.interrupted.send_if_modified(|interrupted| {
            let first = interrupted.is_none();
            interrupted.get_or_insert(why);
            first
        });
    }

    async fn until_stopped(&self) {
        // The sender is ours, so it is still there.
        let mut interrupted = self.interrupted.subscribe();
        let _told = interrupted.wait_for(Option::is_some).await;
    }
}
