//! The ledger in SQLite.

use rusqlite::{Connection, params};

use super::Sqlite;
use crate::calculator::issue::{IssueRef, Moment};
use crate::calculator::label::Label;
use crate::calculator::plan::Gesture;
use crate::calculator::standing::LabelDifference;
use crate::clock::Millis;
use crate::store::Error;
use crate::store::ledger::{CAUSE_ATTEMPTS, Cause, Entry, HISTORY, OpenCause, Row, difference};
use crate::store::rows::{labels_to_json, standing_to_json};

impl Sqlite {
    pub async fn open_causes(&self) -> Result<Vec<OpenCause>, Error> {
        self.reader.run(open_causes).await
    }

    pub async fn settle_causes(&self, ledger_id: i64, causes: Vec<Cause>) -> Result<(), Error> {
        self.writer.run(move |connection| settle_causes(connection, ledger_id, &causes)).await
    }

    pub async fn postpone_causes(&self, ledger_id: i64) -> Result<(), Error> {
        self.writer.run(move |connection| postpone_causes(connection, ledger_id)).await
    }

    pub async fn causes(&self, issue: IssueRef) -> Result<Vec<Cause>, Error> {
        self.reader.run(move |connection| causes(connection, issue)).await
    }
}

pub(super) fn append(
    connection: &Connection,
    issue: IssueRef,
    entry: &Entry,
    now: Millis,
) -> Result<(), Error> {
    let before = entry.before.as_ref().map(standing_to_json).transpose()?;
    connection
        .prepare_cached(
            "INSERT INTO ledger (project_id, iid, at, recorded_at, policy_version,
                                 before, after, labels_added, labels_removed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            issue.project_id,
            issue.iid,
            entry.at.0,
            now.0,
            entry.policy_version,
            before,
            standing_to_json(&entry.after)?,
            labels_to_json(&entry.labels.added)?,
            labels_to_json(&entry.labels.removed)?,
        ])?;
    if entry.labels != LabelDifference::default() {
        connection
            .prepare_cached("INSERT INTO ledger_open_cause (ledger_id) VALUES (last_insert_rowid())")?
            .execute([])?;
    }
    Ok(())
}

/// The last entries of an issue, oldest first.
pub(super) fn history(connection: &Connection, issue: IssueRef) -> Result<Vec<Entry>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT at, policy_version, before, after, labels_added, labels_removed FROM ledger
         WHERE project_id = ?1 AND iid = ?2 ORDER BY id DESC LIMIT ?3",
    )?;
    let mut rows = statement.query(params![issue.project_id, issue.iid, HISTORY])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let row = Row {
            at: row.get(0)?,
            policy_version: row.get(1)?,
            before: row.get(2)?,
            after: row.get(3)?,
            labels_added: row.get(4)?,
            labels_removed: row.get(5)?,
        };
        entries.push(row.entry()?);
    }
    entries.reverse();
    Ok(entries)
}

fn open_causes(connection: &Connection) -> Result<Vec<OpenCause>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT ledger.id, project_id, iid, at, labels_added, labels_removed
         FROM ledger_open_cause JOIN ledger ON ledger.id = ledger_id
         WHERE NOT EXISTS (SELECT 1 FROM reading WHERE reading.project_id = ledger.project_id
                               AND reading.iid = ledger.iid AND asked > answered)
         ORDER BY attempts, ledger_id LIMIT 100",
    )?;
    let mut rows = statement.query([])?;
    let mut open = Vec::new();
    while let Some(row) = rows.next()? {
        open.push(OpenCause {
            ledger_id: row.get(0)?,
            issue: IssueRef { project_id: row.get(1)?, iid: row.get(2)? },
            at: Moment(row.get(3)?),
            labels: difference(&row.get::<_, String>(4)?, &row.get::<_, String>(5)?)?,
        });
    }
    Ok(open)
}

fn settle_causes(connection: &Connection, ledger_id: i64, causes: &[Cause]) -> Result<(), Error> {
    for cause in causes {
        connection
            .prepare_cached(
                "INSERT OR IGNORE INTO ledger_cause (ledger_id, label, gesture, event_id, user_id, at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                ledger_id,
                cause.label.title(),
                cause.gesture.name(),
                cause.event_id,
                cause.user_id,
                cause.at.0
            ])?;
    }
    connection.prepare_cached("DELETE FROM ledger_open_cause WHERE ledger_id = ?1")?.execute([ledger_id])?;
    Ok(())
}

fn postpone_causes(connection: &Connection, ledger_id: i64) -> Result<(), Error> {
    connection
        .prepare_cached("UPDATE ledger_open_cause SET attempts = attempts + 1 WHERE ledger_id = ?1")?
        .execute([ledger_id])?;
    connection
        .prepare_cached("DELETE FROM ledger_open_cause WHERE ledger_id = ?1 AND attempts >= ?2")?
        .execute(params![ledger_id, CAUSE_ATTEMPTS])?;
    Ok(())
}

fn causes(connection: &Connection, issue: IssueRef) -> Result<Vec<Cause>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT label, gesture = 'added', event_id, user_id, ledger_cause.at
         FROM ledger_cause JOIN ledger ON ledger.id = ledger_id
         WHERE project_id = ?1 AND iid = ?2 ORDER BY ledger_id, event_id",
    )?;
    let rows = statement.query_map(params![issue.project_id, issue.iid], |row| {
        Ok(Cause {
            label: Label::new(&row.get::<_, String>(0)?),
            gesture: if row.get(1)? { Gesture::Added } else { Gesture::Removed },
            event_id: row.get(2)?,
            user_id: row.get(3)?,
            at: Moment(row.get(4)?),
        })
    })?;
    rows.collect::<Result<_, _>>().map_err(Error::from)
}
