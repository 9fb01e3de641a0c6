//! Echoes: webhooks that tell of what Escalator did itself.
//!
//! Nearly always they show an issue as Escalator left it, or as it is leaving it right now, and nothing follows. But a
//! write that timed out can be done by GitLab much later, when the retry has long written again: then the echo shows
//! a second comment, or a comment or labels that were right once. Nobody else tells, so echoes are not thrown away.

use rusqlite::{Connection, params};

use super::followed::{self, Comparison, NoteRef};
use super::queue::{Marked, Place, insert, place};
use super::{Error, Store};
use crate::calculator::issue::{Glimpse, IssueRef};
use crate::clock::Millis;

/// What an echo shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Echo {
    /// The issue.
    pub glimpse: Glimpse,
    /// A comment of ours, if it tells of one.
    pub note: Option<NoteRef>,
}

impl Store {
    /// Notes that an issue must be looked at if an echo shows it other than Escalator left it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn hear(&self, echo: Echo, now: Millis) -> Result<Marked, Error> {
        let heard = self.writer.run(move |connection| hear(connection, &echo, now)).await;
        if heard == Ok(Marked::Queued) {
            self.marked.notify_one();
        }
        heard
    }
}

fn hear(connection: &Connection, echo: &Echo, now: Millis) -> Result<Marked, Error> {
    let issue = echo.glimpse.issue;
    let place = place(connection, issue)?;
    if place == Some(Place::Claimed) {
        // Most likely that work's own doing. Which comment is its own will be known when it is recorded.
        if let Some(note) = &echo.note {
            connection
                .prepare_cached(
                    "INSERT OR IGNORE INTO own_note (project_id, iid, note_id, note_digest) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![issue.project_id, issue.iid, note.id, note.digest])?;
        }
        return Ok(Marked::Unchanged);
    }
    let strange = match &echo.note {
        Some(note) => is_strange(connection, issue, note)?,
        None => false,
    };
    if strange {
        followed::forget_note(connection, issue)?;
    }
    match followed::compare(connection, &echo.glimpse)? {
        Comparison::Same if !strange => Ok(Marked::Unchanged),
        Comparison::NotFollowed if !echo.glimpse.may_have_source => Ok(Marked::Irrelevant),
        Comparison::Same | Comparison::Different | Comparison::NotFollowed => {
            if place != Some(Place::Waiting) {
                insert(connection, issue, now)?;
            }
            Ok(Marked::Queued)
        }
    }
}

/// Whether a followed issue's comment is another one, or reads otherwise.
fn is_strange(connection: &Connection, issue: IssueRef, note: &NoteRef) -> Result<bool, Error> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM followed WHERE project_id = ?1 AND iid = ?2
                            AND (note_id IS NOT ?3 OR note_digest IS NOT ?4))",
        )?
        .query_row(params![issue.project_id, issue.iid, note.id, note.digest], |row| row.get(0))
        .map_err(Error::from)
}

/// Ends the waiting for what echoes of an issue mean. Returns whether they told of a comment other than this one.
pub(super) fn told_of_another(
    connection: &Connection,
    issue: IssueRef,
    note: Option<&NoteRef>,
) -> Result<bool, Error> {
    let (id, digest) = (note.map(|note| note.id), note.map(|note| &note.digest));
    let another: bool = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM own_note WHERE project_id = ?1 AND iid = ?2
                            AND (note_id IS NOT ?3 OR note_digest IS NOT ?4))",
        )?
        .query_row(params![issue.project_id, issue.iid, id, digest], |row| row.get(0))?;
    connection
        .prepare_cached("DELETE FROM own_note WHERE project_id = ?1 AND iid = ?2")?
        .execute(params![issue.project_id, issue.iid])?;
    Ok(another)
}
