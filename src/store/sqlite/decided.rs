//! Decided issues in SQLite.

use rusqlite::Connection;

use super::Sqlite;
use crate::calculator::issue::IssueRef;
use crate::store::Error;
use crate::store::decided::{DecidedIssue, Row};

impl Sqlite {
    pub async fn decided(&self, last: u32) -> Result<Vec<DecidedIssue>, Error> {
        self.reader.run(move |connection| decided(connection, last)).await
    }
}

fn decided(connection: &Connection, last: u32) -> Result<Vec<DecidedIssue>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT project_id, iid, decision, decided_at,
                (SELECT after FROM ledger
                 WHERE ledger.project_id = followed.project_id AND ledger.iid = followed.iid
                 ORDER BY id DESC LIMIT 1)
         FROM followed WHERE decided_at IS NOT NULL
         ORDER BY decided_at DESC, project_id, iid LIMIT ?1",
    )?;
    let rows = statement.query_map([last], |row| {
        Ok(Row {
            issue: IssueRef { project_id: row.get(0)?, iid: row.get(1)? },
            decision: row.get(2)?,
            decided_at: row.get(3)?,
            standing: row.get(4)?,
        })
    })?;
    rows.map(|row| row?.decided_issue()).collect()
}
