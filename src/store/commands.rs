//! Commands in comments: whose notes are to be read, and what was answered already.
//!
//! Keeps ids and words of our own; of what a person wrote, only a digest by which an edit is noticed.

use super::{Engine, Error, Store, Write};
use crate::calculator::issue::IssueRef;
use crate::calculator::label::Label;
use crate::clock::Millis;

/// An issue whose notes are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Which issue.
    pub issue: IssueRef,
    /// How often it was asked for; once more during the reading makes it due again.
    pub(super) asked: u64,
    /// How often it failed since it was asked for.
    pub attempts: u32,
}

/// A command that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Which issue.
    pub issue: IssueRef,
    /// GitLab's id of the note.
    pub note_id: u64,
    /// A digest of the request.
    pub digest: String,
    /// Whose note it is.
    pub user_id: u64,
    /// Its verb, if it was understood.
    pub verb: Option<&'static str>,
    /// What came of it, in one word.
    pub outcome: &'static str,
    /// The label that was put on.
    pub added: Option<Label>,
    /// The label that was taken off.
    pub removed: Option<Label>,
    /// What was written for it, for the ledger of writes.
    pub writes: Vec<Write>,
}

/// An answered command that put a label on, and perhaps took another one off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelCommand {
    /// Who gave it.
    pub user_id: u64,
    /// The label that was put on.
    pub added: Label,
    /// The label that was taken off.
    pub removed: Option<Label>,
    /// When it was answered, by our clock.
    pub at: Millis,
}

impl Store {
    /// Notes that an issue's notes have to be read.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn ask_to_read(&self, issue: IssueRef, now: Millis) -> Result<(), Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.ask_to_read(issue, now).await,
            // Apart: every delivery would have to make room for it.
            Engine::Postgres(postgres) => Box::pin(postgres.ask_to_read(issue, now)).await,
        }
    }

    /// The issues whose notes are due to be read, those first that wait longest.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if they could not be read.
    pub async fn unread(&self, now: Millis) -> Result<Vec<Reading>, Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.unread(now).await,
            Engine::Postgres(postgres) => postgres.unread(now).await,
        }
    }

    /// How many comments an issue had when its notes were last read; `None` if they never were.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it could not be read.
    pub async fn comments_read(&self, issue: IssueRef) -> Result<Option<u64>, Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.comments_read(issue).await,
            Engine::Postgres(postgres) => postgres.comments_read(issue).await,
        }
    }

    /// Ends a reading. `comments`: how many the issue has now, if that is known.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn end_reading(&self, reading: Reading, comments: Option<u64>) -> Result<(), Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.end_reading(reading, comments).await,
            Engine::Postgres(postgres) => postgres.end_reading(reading, comments).await,
        }
    }

    /// Notes that a reading failed and is due again then.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn postpone_reading(&self, reading: Reading, due_at: Millis) -> Result<(), Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.postpone_reading(reading, due_at).await,
            Engine::Postgres(postgres) => postgres.postpone_reading(reading, due_at).await,
        }
    }

    /// Whether a command was answered already.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it could not be read.
    pub async fn is_answered(&self, note_id: u64, digest: &str) -> Result<bool, Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.is_answered(note_id, digest).await,
            Engine::Postgres(postgres) => postgres.is_answered(note_id, digest).await,
        }
    }

    /// Whether a user was answered so on an issue since then.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it could not be read.
    pub async fn was_answered(
        &self,
        issue: IssueRef,
        user_id: u64,
        outcome: &'static str,
        since: Millis,
    ) -> Result<bool, Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.was_answered(issue, user_id, outcome, since).await,
            Engine::Postgres(postgres) => postgres.was_answered(issue, user_id, outcome, since).await,
        }
    }

    /// The answered commands that put labels on an issue, oldest first.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if they could not be read.
    pub async fn label_commands(&self, issue: IssueRef) -> Result<Vec<LabelCommand>, Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.label_commands(issue).await,
            Engine::Postgres(postgres) => postgres.label_commands(issue).await,
        }
    }

    /// Keeps that a command was answered, together with what was written for it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn keep_answered(&self, answered: Answered, now: Millis) -> Result<(), Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.keep_answered(answered, now).await,
            Engine::Postgres(postgres) => postgres.keep_answered(answered, now).await,
        }
    }

    /// Notes that issues must be looked at, whatever they look like. All with one commit.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn recheck(&self, issues: Vec<IssueRef>, now: Millis) -> Result<(), Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.recheck(issues, now).await?,
            Engine::Postgres(postgres) => postgres.recheck(&issues, now).await?,
        }
        self.marked.notify_one();
        Ok(())
    }
}
