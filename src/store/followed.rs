//! The issues that Escalator follows: how it left each, and what a glimpse of one has to be compared with.

use super::ledger::Entry;
use super::rows::{decided, hands_from_json, involvement, labels_from_json, labels_to_json};
use super::writes::Write;
use super::{Engine, Error, Store};
use crate::calculator::agreement::{Decided, Involvement};
use crate::calculator::issue::{Glimpse, IssueRef, State, WorkItemType};
use crate::calculator::label::Label;
use crate::calculator::plan::{Hand, Memory};

/// The most issues in a page of those that are followed.
pub(super) const PAGE: i64 = 100;

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
    /// Whether we ever wrote on it.
    pub involvement: Involvement,
    /// What people have decided by now.
    pub decided: Option<Decided>,
    /// What to append to the ledger, if the assessment changed.
    pub entry: Option<Entry>,
    /// What was written to GitLab.
    pub writes: Vec<Write>,
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
    /// Whether we ever wrote on it.
    pub involvement: Involvement,
    /// What people had decided by then.
    pub decided: Option<Decided>,
    /// The last entries of the ledger, oldest first.
    pub history: Vec<Entry>,
}

impl Store {
    /// What is remembered of an issue; `None` if it is not followed.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it could not be read, [`Error::Corrupt`] if it makes no sense.
    pub async fn recall(&self, issue: IssueRef) -> Result<Option<Recollection>, Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.recall(issue).await,
            Engine::Postgres(postgres) => postgres.recall(issue).await,
        }
    }

    /// Notes that nobody knows how an issue's comment reads, so that the next look writes it whatever it was.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it could not be made durable.
    pub async fn doubt_note(&self, issue: IssueRef) -> Result<(), Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.doubt_note(issue).await,
            Engine::Postgres(postgres) => postgres.doubt_note(issue).await,
        }
    }
}

/// How an issue was left, as far as a glimpse can be compared with it.
pub(super) struct Left {
    pub state: String,
    pub work_item_type: String,
    pub labels: String,
}

impl Left {
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

/// The row of a followed issue.
pub(super) struct Row {
    pub work_item_type: String,
    pub labels: String,
    pub hands: String,
    pub note_id: Option<u64>,
    pub note_digest: Option<String>,
    pub involvement: String,
    pub decision: Option<String>,
    pub decided_at: Option<i64>,
}

impl Row {
    /// What is remembered of the issue, with what the ledger tells of it.
    pub fn recollect(self, issue: IssueRef, history: Vec<Entry>) -> Result<Recollection, Error> {
        let Some(last) = history.last() else {
            return Err(Error::Corrupt(format!("issue {issue} is followed and has no ledger entry")));
        };
        Ok(Recollection {
            work_item_type: WorkItemType::from_name(&self.work_item_type),
            memory: Memory {
                standing: last.after.clone(),
                labels: labels_from_json(&self.labels)?,
                hands: hands_from_json(&self.hands)?,
            },
            note: self.note_id.map(|id| NoteRef { id, digest: self.note_digest }),
            involvement: involvement(&self.involvement)?,
            decided: self.decision.zip(self.decided_at).map(|(word, at)| decided(&word, at)).transpose()?,
            history,
        })
    }
}
