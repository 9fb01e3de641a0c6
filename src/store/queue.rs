//! The queue of keys: which issues to look at, one row per issue, however often it was marked.

use rusqlite::{Connection, params};

use super::followed::Left;
use super::{Error, Store};
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
        if let Some(marked) = self.glances.marked(&glimpse) {
            return Ok(marked);
        }
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
        self.counter.run(depth).await
    }
}

fn mark(connection: &Connection, glimpse: &Glimpse, now: Millis) -> Result<Marked, Error> {
    let IssueRef { project_id, iid } = glimpse.issue;
    match step(connection, glimpse)? {
        Step::None(marked) => return Ok(marked),
        Step::OnceMore => {
            connection
                .prepare_cached(
                    "UPDATE queue SET generation = generation + 1 WHERE project_id = ?1 AND iid = ?2",
                )?
                .execute(params![project_id, iid])?;
        }
        Step::Insert => insert(connection, glimpse.issue, now)?,
    }
    Ok(Marked::Queued)
}

/// What a glimpse asks of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing: all is as it has to be.
    None(Marked),
    /// Another run after the one that is under way.
    OnceMore,
    /// A place in the queue.
    Insert,
}

/// Compares a glimpse with what is there. Writes nothing.
pub(super) fn step(connection: &Connection, glimpse: &Glimpse) -> Result<Step, Error> {
    let Standing { place, left } = standing(connection, glimpse.issue)?;
    match place {
        Some(Place::Waiting) => return Ok(Step::None(Marked::Queued)),
        Some(Place::Claimed) => return Ok(Step::OnceMore),
        // A parked issue is like one that nobody marked: a relevant change brings it back.
        Some(Place::Parked) | None => {}
    }
    Ok(match left {
        Some(left) if !left.differs(glimpse)? => Step::None(Marked::Unchanged),
        None if !glimpse.may_have_source => Step::None(Marked::Irrelevant),
        Some(_) | None => Step::Insert,
    })
}

/// Where in the queue an issue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Waiting,
    Claimed,
    Parked,
}

/// All that a glimpse of an issue has to be compared with.
pub(super) struct Standing {
    pub place: Option<Place>,
    /// How it was left, if it is followed.
    pub left: Option<Left>,
}

/// Reads both in one statement, so that they are of the same moment wherever it runs.
pub(super) fn standing(connection: &Connection, issue: IssueRef) -> Result<Standing, Error> {
    connection
        .prepare_cached(
            "SELECT queue.iid IS NOT NULL, token IS NOT NULL, parked_at IS NOT NULL, state, work_item_type, labels
             FROM (SELECT ?1 AS project_id, ?2 AS iid) AS issue
             LEFT JOIN queue USING (project_id, iid) LEFT JOIN followed USING (project_id, iid)",
        )?
        .query_row(params![issue.project_id, issue.iid], |row| {
            let place = match (row.get(0)?, row.get(1)?, row.get(2)?) {
                (false, _, _) => None,
                (true, true, _) => Some(Place::Claimed),
                (true, false, true) => Some(Place::Parked),
                (true, false, false) => Some(Place::Waiting),
            };
            Ok(Standing { place, left: Left::from_row(row, 3)? })
        })
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
