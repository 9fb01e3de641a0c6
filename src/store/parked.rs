//! Parked issues: what could not be done and why, for people to look at and to decide about.

use super::{Engine, Error, Store};
use crate::calculator::issue::IssueRef;
use crate::clock::Millis;

/// An issue that waits for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// Which issue.
    pub issue: IssueRef,
    /// Why, and what to do.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Since when it is parked.
    pub parked_at: Millis,
}

impl Store {
    /// Every parked issue, the longest parked first.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if they could not be read.
    pub async fn parked(&self) -> Result<Vec<Parked>, Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.parked().await,
            Engine::Postgres(postgres) => postgres.parked().await,
        }
    }

    /// Puts a parked issue back into the queue, due at once, its attempts forgotten. Returns whether it was parked.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn retry_parked(&self, issue: IssueRef, now: Millis) -> Result<bool, Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.retry_parked(issue, now).await,
            Engine::Postgres(postgres) => postgres.retry_parked(issue, now).await,
        }
    }

    /// Forgets that a parked issue was to be looked at. Returns whether it was parked. It comes back when it changes.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn drop_parked(&self, issue: IssueRef) -> Result<bool, Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.drop_parked(issue).await,
            Engine::Postgres(postgres) => postgres.drop_parked(issue).await,
        }
    }
}
