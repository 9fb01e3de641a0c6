//! Followed issues in SQLite.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Sqlite, ledger, writes};
use crate::calculator::issue::{IssueRef, State};
use crate::clock::Millis;
use crate::store::Error;
use crate::store::followed::{self, Left, PAGE, Recollection, Record};
use crate::store::rows::{hands_to_json, labels_to_json};
use crate::store::writes::Stage;

impl Sqlite {
    pub async fn recall(&self, issue: IssueRef) -> Result<Option<Recollection>, Error> {
        self.reader.run(move |connection| recall(connection, issue)).await
    }

    pub async fn open_followed(&self, behind: Option<IssueRef>) -> Result<Vec<IssueRef>, Error> {
        self.reader.run(move |connection| open_followed(connection, behind)).await
    }

    pub async fn doubt_note(&self, issue: IssueRef) -> Result<(), Error> {
        self.writer.run(move |connection| doubt_note(connection, issue)).await
    }
}

/// Nobody knows how the comment reads until that is recorded.
pub(super) fn doubt_note(connection: &Connection, issue: IssueRef) -> Result<(), Error> {
    connection
        .prepare_cached("UPDATE followed SET note_digest = NULL WHERE project_id = ?1 AND iid = ?2")?
        .execute(params![issue.project_id, issue.iid])?;
    Ok(())
}

fn open_followed(connection: &Connection, behind: Option<IssueRef>) -> Result<Vec<IssueRef>, Error> {
    let behind = behind.unwrap_or(IssueRef { project_id: 0, iid: 0 });
    let mut statement = connection.prepare_cached(
        "SELECT project_id, iid FROM followed WHERE state = ?3 AND (project_id, iid) > (?1, ?2)
         ORDER BY project_id, iid LIMIT ?4",
    )?;
    let rows = statement
        .query_map(params![behind.project_id, behind.iid, State::Opened.name(), PAGE], |row| {
            Ok(IssueRef { project_id: row.get(0)?, iid: row.get(1)? })
        })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Reads the columns `state`, `work_item_type` and `labels`, which begin at this one; `None` if they are NULL.
pub(super) fn left(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Left>> {
    let Some(state) = row.get(first)? else { return Ok(None) };
    Ok(Some(Left { state, work_item_type: row.get(first + 1)?, labels: row.get(first + 2)? }))
}

pub(super) fn remember(
    connection: &Connection,
    issue: IssueRef,
    record: &Record,
    now: Millis,
) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO followed
                 (project_id, iid, state, work_item_type, labels, hands, note_id, note_digest, involvement,
                  decision, decided_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            issue.project_id,
            issue.iid,
            record.state.name(),
            record.work_item_type.name(),
            labels_to_json(&record.labels)?,
            hands_to_json(&record.hands)?,
            record.note.as_ref().map(|note| note.id),
            record.note.as_ref().and_then(|note| note.digest.as_ref()),
            record.involvement.name(),
            record.decided.map(|decided| decided.ruling.name()),
            record.decided.map(|decided| decided.at.0),
        ])?;
    if let Some(entry) = &record.entry {
        ledger::append(connection, issue, entry, now)?;
    }
    let done = record.writes.iter().map(|write| (Stage::Done, write));
    writes::append(connection, issue, done, now)
}

/// Forgets which comment is ours, so that the next look searches for it and finds any that are too many.
pub(super) fn forget_note(connection: &Connection, issue: IssueRef) -> Result<(), Error> {
    connection
        .prepare_cached(
            "UPDATE followed SET note_id = NULL, note_digest = NULL WHERE project_id = ?1 AND iid = ?2",
        )?
        .execute(params![issue.project_id, issue.iid])?;
    Ok(())
}

fn recall(connection: &Connection, issue: IssueRef) -> Result<Option<Recollection>, Error> {
    let row = connection
        .prepare_cached(
            "SELECT labels, hands, note_id, note_digest, work_item_type, involvement, decision, decided_at
             FROM followed WHERE project_id = ?1 AND iid = ?2",
        )?
        .query_row(params![issue.project_id, issue.iid], |row| {
            Ok(followed::Row {
                labels: row.get(0)?,
                hands: row.get(1)?,
                note_id: row.get(2)?,
                note_digest: row.get(3)?,
                work_item_type: row.get(4)?,
                involvement: row.get(5)?,
                decision: row.get(6)?,
                decided_at: row.get(7)?,
            })
        })
        .optional()?;
    row.map(|row| row.recollect(issue, ledger::history(connection, issue)?)).transpose()
}
