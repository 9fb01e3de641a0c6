//! Parked issues in SQLite.

use rusqlite::{Connection, params};

use super::Sqlite;
use crate::calculator::issue::IssueRef;
use crate::clock::Millis;
use crate::store::Error;
use crate::store::parked::Parked;

impl Sqlite {
    pub async fn parked(&self) -> Result<Vec<Parked>, Error> {
        self.reader.run(parked).await
    }

    pub async fn retry_parked(&self, issue: IssueRef, now: Millis) -> Result<bool, Error> {
        self.writer.run(move |connection| retry(connection, issue, now)).await
    }

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
