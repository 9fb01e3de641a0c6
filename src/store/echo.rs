//! Echoes: webhooks that tell of what Escalator did itself.
//!
//! Nearly always they show an issue as Escalator left it, or as it is leaving it right now, and nothing follows. But a
//! write that timed out can be done by GitLab much later, when the retry has long written again: then the echo shows
//! a second comment, or labels that were right once. Nobody else tells, so echoes are not thrown away.

use rusqlite::{Connection, OptionalExtension, params};

use super::followed::{self, Comparison};
use super::queue::{Marked, Place, insert, place};
use super::{Error, Store};
use crate::calculator::issue::{Glimpse, IssueRef};
use crate::clock::Millis;

/// What an echo shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Echo {
    /// The issue.
    pub glimpse: Glimpse,
    /// The id of a new comment of ours, if it tells of one.
    pub new_note: Option<u64>,
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
        if let Some(note_id) = echo.new_note {
            connection
                .prepare_cached("INSERT OR IGNORE INTO own_note (project_id, iid, note_id) VALUES (?1, ?2, ?3)")?
                .execute(params![issue.project_id, issue.iid, note_id])?;
        }
        return Ok(Marked::Unchanged);
    }
    let double = match echo.new_note {
        Some(note_id) => is_double(connection, issue, note_id)?,
        None => false,
    };
    if double {
        followed::forget_note(connection, issue)?;
    }
    match followed::compare(connection, &echo.glimpse)? {
        Comparison::Same if !double => Ok(Marked::Unchanged),
        Comparison::NotFollowed if !echo.glimpse.may_have_source => Ok(Marked::Irrelevant),
        Comparison::Same | Comparison::Different | Comparison::NotFollowed => {
            if place != Some(Place::Waiting) {
                insert(connection, issue, now)?;
            }
            Ok(Marked::Queued)
        }
    }
}

fn is_double(connection: &Connection, issue: IssueRef, note_id: u64) -> Result<bool, Error> {
    let known: Option<Option<u64>> = connection
        .prepare_cached("SELECT note_id FROM followed WHERE project_id = ?1 AND iid = ?2")?
        .query_row(params![issue.project_id, issue.iid], |row| row.get(0))
        .optional()?;
    Ok(known.is_some_and(|known| known != Some(note_id)))
}

/// Ends the waiting for what echoes of an issue mean. Returns whether they told of comments other than this one.
pub(super) fn told_of_others(
    connection: &Connection,
    issue: IssueRef,
    note_id: Option<u64>,
) -> Result<bool, Error> {
    let others: bool = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM own_note WHERE project_id = ?1 AND iid = ?2 AND note_id IS NOT ?3)",
        )?
        .query_row(params![issue.project_id, issue.iid, note_id], |row| row.get(0))?;
    connection
        .prepare_cached("DELETE FROM own_note WHERE project_id = ?1 AND iid = ?2")?
        .execute(params![issue.project_id, issue.iid])?;
    Ok(others)
}
