//! The ledger: every change of an assessment, appended and never changed, and who caused it.

use rusqlite::{Connection, params};

use super::rows::{labels_from_json, labels_to_json, standing_from_json, standing_to_json};
use super::{Error, Store};
use crate::calculator::issue::{IssueRef, Moment};
use crate::calculator::label::Label;
use crate::calculator::plan::Gesture;
use crate::calculator::standing::{LabelDifference, Standing};
use crate::clock::Millis;

/// The most entries of one issue that are read back; the ledger keeps all.
const HISTORY: usize = 20;
/// After so many failures an entry's causes are not asked for any more: the issue is gone.
const CAUSE_ATTEMPTS: u32 = 5;

/// One change of an assessment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When the issue had last changed, by GitLab's clock.
    pub at: Moment,
    /// Under which policy.
    pub policy_version: String,
    /// Where it stood; `None` for the first assessment.
    pub before: Option<Standing>,
    /// Where it stands.
    pub after: Standing,
    /// Which labels did it.
    pub labels: LabelDifference,
}

/// A ledger entry whose causes are still to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCause {
    /// The entry's id.
    pub ledger_id: i64,
    /// Which issue.
    pub issue: IssueRef,
    /// When the issue had last changed, by GitLab's clock.
    pub at: Moment,
    /// Which labels did it.
    pub labels: LabelDifference,
}

/// Who put or took a label, as GitLab's label events tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The label.
    pub label: Label,
    /// What was done to it.
    pub gesture: Gesture,
    /// GitLab's id of the event.
    pub event_id: u64,
    /// Who did it.
    pub user_id: u64,
    /// When, by GitLab's clock.
    pub at: Moment,
}

impl Store {
    /// The oldest entries whose causes are still to be asked for.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if they could not be read.
    pub async fn open_causes(&self) -> Result<Vec<OpenCause>, Error> {
        self.reader.run(open_causes).await
    }

    /// Keeps the causes of an entry. With none the entry is settled too: GitLab no longer knows.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if they could not be made durable.
    pub async fn settle_causes(&self, ledger_id: i64, causes: Vec<Cause>) -> Result<(), Error> {
        self.writer.run(move |connection| settle_causes(connection, ledger_id, &causes)).await
    }

    /// Notes that asking failed; after some failures the entry stays without causes.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn postpone_causes(&self, ledger_id: i64) -> Result<(), Error> {
        self.writer.run(move |connection| postpone_causes(connection, ledger_id)).await
    }

    /// Every cause that is known of an issue's changes, oldest first.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if they could not be read.
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
        let before: Option<String> = row.get(2)?;
        entries.push(Entry {
            at: Moment(row.get(0)?),
            policy_version: row.get(1)?,
            before: before.as_deref().map(standing_from_json).transpose()?,
            after: standing_from_json(&row.get::<_, String>(3)?)?,
            labels: LabelDifference {
                added: labels_from_json(&row.get::<_, String>(4)?)?,
                removed: labels_from_json(&row.get::<_, String>(5)?)?,
            },
        });
    }
    entries.reverse();
    Ok(entries)
}

fn open_causes(connection: &Connection) -> Result<Vec<OpenCause>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT ledger.id, project_id, iid, at, labels_added, labels_removed
         FROM ledger_open_cause JOIN ledger ON ledger.id = ledger_id
         ORDER BY attempts, ledger_id LIMIT 100",
    )?;
    let mut rows = statement.query([])?;
    let mut open = Vec::new();
    while let Some(row) = rows.next()? {
        open.push(OpenCause {
            ledger_id: row.get(0)?,
            issue: IssueRef { project_id: row.get(1)?, iid: row.get(2)? },
            at: Moment(row.get(3)?),
            labels: LabelDifference {
                added: labels_from_json(&row.get::<_, String>(4)?)?,
                removed: labels_from_json(&row.get::<_, String>(5)?)?,
            },
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
