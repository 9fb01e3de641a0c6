//! Stops: nothing is written to GitLab, or to one issue, until a person lifts them.
//!
//! Kept for ever, like what is written; only that a stop was lifted is ever added to it.

use std::fmt;

use super::{Engine, Error, Store};
use crate::calculator::issue::IssueRef;
use crate::calculator::label::Label;
use crate::clock::Millis;

/// A stop that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// To which issue nothing is written; `None`: to none at all.
    pub issue: Option<IssueRef>,
    /// Since when.
    pub at: Millis,
    /// Why.
    pub reason: StopReason,
}

/// Why writing stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// There were more writes within a minute than are allowed.
    TooManyWrites {
        /// How many are.
        fuse: u32,
    },
    /// This label was put on and taken off again and again.
    LabelFlaps(Label),
    /// A person took back what was written.
    Undo,
}

impl Stop {
    /// How far stops reach, in words for metrics.
    pub const SCOPES: [&'static str; 2] = ["service", "issue"];

    /// Whether it keeps us from writing to this issue.
    #[must_use]
    pub fn holds(&self, issue: IssueRef) -> bool {
        self.issue.is_none_or(|stopped| stopped == issue)
    }

    /// One of the words for how far it reaches.
    #[must_use]
    pub fn scope(&self) -> &'static str {
        let [service, issue] = Self::SCOPES;
        if self.issue.is_some() { issue } else { service }
    }

    /// The command that lifts it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self.issue {
            Some(issue) => format!("escalator resume {issue}"),
            None => "escalator resume".to_owned(),
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("writing")?;
        if let Some(issue) = self.issue {
            write!(formatter, " to {issue}")?;
        }
        write!(formatter, " is stopped since {}, because {}", self.at, self.reason)
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyWrites { fuse } => {
                write!(formatter, "there were more than {fuse} writes within a minute")
            }
            Self::LabelFlaps(label) => {
                write!(formatter, "the label {:?} was put on and taken off again and again", label.title())
            }
            Self::Undo => formatter.write_str("what was written was taken back"),
        }
    }
}

impl StopReason {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::TooManyWrites { .. } => "too many writes",
            Self::LabelFlaps(_) => "label flaps",
            Self::Undo => "undo",
        }
    }

    pub(super) fn fuse(&self) -> Option<u32> {
        match self {
            Self::TooManyWrites { fuse } => Some(*fuse),
            Self::LabelFlaps(_) | Self::Undo => None,
        }
    }

    pub(super) fn label(&self) -> Option<&str> {
        match self {
            Self::LabelFlaps(label) => Some(label.title()),
            Self::TooManyWrites { .. } | Self::Undo => None,
        }
    }
}

impl Store {
    /// Every stop that holds, the longest first.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if they could not be read.
    pub async fn stops(&self) -> Result<Vec<Stop>, Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.stops().await,
            Engine::Postgres(postgres) => postgres.stops().await,
        }
    }

    /// Asks before a write that no ledger knows. What the ledger knows is asked about by [`Store::intend`].
    ///
    /// # Errors
    /// [`Error::Stopped`] if nothing may be written to the issue.
    pub async fn may_write(&self, issue: IssueRef) -> Result<(), Error> {
        match self.stops().await?.into_iter().find(|stop| stop.holds(issue)) {
            Some(stop) => Err(Error::Stopped(stop)),
            None => Ok(()),
        }
    }

    /// Stops writing to an issue, or to all; what is being written just now may still arrive.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn stop_writing(
        &self,
        issue: Option<IssueRef>,
        reason: StopReason,
        now: Millis,
    ) -> Result<(), Error> {
        let stop = Stop { issue, at: now, reason };
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.stop_writing(stop).await,
            Engine::Postgres(postgres) => postgres.stop_writing(&stop).await,
        }
    }

    /// Lifts the stops of an issue, or every stop there is, and has the issues looked at for which there was one. Returns
    /// those that were lifted.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn resume(&self, issue: Option<IssueRef>, now: Millis) -> Result<Vec<Stop>, Error> {
        let lifted = match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.resume(issue, now).await?,
            Engine::Postgres(postgres) => postgres.resume(issue, now).await?,
        };
        self.marked.notify_one();
        Ok(lifted)
    }
}

/// The row of a stop.
pub(super) struct Row {
    pub issue: Option<IssueRef>,
    pub stopped_at: i64,
    pub reason: String,
    pub fuse: Option<u32>,
    pub label: Option<String>,
}

impl Row {
    pub fn stop(self) -> Result<Stop, Error> {
        let reason = match (self.reason.as_str(), self.fuse, self.label) {
            ("too many writes", Some(fuse), _) => StopReason::TooManyWrites { fuse },
            ("label flaps", _, Some(title)) => StopReason::LabelFlaps(Label::new(&title)),
            ("undo", _, _) => StopReason::Undo,
            (word, _, _) => return Err(Error::Corrupt(format!("an unknown word, {word:?}"))),
        };
        Ok(Stop { issue: self.issue, at: Millis(self.stopped_at), reason })
    }
}
