//! How far the walks along GitLab's lists have come, so that none starts over.

use super::{Engine, Error, Store};
use crate::calculator::issue::Moment;

/// Who walks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walk {
    /// By the time of change, again and again.
    Sweep,
    /// The same in a dry run, which leaves its changes for a live sweep to make.
    DryRunSweep,
    /// By the time of creation, once.
    Backfill,
    /// Along the notes: nothing written before the first start is ever a command.
    Commands,
    /// Along the failed deliveries of a webhook, again and again.
    Recovery,
    /// Along the followed issues, once for each policy.
    Policy,
}

impl Walk {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sweep => "sweep",
            Self::DryRunSweep => "dry-run sweep",
            Self::Backfill => "backfill",
            Self::Commands => "commands",
            Self::Recovery => "recovery",
            Self::Policy => "policy",
        }
    }
}

impl Store {
    /// Up to when a place was walked, by GitLab's clock; `None` if never.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it could not be read.
    pub async fn watermark(&self, walk: Walk, place: &str) -> Result<Option<Moment>, Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.watermark(walk, place).await,
            Engine::Postgres(postgres) => postgres.watermark(walk, place).await,
        }
    }

    /// Keeps up to when a place was walked.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn keep_watermark(&self, walk: Walk, place: &str, at: Moment) -> Result<(), Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.keep_watermark(walk, place, at).await,
            Engine::Postgres(postgres) => postgres.keep_watermark(walk, place, at).await,
        }
    }

    /// Keeps from when on a place is walked, unless that is known already. Returns what is kept.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn keep_first_watermark(&self, walk: Walk, place: &str, at: Moment) -> Result<Moment, Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.keep_first_watermark(walk, place, at).await,
            Engine::Postgres(postgres) => postgres.keep_first_watermark(walk, place, at).await,
        }
    }

    /// Forgets how far a place was walked, whatever a name adds to it after a space: the walk is over, and another one
    /// begins at the beginning.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn forget_watermark(&self, walk: Walk, place: &str) -> Result<(), Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.forget_watermark(walk, place).await,
            Engine::Postgres(postgres) => postgres.forget_watermark(walk, place).await,
        }
    }
}
