//! The queue of keys: which issues to look at, one row per issue, however often it was marked.

use std::time::Duration;

use super::followed::Left;
use super::{Engine, Error, Store};
use crate::calculator::issue::Glimpse;
use crate::clock::Millis;
use crate::trace_parent::TraceParent;

/// What a mark came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marked {
    /// The issue will be looked at; durable.
    Queued,
    /// The body shows the issue as Escalator left it.
    Unchanged,
    /// Neither followed nor from any source.
    Irrelevant,
}

/// How much waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// Issues waiting or being worked on.
    pub waiting: u64,
    /// Issues parked.
    pub parked: u64,
    /// Since when the oldest waits.
    pub oldest_marked_at: Option<Millis>,
}

impl Store {
    /// Notes that an issue must be looked at, unless the glimpse shows that nothing relevant changed. The trace of the
    /// delivery that told so goes with it, to whoever claims the issue.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn mark(
        &self,
        glimpse: Glimpse,
        trace: Option<TraceParent>,
        now: Millis,
    ) -> Result<Marked, Error> {
        let marked = match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.mark(glimpse, trace, now).await,
            Engine::Postgres(postgres) => postgres.mark(glimpse, trace, now).await,
        };
        if marked == Ok(Marked::Queued) {
            self.marked.notify_one();
        }
        marked
    }

    /// Waits until an issue is marked.
    pub async fn until_marked(&self) {
        self.marked.notified().await;
    }

    /// How long a worker that found nothing may sleep although nobody wakes it. Another replica's mark may not be heard.
    #[must_use]
    pub fn longest_sleep(&self) -> Duration {
        match &self.engine {
            Engine::Sqlite(_) => Duration::from_secs(5),
            Engine::Postgres(_) => Duration::from_secs(1),
        }
    }

    /// How much waits, for metrics.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it could not be read.
    pub async fn depth(&self) -> Result<Depth, Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.depth().await,
            Engine::Postgres(postgres) => postgres.depth().await,
        }
    }
}

/// What a glimpse asks of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing: all is as it has to be.
    None(Marked),
    /// Another run after the one that is under way.
    OnceMore,
    /// A place in the queue.
    Insert,
}

/// Where in the queue an issue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Waiting,
    Claimed,
    Parked,
}

/// All that a glimpse of an issue has to be compared with.
pub(super) struct Standing {
    pub place: Option<Place>,
    /// How it was left, if it is followed.
    pub left: Option<Left>,
}

impl Standing {
    /// Compares a glimpse with what is there.
    pub fn step(&self, glimpse: &Glimpse) -> Result<Step, Error> {
        match self.place {
            Some(Place::Waiting) => return Ok(Step::None(Marked::Queued)),
            Some(Place::Claimed) => return Ok(Step::OnceMore),
            // A parked issue is like one that nobody marked: a relevant change brings it back.
            Some(Place::Parked) | None => {}
        }
        Ok(match &self.left {
            Some(left) if !left.differs(glimpse)? => Step::None(Marked::Unchanged),
            None if !glimpse.may_have_source => Step::None(Marked::Irrelevant),
            Some(_) | None => Step::Insert,
        })
    }
}
