//! The queue in PostgreSQL: reading where issues stand, and marking them.

use std::collections::{BTreeMap, HashMap};

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use super::Postgres;
use super::pool::Lent;
use crate::calculator::issue::{Glimpse, IssueRef};
use crate::clock::Millis;
use crate::store::Error;
use crate::store::followed::Left;
use crate::store::queue::{Depth, Marked, Place, Standing};
use crate::trace_parent::TraceParent;

/// Wakes the workers of all replicas.
pub(super) const NOTIFY: &str = "NOTIFY escalator_marked";

impl Postgres {
    pub async fn mark(
        &self,
        glimpse: Glimpse,
        trace: Option<TraceParent>,
        now: Millis,
    ) -> Result<Marked, Error> {
        self.marker.mark(glimpse, trace, now).await
    }

    pub async fn depth(&self) -> Result<Depth, Error> {
        let counting = async {
            let lent = self.pool.lend().await?;
            let row = lent
                .query_typed_one(
                    "SELECT count(*) FILTER (WHERE parked_at IS NULL), count(*) FILTER (WHERE parked_at IS NOT NULL),
                            min(marked_at) FILTER (WHERE parked_at IS NULL) FROM queue",
                    &[],
                )
                .await?;
            lent.give_back();
            Ok(Depth {
                waiting: unsigned(row.try_get(0)?)?,
                parked: unsigned(row.try_get(1)?)?,
                oldest_marked_at: row.try_get::<_, Option<i64>>(2)?.map(Millis),
            })
        };
        self.pool.in_time(counting).await
    }
}

/// A mark that has to be written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marking {
    pub trace: Option<TraceParent>,
    pub now: Millis,
}

/// Puts issues into the queue; those that are parked, with a clean slate. One that is worked on runs once more
/// afterwards. Right whatever happened since anybody looked, so nothing needs to be locked in between.
pub(super) async fn insert(client: &Client, marks: &BTreeMap<IssueRef, Marking>) -> Result<(), Error> {
    let keys = Keys::of(marks.keys())?;
    let now: Vec<i64> = marks.values().map(|mark| mark.now.0).collect();
    let traces: Vec<Option<String>> =
        marks.values().map(|mark| mark.trace.map(|trace| trace.to_string())).collect();
    // In the order of keys, as everybody does who locks several: so no two wait for each other.
    client
        .execute_typed(
            "INSERT INTO queue (project_id, iid, marked_at, due_at, traceparent)
             SELECT project_id, iid, now, now, traceparent
             FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[])
                  AS mark (project_id, iid, now, traceparent)
             ORDER BY project_id, iid
             ON CONFLICT (project_id, iid) DO UPDATE SET
                 generation = queue.generation + 1,
                 marked_at = CASE WHEN queue.parked_at IS NULL THEN queue.marked_at ELSE excluded.marked_at END,
                 due_at = CASE WHEN queue.parked_at IS NULL THEN queue.due_at ELSE excluded.due_at END,
                 attempts = CASE WHEN queue.parked_at IS NULL THEN queue.attempts ELSE 0 END,
                 traceparent = CASE WHEN queue.parked_at IS NULL AND queue.token IS NULL
                                    THEN queue.traceparent ELSE excluded.traceparent END,
                 parked_at = NULL, parked_reason = NULL",
            &[
                (&keys.project_ids, Type::INT8_ARRAY),
                (&keys.iids, Type::INT8_ARRAY),
                (&now, Type::INT8_ARRAY),
                (&traces, Type::TEXT_ARRAY),
            ],
        )
        .await?;
    Ok(())
}

/// The same in a transaction of its own, and tells the other replicas afterwards: a server lets transactions that notify
/// commit only one after the other, so this one, which waits for the disk, does not. One way to the server and back.
pub(super) async fn insert_and_notify(
    lent: Lent<'_>,
    marks: &BTreeMap<IssueRef, Marking>,
) -> Result<(), Error> {
    let commit = async { lent.batch_execute("COMMIT").await.map_err(Error::from) };
    let notify = async { lent.batch_execute(NOTIFY).await.map_err(Error::from) };
    tokio::try_join!(biased; lent.begin(), insert(&lent, marks), commit, notify)?;
    lent.give_back();
    Ok(())
}

