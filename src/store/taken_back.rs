//! What whoever takes back writes has to know and to note.

use super::writes::{Act, Write};
use super::{Engine, Error, Store};
use crate::calculator::issue::IssueRef;
use crate::clock::Millis;

/// So many issues at once, however many were written to.
pub(super) const PAGE: u32 = 1000;

impl Store {
    /// How many issues were written to since then, or were about to be.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if they could not be counted.
    pub async fn count_written_issues(&self, since: Millis) -> Result<u64, Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.count_written_issues(since).await,
            Engine::Postgres(postgres) => postgres.count_written_issues(since).await,
        }
    }

    /// The issues that were written to since then, or were about to be, in their order: those after this one, some at a
    /// time. None: there are no more.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if they could not be read.
    pub async fn written_issues(
        &self,
        since: Millis,
        after: Option<IssueRef>,
    ) -> Result<Vec<IssueRef>, Error> {
        // GitLab counts from 1.
        let after = after.unwrap_or(IssueRef { project_id: 0, iid: 0 });
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.written_issues(since, after).await,
            Engine::Postgres(postgres) => postgres.written_issues(since, after).await,
        }
    }

    /// Notes what was taken back. A comment of ours that is gone with it is forgotten, so that the next look writes it anew.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn took_back(&self, issue: IssueRef, writes: Vec<Write>, now: Millis) -> Result<(), Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.took_back(issue, writes, now).await,
            Engine::Postgres(postgres) => postgres.took_back(issue, &writes, now).await,
        }
    }
}

/// The comments among them that are gone.
pub(super) fn deleted(writes: &[Write]) -> impl Iterator<Item = u64> {
    writes.iter().filter_map(|write| match write.act {
        Act::CommentDeleted(note_id) => Some(note_id),
        Act::LabelAdded(_) | Act::LabelRemoved(_) | Act::CommentPosted(_) | Act::CommentEdited(_) => None,
    })
}
