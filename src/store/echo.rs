//! Echoes: webhooks that tell of what Escalator did itself.
//!
//! Nearly always they show an issue as Escalator left it, or as it is leaving it right now, and nothing follows. But a
//! write that timed out can be done by GitLab much later, when the retry has long written again: then the echo shows
//! a second comment, or a comment or labels that were right once. Nobody else tells, so echoes are not thrown away.

use super::followed::NoteRef;
use super::queue::Marked;
use super::{Engine, Error, Store};
use crate::calculator::issue::Glimpse;
use crate::clock::Millis;

/// What an echo shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Echo {
    /// The issue.
    pub glimpse: Glimpse,
    /// A comment of ours, if it tells of one.
    pub note: Option<NoteRef>,
}

/// What the echoes that were heard during a piece of work showed, other than how that work left the issue.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Differences {
    /// A second comment, or another text of the first.
    pub comment: bool,
    /// Other labels: a write of long ago was done only now, or somebody else's hand, whose own webhook may come later.
    pub labels: bool,
}

impl Store {
    /// Notes that an issue must be looked at if an echo shows it other than Escalator left it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn hear(&self, echo: Echo, now: Millis) -> Result<Marked, Error> {
        let heard = match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.hear(echo, now).await,
            // Apart, because every delivery's future has room for it and is moved several times.
            Engine::Postgres(postgres) => Box::pin(postgres.hear(echo, now)).await,
        };
        if heard == Ok(Marked::Queued) {
            self.marked.notify_one();
        }
        heard
    }
}
