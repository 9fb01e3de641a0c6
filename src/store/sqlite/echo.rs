//! Echoes in SQLite.

use rusqlite::{Connection, params};

use super::queue::{insert, standing};
use super::{Sqlite, followed};
use crate::calculator::issue::IssueRef;
use crate::clock::Millis;
use crate::store::Error;
use crate::store::echo::{Differences, Echo};
use crate::store::followed::{NoteRef, Record};
use crate::store::queue::{Marked, Place, Standing};
use crate::store::rows::labels_to_json;

impl Sqlite {
    pub async fn hear(&self, echo: Echo, now: Millis) -> Result<Marked, Error> {
        self.writer.run(move |connection| hear(connection, &echo, now)).await
    }
}

fn hear(connection: &Connection, echo: &Echo, now: Millis) -> Result<Marked, Error> {
    let issue = echo.glimpse.issue;
    let Standing { place, left } = standing(connection, issue)?;
    if place == Some(Place::Claimed) {
        // Most likely that work's own doing. How it leaves the issue will be known when it is recorded.
        keep(connection, echo)?;
        return Ok(Marked::Unchanged);
    }
    let strange = match &echo.note {
        Some(note) => is_strange(connection, issue, note)?,
        None => false,
    };
    if strange {
        followed::forget_note(connection, issue)?;
    }
    let differs = match &left {
        Some(left) => left.differs(&echo.glimpse)?,
        None => echo.glimpse.may_have_source,
    };
    if !differs && !strange {
        return Ok(if left.is_some() { Marked::Unchanged } else { Marked::Irrelevant });
    }
    if place != Some(Place::Waiting) {
        insert(connection, issue, None, now)?;
    }
    Ok(Marked::Queued)
}

/// Whether a followed issue's comment is another one, or reads otherwise. One whose reading is in doubt is written
/// again anyhow.
fn is_strange(connection: &Connection, issue: IssueRef, note: &NoteRef) -> Result<bool, Error> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM followed WHERE project_id = ?1 AND iid = ?2
                            AND (note_id IS NOT ?3 OR note_digest <> ?4))",
        )?
        .query_row(params![issue.project_id, issue.iid, note.id, note.digest], |row| row.get(0))
        .map_err(Error::from)
}

fn keep(connection: &Connection, echo: &Echo) -> Result<(), Error> {
    let issue = echo.glimpse.issue;
    let note = echo.note.as_ref();
    connection
        .prepare_cached(
            "INSERT INTO echo (project_id, iid, labels, note_id, note_digest) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            issue.project_id,
            issue.iid,
            labels_to_json(&echo.glimpse.labels)?,
            note.map(|note| note.id),
            note.map(|note| &note.digest),
        ])?;
    Ok(())
}

/// Compares what echoes of an issue showed with how it was left, and forgets them.
pub(super) fn compare_and_forget(
    connection: &Connection,
    issue: IssueRef,
    left: Option<&Record>,
) -> Result<Differences, Error> {
    let labels = left.map_or(&[][..], |record| &record.labels);
    let note = left.and_then(|record| record.note.as_ref());
    let (note_id, digest) = (note.map(|note| note.id), note.and_then(|note| note.digest.as_ref()));
    let differences = connection
        .prepare_cached(
            "SELECT coalesce(max(labels <> ?3), 0),
                    coalesce(max(note_id NOT NULL AND (note_id IS NOT ?4 OR note_digest IS NOT ?5)), 0)
             FROM echo WHERE project_id = ?1 AND iid = ?2",
        )?
        .query_row(params![issue.project_id, issue.iid, labels_to_json(labels)?, note_id, digest], |row| {
            Ok(Differences { labels: row.get(0)?, comment: row.get(1)? })
        })?;
    connection
        .prepare_cached("DELETE FROM echo WHERE project_id = ?1 AND iid = ?2")?
        .execute(params![issue.project_id, issue.iid])?;
    Ok(differences)
}
