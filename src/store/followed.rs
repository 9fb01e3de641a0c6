//! The issues that Escalator follows: how it left each, and what a glimpse of one has to be compared with.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::ledger::{self, Entry};
use super::rows::{hands_from_json, hands_to_json, labels_from_json, labels_to_json};
use super::{Error, Store};
use crate::calculator::issue::{Glimpse, IssueRef, State, WorkItemType};
use crate::calculator::label::Label;
use crate::calculator::plan::{Hand, Memory};
use crate::clock::Millis;

/// Escalator's comment on an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteRef {
    /// GitLab's id of the note.
    pub id: u64,
    /// A digest of the body as we last wrote it, so that an unchanged one is not written again. `None` after an edit of
    /// which nobody knows whether GitLab did it: we died, or GitLab did not answer.
    pub digest: Option<String>,
}

/// How an issue was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Open or closed.
    pub state: State,
    /// Its type.
    pub work_item_type: WorkItemType,
    /// Those of its labels that the policy reads.
    pub labels: Vec<Label>,
    /// Hands that count.
    pub hands: Vec<Hand>,
    /// Our comment.
    pub note: Option<NoteRef>,
    /// What to append to the ledger, if the assessment changed.
    pub entry: Option<Entry>,
}

/// What is remembered of a followed issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recollection {
    /// Its type when it was last looked at.
    pub work_item_type: WorkItemType,
    /// What the calculator needs of it.
    pub memory: Memory,
    /// Our comment.
    pub note: Option<NoteRef>,
    /// The last entries of the ledger, oldest first.
    pub history: Vec<Entry>,
}

impl Store {
    /// What is remembered of an issue; `None` if it is not followed.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it could not be read, [`Error::Corrupt`] if it makes no sense.
    pub async fn recall(&self, issue: IssueRef) -> Result<Option<Recollection>, Error> {
        self.reader.run(move |connection| recall(connection, issue)).await
    }

    /// Notes that an issue's comment is about to be edited: until that is recorded, nobody knows how it reads. So an
    /// edit that was broken off is made again, even if the issue reads by then as it did before.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it could not be made durable.
    pub async fn doubt_note(&self, issue: IssueRef) -> Result<(), Error> {
        self.writer.run(move |connection| doubt_note(connection, issue)).await
    }
}

fn doubt_note(connection: &Connection, issue: IssueRef) -> Result<(), Error> {
    connection
        .prepare_cached("UPDATE followed SET note_digest = NULL WHERE project_id = ?1 AND iid = ?2")?
        .execute(params![issue.project_id, issue.iid])?;
    Ok(())
}

/// How an issue was left, as far as a glimpse can be compared with it.
pub(super) struct Left {
    state: String,
    work_item_type: String,
    labels: String,
}

impl Left {
    /// Reads the columns `state`, `work_item_type` and `labels`, which begin at this one; `None` if they are NULL.
    pub fn from_row(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Self>> {
        let Some(state) = row.get(first)? else { return Ok(None) };
        Ok(Some(Self { state, work_item_type: row.get(first + 1)?, labels: row.get(first + 2)? }))
    }

    /// Whether a glimpse shows the issue otherwise.
    pub fn differs(&self, glimpse: &Glimpse) -> Result<bool, Error> {
        let same_state = glimpse.state.is_none_or(|seen| seen.name() == self.state);
        // A closed issue is left as it is, so what changes on it does not matter until it is reopened.
        if same_state && self.state == State::Closed.name() {
            return Ok(false);
        }
        let same_type = glimpse.work_item_type.is_none_or(|seen| seen.name() == self.work_item_type);
        Ok(!(same_state && same_type && labels_to_json(&glimpse.labels)? == self.labels))
    }
}

pub(super) fn remember(
    connection: &Connection,
    issue: IssueRef,
    record: &Record,
    now: Millis,
) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO followed
                 (project_id, iid, state, work_item_type, labels, hands, note_id, note_digest)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            issue.project_id,
            issue.iid,
            record.state.name(),
            record.work_item_type.name(),
            labels_to_json(&record.labels)?,
            hands_to_json(&record.hands)?,
            record.note.as_ref().map(|note| note.id),
            record.note.as_ref().and_then(|note| note.digest.as_ref()),
        ])?;
    if let Some(entry) = &record.entry {
        ledger::append(connection, issue, entry, now)?;
    }
    Ok(())
}

/// Forgets which comment is ours, so that the next look searches for it and finds any that are too many.
pub(super) fn forget_note(connection: &Connection, issue: IssueRef) -> Result<(), Error> {
    connection
        .prepare_cached(
            "UPDATE followed SET note_id = NULL, note_digest = NULL WHERE project_id = ?1 AND iid = ?2",
        )?
        .execute(params![issue.project_id, issue.iid])?;
    Ok(())
}

fn recall(connection: &Connection, issue: IssueRef) -> Result<Option<Recollection>, Error> {
    let row = connection
        .prepare_cached(
            "SELECT labels, hands, note_id, note_digest, work_item_type FROM followed WHERE project_id = ?1 AND iid = ?2",
        )?
        .query_row(params![issue.project_id, issue.iid], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, Option<u64>>(2)?,
                row.get::<_, Option<String>>(3)?,
                row.get::<_, String>(4)?,
            ))
        })
        .optional()?;
    let Some((labels, hands, note_id, digest, work_item_type)) = row else {
        return Ok(None);
    };
    let history = ledger::history(connection, issue)?;
    let Some(last) = history.last() else {
        return Err(Error::Corrupt(format!("issue {issue} is followed and has no ledger entry")));
    };
    Ok(Some(Recollection {
        work_item_type: WorkItemType::from_name(&work_item_type),
        memory: Memory {
            standing: last.after.clone(),
            labels: labels_from_json(&labels)?,
            hands: hands_from_json(&hands)?,
        },
        note: note_id.map(|id| NoteRef { id, digest }),
        history,
    }))
}
