//! The ledger of writes in SQLite.

use rusqlite::{Connection, params};

use super::{Sqlite, followed};
use crate::calculator::issue::IssueRef;
use crate::clock::Millis;
use crate::store::Error;
use crate::store::writes::{Row, Stage, Write, Written, edits_comment};

impl Sqlite {
    pub async fn intend(&self, issue: IssueRef, writes: Vec<Write>, now: Millis) -> Result<(), Error> {
        self.writer
            .run(move |connection| {
                append(connection, issue, &writes, Stage::Intended, now)?;
                if edits_comment(&writes) {
                    followed::doubt_note(connection, issue)?;
                }
                Ok(())
            })
            .await
    }

    pub async fn writes(&self, issue: IssueRef, since: Millis) -> Result<Vec<Written>, Error> {
        self.reader.run(move |connection| writes(connection, issue, since)).await
    }
}

pub(super) fn append(
    connection: &Connection,
    issue: IssueRef,
    writes: &[Write],
    stage: Stage,
    now: Millis,
) -> Result<(), Error> {
    for write in writes {
        connection
            .prepare_cached(
                "INSERT INTO write_ledger (project_id, iid, recorded_at, stage, act, label, note_id, user_id)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                issue.project_id,
                issue.iid,
                now.0,
                stage.name(),
                write.act.name(),
                write.act.label(),
                write.act.note_id(),
                write.user_id,
            ])?;
    }
    Ok(())
}

fn writes(connection: &Connection, issue: IssueRef, since: Millis) -> Result<Vec<Written>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT recorded_at, stage, act, label, note_id, user_id FROM write_ledger
         WHERE project_id = ?1 AND iid = ?2 AND recorded_at >= ?3 ORDER BY id",
    )?;
    let mut rows = statement.query(params![issue.project_id, issue.iid, since.0])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let row = Row {
            recorded_at: row.get(0)?,
            stage: row.get(1)?,
            act: row.get(2)?,
            label: row.get(3)?,
            note_id: row.get(4)?,
            user_id: row.get(5)?,
        };
        found.push(row.written()?);
    }
    Ok(found)
}
