//! Stops of writing in SQLite.

use rusqlite::{Connection, params};

use super::Sqlite;
use super::commands::recheck;
use crate::calculator::issue::IssueRef;
use crate::clock::Millis;
use crate::store::Error;
use crate::store::fuse::Kept;
use crate::store::stops::{Row, Stop};

/// An older schema has no stops.
pub(super) const SINCE_VERSION: i64 = 7;

impl Sqlite {
    pub async fn stops(&self) -> Result<Vec<Stop>, Error> {
        self.reader.run(stops).await
    }

    pub async fn stop_writing(&self, stop: Stop) -> Result<(), Error> {
        self.writer.run(move |connection| append(connection, &stop)).await
    }

    pub async fn resume(&self, issue: Option<IssueRef>, now: Millis) -> Result<Vec<Stop>, Error> {
        self.writer.run(move |connection| resume(connection, issue, now)).await
    }
}

pub(super) fn stops(connection: &Connection) -> Result<Vec<Stop>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT project_id, iid, stopped_at, reason, fuse, label FROM write_stop
         WHERE lifted_at IS NULL ORDER BY id",
    )?;
    let rows = statement.query_map([], row)?;
    rows.map(|row| row?.stop()).collect()
}

/// Those of everything and of an issue that hold, or were lifted after this.
pub(super) fn known(connection: &Connection, issue: IssueRef, since: Millis) -> Result<Vec<Kept>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT project_id, iid, stopped_at, reason, fuse, label, lifted_at FROM write_stop
         WHERE (lifted_at IS NULL OR lifted_at > ?3) AND (project_id IS NULL OR (project_id = ?1 AND iid = ?2))",
    )?;
    let rows = statement.query_map(params![issue.project_id, issue.iid, since.0], |found| {
        Ok((row(found)?, found.get::<_, Option<i64>>(6)?))
    })?;
    rows.map(|found| {
        let (row, lifted_at) = found?;
        Ok(Kept { stop: row.stop()?, lifted_at: lifted_at.map(Millis) })
    })
    .collect()
}

/// Unless there is one like it.
pub(super) fn append(connection: &Connection, stop: &Stop) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT INTO write_stop (project_id, iid, stopped_at, reason, fuse, label)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6
             WHERE NOT EXISTS (
                 SELECT 1 FROM write_stop
                 WHERE lifted_at IS NULL AND reason = ?4 AND project_id IS ?1 AND iid IS ?2)",
        )?
        .execute(params![
            stop.issue.map(|issue| issue.project_id),
            stop.issue.map(|issue| issue.iid),
            stop.at.0,
            stop.reason.name(),
            stop.reason.fuse(),
            stop.reason.label(),
        ])?;
    Ok(())
}

fn resume(connection: &Connection, issue: Option<IssueRef>, now: Millis) -> Result<Vec<Stop>, Error> {
    let lifted: Vec<_> =
        stops(connection)?.into_iter().filter(|stop| issue.is_none() || stop.issue == issue).collect();
    connection
        .prepare_cached(
            "UPDATE write_stop SET lifted_at = ?3
             WHERE lifted_at IS NULL AND (?1 IS NULL OR (project_id = ?1 AND iid = ?2))",
        )?
        .execute(params![issue.map(|issue| issue.project_id), issue.map(|issue| issue.iid), now.0])?;
    for issue in lifted.iter().filter_map(|stop| stop.issue) {
        recheck(connection, issue, now)?;
        connection
            .prepare_cached(
                "UPDATE reading SET asked = asked + 1, attempts = 0, due_at = ?3
                 WHERE project_id = ?1 AND iid = ?2 AND asked > answered",
            )?
            .execute(params![issue.project_id, issue.iid, now.0])?;
    }
    Ok(lifted)
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let (project_id, iid): (Option<u64>, Option<u64>) = (row.get(0)?, row.get(1)?);
    Ok(Row {
        issue: project_id.zip(iid).map(|(project_id, iid)| IssueRef { project_id, iid }),
        stopped_at: row.get(2)?,
        reason: row.get(3)?,
        fuse: row.get(4)?,
        label: row.get(5)?,
    })
}
