//! The ledger of writes: everything that Escalator changed in GitLab, appended and never changed.
//!
//! What is about to be written is noted before GitLab is asked, and what was written together with how the issue was left,
//! or with the command that it was for. So a write is in the ledger even if the process died before it heard of GitLab's answer. Never holds a body.

use super::{Engine, Error, Held, Store};
use crate::calculator::issue::IssueRef;
use crate::calculator::label::Label;
use crate::clock::Millis;

/// What is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// A label was put on the issue.
    LabelAdded(Label),
    /// A label was taken off.
    LabelRemoved(Label),
    /// A comment is new. Before it is posted, nobody knows its id.
    CommentPosted(Option<u64>),
    /// A comment reads otherwise.
    CommentEdited(u64),
    /// One of two comments of ours is gone.
    CommentDeleted(u64),
}

impl Act {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::LabelAdded(_) => "label added",
            Self::LabelRemoved(_) => "label removed",
            Self::CommentPosted(_) => "comment posted",
            Self::CommentEdited(_) => "comment edited",
            Self::CommentDeleted(_) => "comment deleted",
        }
    }

    pub(super) fn label(&self) -> Option<&str> {
        match self {
            Self::LabelAdded(label) | Self::LabelRemoved(label) => Some(label.title()),
            Self::CommentPosted(_) | Self::CommentEdited(_) | Self::CommentDeleted(_) => None,
        }
    }

    /// Whether both are about the same label, whichever way, or the same comment.
    pub(super) fn same_thing(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::LabelAdded(label) | Self::LabelRemoved(label),
                Self::LabelAdded(other) | Self::LabelRemoved(other),
            ) => label.is(other),
            (Self::LabelAdded(_) | Self::LabelRemoved(_), _)
            | (_, Self::LabelAdded(_) | Self::LabelRemoved(_)) => false,
            (
                Self::CommentPosted(_) | Self::CommentEdited(_) | Self::CommentDeleted(_),
                Self::CommentPosted(_) | Self::CommentEdited(_) | Self::CommentDeleted(_),
            ) => self.note_id() == other.note_id(),
        }
    }

    pub(super) fn note_id(&self) -> Option<u64> {
        match self {
            Self::LabelAdded(_) | Self::LabelRemoved(_) => None,
            Self::CommentPosted(note_id) => *note_id,
            Self::CommentEdited(note_id) | Self::CommentDeleted(note_id) => Some(*note_id),
        }
    }
}

/// One write to GitLab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// What.
    pub act: Act,
    /// GitLab's id of the user whose access token it was.
    pub user_id: u64,
    /// Whose work it is.
    pub origin: Origin,
}

/// Whose work a write is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The service's, by itself.
    Service,
    /// That of a backfill, which somebody started and watches.
    Backfill,
    /// The answer to a command in a comment.
    Command,
    /// Of somebody who takes back what was written.
    Undo,
}

impl Origin {
    const ALL: [Self; 4] = [Self::Service, Self::Backfill, Self::Command, Self::Undo];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Backfill => "backfill",
            Self::Command => "command",
            Self::Undo => "undo",
        }
    }

    /// Whether it is nobody's but ours to see that this is not too much.
    pub(super) fn is_counted(self) -> bool {
        match self {
            Self::Service | Self::Command => true,
            Self::Backfill | Self::Undo => false,
        }
    }

    /// Whether it has to wait while writing is stopped.
    pub(super) fn heeds_stops(self) -> bool {
        match self {
            Self::Service | Self::Command | Self::Backfill => true,
            Self::Undo => false,
        }
    }
}

/// How far a write has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// GitLab is about to be asked. It may have done it or not.
    Intended,
    /// The service is about to ask for the same once more, because the attempt before failed or nobody knows how it ended.
    Repeated,
    /// GitLab has done it.
    Done,
}

impl Stage {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Repeated => "repeated",
            Self::Done => "done",
        }
    }
}

/// An entry of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// When, by our clock.
    pub at: Millis,
    /// How far it had come.
    pub stage: Stage,
    /// What.
    pub write: Write,
}

impl Store {
    /// Notes what is about to be written. Until the end of a comment's edit is recorded, nobody knows how it reads: so
    /// an edit that was broken off is made again, even if the issue reads by then as it did before.
    ///
    /// Returns whether what the writer must hold is still its own, which the transaction that notes also asks; if not,
    /// nothing was noted and nothing may be written. `None`: nothing has to be held.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it could not be made durable, [`Error::Stopped`] if writing is stopped, or stops with
    /// this because the fuse trips: then nothing may be written.
    pub async fn intend(
        &self,
        issue: IssueRef,
        writes: Vec<Write>,
        held: Option<Held>,
        now: Millis,
    ) -> Result<bool, Error> {
        let intention = match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.intend(issue, writes, held, self.fuse, now).await?,
            Engine::Postgres(postgres) => postgres.intend(issue, &writes, held, self.fuse, now).await?,
        };
        intention.told()
    }

    /// Everything that was written, or was about to be, on one issue since then, oldest first.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it could not be read.
    pub async fn writes(&self, issue: IssueRef, since: Millis) -> Result<Vec<Written>, Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.writes(issue, since).await,
            Engine::Postgres(postgres) => postgres.writes(issue, since).await,
        }
    }
}

/// Whether a comment is among what is edited.
pub(super) fn edits_comment(writes: &[Write]) -> bool {
    writes.iter().any(|write| matches!(write.act, Act::CommentEdited(_)))
}

/// The row of an entry.
pub(super) struct Row {
    pub recorded_at: i64,
    pub stage: String,
    pub act: String,
    pub label: Option<String>,
    pub note_id: Option<u64>,
    pub user_id: u64,
    pub origin: String,
}

impl Row {
    pub fn written(self) -> Result<Written, Error> {
        let unknown = |word: &str| Error::Corrupt(format!("an unknown word, {word:?}"));
        let stage = match self.stage.as_str() {
            "intended" => Stage::Intended,
            "repeated" => Stage::Repeated,
            "done" => Stage::Done,
            word => return Err(unknown(word)),
        };
        let act = match (self.act.as_str(), self.label, self.note_id) {
            ("label added", Some(title), _) => Act::LabelAdded(Label::new(&title)),
            ("label removed", Some(title), _) => Act::LabelRemoved(Label::new(&title)),
            ("comment posted", _, note_id) => Act::CommentPosted(note_id),
            ("comment edited", _, Some(note_id)) => Act::CommentEdited(note_id),
            ("comment deleted", _, Some(note_id)) => Act::CommentDeleted(note_id),
            (word, _, _) => return Err(unknown(word)),
        };
        let origin = Origin::ALL.into_iter().find(|origin| origin.name() == self.origin);
        let origin = origin.ok_or_else(|| unknown(&self.origin))?;
        Ok(Written {
            at: Millis(self.recorded_at),
            stage,
            write: Write { act, user_id: self.user_id, origin },
        })
    }
}
