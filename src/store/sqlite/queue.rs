//! The queue in SQLite.

use rusqlite::{Connection, params};

use super::{Sqlite, followed};
use crate::calculator::issue::{Glimpse, IssueRef};
use crate::clock::Millis;
use crate::store::Error;
use crate::store::queue::{Depth, Marked, Place, Standing, Step};
use crate::trace_parent::TraceParent;

impl Sqlite {
    pub async fn mark(
        &self,
        glimpse: Glimpse,
        trace: Option<TraceParent>,
        now: Millis,
    ) -> Result<Marked, Error> {
        if let Some(marked) = self.glances.marked(&glimpse) {
            return Ok(marked);
        }
        self.writer.run(move |connection| mark(connection, &glimpse, trace, now)).await
    }

    pub async fn depth(&self) -> Result<Depth, Error> {
        self.counter.run(depth).await
    }
}

fn mark(
    connection: &Connection,
    glimpse: &Glimpse,
    trace: Option<TraceParent>,
    now: Millis,
) -> Result<Marked, Error> {
    let IssueRef { project_id, iid } = glimpse.issue;
    match standing(connection, glimpse.issue)?.step(glimpse)? {
        Step::None(marked) => return Ok(marked),
        Step::OnceMore => {
            connection
                .prepare_cached(
                    "UPDATE queue SET generation = generation + 1, traceparent = ?3 WHERE project_id = ?1 AND iid = ?2",
                )?
                .execute(params![project_id, iid, text(trace)])?;
        }
        Step::Insert => insert(connection, glimpse.issue, trace, now)?,
    }
    Ok(Marked::Queued)
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
            Ok(Standing { place, left: followed::left(row, 3)? })
        })
        .map_err(Error::from)
}

/// Puts an issue into the queue, or takes it out of parking with a clean slate.
pub(super) fn insert(
    connection: &Connection,
    issue: IssueRef,
    trace: Option<TraceParent>,
    now: Millis,
) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT INTO queue (project_id, iid, marked_at, due_at, traceparent) VALUES (?1, ?2, ?3, ?3, ?4)
             ON CONFLICT (project_id, iid) DO UPDATE SET
                 generation = generation + 1, marked_at = ?3, due_at = ?3,
                 attempts = 0, parked_at = NULL, parked_reason = NULL, traceparent = ?4",
        )?
        .execute(params![issue.project_id, issue.iid, now.0, text(trace)])?;
    Ok(())
}

fn text(trace: Option<TraceParent>) -> Option<String> {
    trace.map(|trace| trace.to_string())
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
