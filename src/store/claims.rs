//! Claims: an issue is taken out of the queue for as long as a lease, and comes back or goes for good.
//!
//! A mark during a run raises the generation, and finishing frees the row for another run instead of deleting it; so no
//! change is lost and none is worked on twice at the same time. A claim carries a token that only its holder knows: who
//! comes back late with an old token changes nothing.

use std::time::{Duration, Instant};

use super::followed::Record;
use super::{Engine, Error, Store};
use crate::calculator::issue::IssueRef;
use crate::clock::Millis;
use crate::trace_parent::TraceParent;

/// An issue that was marked while it was worked on runs again, but not at once: a burst of events ends in one run.
pub(super) const SETTLE: Duration = Duration::from_millis(800);
/// Nobody marks an issue in the future. One that was, by a clock that was ahead and has been set right since, is due at
/// once instead of then; by less it may be another replica's, whose clock need not agree to the second.
pub(super) const MOST_AHEAD: Duration = Duration::from_secs(10);

/// An issue that is ours to work on until the lease ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Which issue.
    pub issue: IssueRef,
    /// Proves that the claim is still ours.
    pub(super) token: i64,
    /// How often it was claimed since it was last done, this time included.
    pub attempts: u32,
    /// Since when it waits.
    pub marked_at: Millis,
    /// The trace of the delivery that marked it.
    pub trace: Option<TraceParent>,
    /// Until then it is surely ours, by a clock that nobody sets: counted from before the store was asked, which may take a
    /// while to answer.
    pub ours_until: Instant,
}

/// What asking for work came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// This one.
    Issue(Claim),
    /// No replica calls GitLab until then.
    Paused {
        /// When that is over.
        until: Millis,
    },
    /// Nothing is due; the next one is then, if any.
    Nothing {
        /// When the next issue becomes due.
        next_due_at: Option<Millis>,
    },
}

/// How a claim ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Release {
    /// Looked at; this is how it was left. `None`: nothing worth following.
    Done(Option<Box<Record>>),
    /// Gone from GitLab.
    Dropped,
    /// Failed; again after this long.
    Retry(Duration),
    /// Not its fault: all work in GitLab pauses. Due at once, for whoever works first; the attempt does not count.
    Paused,
    /// Failed for good, until somebody acts or the issue changes again.
    Parked {
        /// Why and what to do, in one line.
        reason: String,
    },
}

impl Release {
    /// One word for it, for traces.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Dropped => "dropped",
            Self::Retry(_) => "retry",
            Self::Paused => "paused",
            Self::Parked { .. } => "parked",
        }
    }
}

impl Store {
    /// Takes the issue that has been due longest, for as long as the lease.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the claim could not be made durable.
    pub async fn claim(&self, now: Millis, lease: Duration) -> Result<Claimed, Error> {
        let ours_until = Instant::now() + lease;
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.claim(now, lease, ours_until).await,
            Engine::Postgres(postgres) => {
                let claimed = postgres.claim(now, lease, ours_until).await;
                // A batch of marks, or another replica's message, wakes one; as long as there is work, each wakes the next.
                if matches!(claimed, Ok(Claimed::Issue(_))) {
                    self.marked.notify_one();
                }
                claimed
            }
        }
    }

    /// Takes one issue, whether it waits, is parked or was never marked. `None` if somebody is working on it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the claim could not be made durable.
    pub async fn claim_issue(
        &self,
        issue: IssueRef,
        now: Millis,
        lease: Duration,
    ) -> Result<Option<Claim>, Error> {
        let ours_until = Instant::now() + lease;
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.claim_issue(issue, now, lease, ours_until).await,
            Engine::Postgres(postgres) => postgres.claim_issue(issue, now, lease, ours_until).await,
        }
    }

    /// Lets no replica call GitLab until then. One process alone remembers that by itself.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn pause(&self, until: Millis) -> Result<(), Error> {
        match &self.engine {
            Engine::Sqlite(_) => Ok(()),
            Engine::Postgres(postgres) => postgres.pause(until).await,
        }
    }

    /// Ends a claim. Returns whether it was still ours; if not, nothing was changed.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it could not be made durable: the lease will end by itself.
    pub async fn finish(&self, claim: Claim, release: Release, now: Millis) -> Result<bool, Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.finish(claim, release, now).await,
            Engine::Postgres(postgres) => postgres.finish(claim, release, now).await,
        }
    }
}
