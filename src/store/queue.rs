//! The queue of keys: which issues to look at, one row per issue, however often it was marked.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Error, Store, followed};
use crate::calculator::issue::{Glimpse, IssueRef};
use crate::clock::Millis;

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
    /// Notes that an issue must be looked at, unless the glimpse shows that nothing relevant changed.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn mark(&self, glimpse: Glimpse, now: Millis) -> Result<Marked, Error> {
        let marked = self.writer.run(move |connection| mark(connection, &glimpse, now)).await;
        if marked == Ok(Marked::Queued) {
            self.marked.notify_one();
        }
        marked
    }

    /// Waits until an issue is marked.
    pub async fn until_marked(&self) {
        self.marked.notified().await;
    }

    /// How much waits, for metrics.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it could not be read.
    pub async fn depth(&self) -> Result<Depth, Error> {
        self.reader.run(depth).await
    }
}

fn mark(connection: &Connection, glimpse: &Glimpse, now: Millis) -> Result<Marked, Error> {
    let IssueRef { project_id, iid } = glimpse.issue;
    match place(connection, glimpse.issue)? {
        Some(Place::Waiting) => return Ok(Marked::Queued),
        Some(Place::Claimed) => {
            connection
                .prepare_cached(
                    "UPDATE queue SET generation = generation + 1 WHERE project_id = ?1 AND iid = ?2",
                )?
                .execute(params![project_id, iid])?;
            return Ok(Marked::Queued);
        }
        // A parked issue is like one that nobody marked: a relevant change brings it back.
        Some(Place::Parked) | None => {}
    }
    match followed::compare(connection, glimpse)? {
        followed::Comparison::Same => Ok(Marked::Unchanged),
        followed::Comparison::NotFollowed if !glimpse.may_have_source => Ok(Marked::Irrelevant),
        followed::Comparison::Different | followed::Comparison::NotFollowed => {
            insert(connection, glimpse.issue, now)?;
            Ok(Marked::Queued)
        }
    }
}

/// Where in the queue an issue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Waiting,
    Claimed,
    Parked,
}

pub(super) fn place(connection: &Connection, issue: IssueRef) -> Result<Option<Place>, Error> {
    connection
        .prepare_cached(
            "SELECT token IS NOT NULL, parked_at IS NOT NULL FROM queue WHERE project_id = ?1 AND iid = ?2",
        )?
        .query_row(params![issue.project_id, issue.iid], |row| {
            Ok(match (row.get(0)?, row.get(1)?) {
                (true, _) => Place::Claimed,
                (false, true) => Place::Parked,
                (false, false) => Place::Waiting,
            })
        })
        .optional()
        .map_err(Error::from)
}

/// Puts an issue into the queue, or takes it out of parking with a clean slate.
pub(super) fn insert(connection: &Connection, issue: IssueRef, now: Millis) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT INTO queue (project_id, iid, marked_at, due_at) VALUES (?1, ?2, ?3, ?3)
             ON CONFLICT (project_id, iid) DO UPDATE SET
                 generation = generation + 1, marked_at = ?3, due_at = ?3,
                 attempts = 0, parked_at = NULL, parked_reason = NULL",
        )?
        .execute(params![issue.project_id, issue.iid, now.0])?;
    Ok(())
}

fn depth(connection: &Connection) -> Result<Depth, Error> {
    connection
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE parked_at IS NULL), count(*) FILTER (WHERE parked_at IS NOT NULL),
                    min(marked_at) FILTER (WHERE parked_at IS NULL) FROM queue",
        )?
        .query_row([], |row| {
            Ok(Depth {
                waiting: row.get(0)?,
                parked: row.get(1)?,
                oldest_marked_at: row.get::<_, Option<i64>>(2)?.map(Millis),
            })
        })
        .map_err(Error::from)
}
