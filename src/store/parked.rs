//! Parked issues: what could not be done and why, for people to look at and to decide about.

use rusqlite::{Connection, params};

use super::{Error, Store};
use crate::calculator::issue::IssueRef;
use crate::clock::Millis;

/// An issue that waits for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// Which issue.
    pub issue: IssueRef,
    /// Why, and what to do.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Since when it is parked.
    pub parked_at: Millis,
}

impl Store {
    /// Every parked issue, the longest parked first.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if they could not be read.
    pub async fn parked(&self) -> Result<Vec<Parked>, Error> {
        self.reader.run(parked).await
    }

    /// Puts a parked issue back into the queue, due at once, its attempts forgotten. Returns whether it was parked.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn retry_parked(&self, issue: IssueRef, now: Millis) -> Result<bool, Error> {
        self.writer.run(move |connection| retry(connection, issue, now)).await
    }

    /// Forgets that a parked issue was to be looked at. Returns whether it was parked. It comes back when it changes.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn drop_parked(&self, issue: IssueRef) -> Result<bool, Error> {
        self.writer.run(move |connection| drop_from_queue(connection, issue)).await
    }
}

fn parked(connection: &Connection) -> Result<Vec<Parked>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT project_id, iid, coalesce(parked_reason, ''), attempts, parked_at FROM queue
         WHERE parked_at IS NOT NULL ORDER BY parked_at, project_id, iid",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Parked {
            issue: IssueRef { project_id: row.get(0)?, iid: row.get(1)? },
            reason: row.get(2)?,
            attempts: row.get(3)?,
            parked_at: Millis(row.get(4)?),
        })
    })?;
    rows.collect::<Result<_, _>>().map_err(Error::from)
}

fn retry(connection: &Connection, issue: IssueRef, now: Millis) -> Result<bool, Error> {
    let changed = connection
        .prepare_cached(
            "UPDATE queue SET parked_at = NULL, parked_reason = NULL, attempts = 0, due_at = ?3, marked_at = ?3
             WHERE project_id = ?1 AND iid = ?2 AND parked_at IS NOT NULL",
        )?
        .execute(params![issue.project_id, issue.iid, now.0])?;
    Ok(changed > 0)
}

fn drop_from_queue(connection: &Connection, issue: IssueRef) -> Result<bool, Error> {
    let changed = connection
        .prepare_cached("DELETE FROM queue WHERE project_id = ?1 AND iid = ?2 AND parked_at IS NOT NULL")?
        .execute(params![issue.project_id, issue.iid])?;
    Ok(changed > 0)
}
