//! Taking back writes, in SQLite.

use rusqlite::{Connection, params};

use super::Sqlite;
use super::writes::append;
use crate::calculator::issue::IssueRef;
use crate::clock::Millis;
use crate::store::Error;
use crate::store::taken_back::{PAGE, deleted};
use crate::store::writes::{Stage, Write};

impl Sqlite {
    pub async fn count_written_issues(&self, since: Millis) -> Result<u64, Error> {
        self.counter
            .run(move |connection| {
                let count = connection
                    .prepare_cached(
                        "SELECT count(*) FROM (
                             SELECT DISTINCT project_id, iid FROM write_ledger WHERE recorded_at >= ?1)",
                    )?
                    .query_row([since.0], |row| row.get(0))?;
                Ok(count)
            })
            .await
    }

    pub async fn written_issues(&self, since: Millis, after: IssueRef) -> Result<Vec<IssueRef>, Error> {
        self.counter.run(move |connection| written_issues(connection, since, after)).await
    }

    pub async fn took_back(&self, issue: IssueRef, writes: Vec<Write>, now: Millis) -> Result<(), Error> {
        self.writer
            .run(move |connection| {
                append(connection, issue, writes.iter().map(|write| (Stage::Done, write)), now)?;
                for note_id in deleted(&writes) {
                    connection
                        .prepare_cached(
                            "UPDATE followed SET note_id = NULL, note_digest = NULL
                             WHERE project_id = ?1 AND iid = ?2 AND note_id = ?3",
                        )?
                        .execute(params![issue.project_id, issue.iid, note_id])?;
                }
                Ok(())
            })
            .await
    }
}

/// The plus sign keeps SQLite from going by time, which would sort everything anew for each page.
fn written_issues(connection: &Connection, since: Millis, after: IssueRef) -> Result<Vec<IssueRef>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT project_id, iid FROM write_ledger
         WHERE (project_id, iid) > (?1, ?2) AND +recorded_at >= ?3
         ORDER BY project_id, iid LIMIT ?4",
    )?;
    let rows = statement.query_map(params![after.project_id, after.iid, since.0, PAGE], |row| {
        Ok(IssueRef { project_id: row.get(0)?, iid: row.get(1)? })
    })?;
    rows.collect::<Result<_, _>>().map_err(Error::from)
}