/// Where issues stand: place in the queue and how they were left, both of the same moment.
pub(super) async fn standings(
    client: &Client,
    issues: impl Iterator<Item = &IssueRef>,
) -> Result<HashMap<IssueRef, Standing>, Error> {
    let keys = Keys::of(issues)?;
    let rows = client
        .query_typed(
            "SELECT project_id, iid, queue.generation IS NOT NULL, token IS NOT NULL, parked_at IS NOT NULL,
                    state, work_item_type, labels
             FROM unnest($1::bigint[], $2::bigint[]) AS issue (project_id, iid)
             LEFT JOIN queue USING (project_id, iid) LEFT JOIN followed USING (project_id, iid)",
            &[(&keys.project_ids, Type::INT8_ARRAY), (&keys.iids, Type::INT8_ARRAY)],
        )
        .await?;
    rows.iter().map(|row| Ok((issue(row)?, standing(row)?))).collect()
}

fn standing(row: &Row) -> Result<Standing, Error> {
    let place = match (row.try_get(2)?, row.try_get(3)?, row.try_get(4)?) {
        (false, _, _) => None,
        (true, true, _) => Some(Place::Claimed),
        (true, false, true) => Some(Place::Parked),
        (true, false, false) => Some(Place::Waiting),
    };
    Ok(Standing { place, left: left(row, 5)? })
}

/// The columns `state`, `work_item_type` and `labels`, which begin at this one; `None` if they are NULL.
pub(super) fn left(row: &Row, first: usize) -> Result<Option<Left>, Error> {
    let Some(state) = row.try_get(first)? else { return Ok(None) };
    Ok(Some(Left { state, work_item_type: row.try_get(first + 1)?, labels: row.try_get(first + 2)? }))
}

/// The first two columns.
pub(super) fn issue(row: &Row) -> Result<IssueRef, Error> {
    Ok(IssueRef { project_id: unsigned(row.try_get(0)?)?, iid: unsigned(row.try_get(1)?)? })
}

/// An issue as two parameters.
pub(super) struct Key {
    project_id: i64,
    iid: i64,
}

impl Key {
    pub fn of(issue: IssueRef) -> Result<Self, Error> {
        Ok(Self { project_id: signed(issue.project_id)?, iid: signed(issue.iid)? })
    }

    /// `$1` and `$2`, followed by the others.
    pub fn and<'all>(
        &'all self,
        others: impl IntoIterator<Item = (&'all (dyn ToSql + Sync), Type)>,
    ) -> Vec<(&'all (dyn ToSql + Sync), Type)> {
        let mut all: Vec<(&(dyn ToSql + Sync), Type)> =
            vec![(&self.project_id, Type::INT8), (&self.iid, Type::INT8)];
        all.extend(others);
        all
    }
}

struct Keys {
    project_ids: Vec<i64>,
    iids: Vec<i64>,
}

impl Keys {
    fn of<'issue>(issues: impl Iterator<Item = &'issue IssueRef>) -> Result<Self, Error> {
        let keys = issues.map(|issue| Ok((signed(issue.project_id)?, signed(issue.iid)?)));
        let (project_ids, iids) = keys.collect::<Result<Vec<_>, Error>>()?.into_iter().unzip();
        Ok(Self { project_ids, iids })
    }
}

/// PostgreSQL knows no unsigned numbers. GitLab's ids are none that would not fit.
pub(super) fn signed(id: u64) -> Result<i64, Error> {
    i64::try_from(id).map_err(|_| Error::Unavailable(format!("it cannot keep the number {id}")))
}

pub(super) fn unsigned(id: i64) -> Result<u64, Error> {
    u64::try_from(id).map_err(|_| Error::Corrupt(format!("a negative number, {id}")))
}
