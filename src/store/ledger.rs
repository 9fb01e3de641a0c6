//! The ledger: every change of an assessment, appended and never changed, and who caused it.

use super::rows::{labels_from_json, standing_from_json};
use super::{Engine, Error, Store};
use crate::calculator::issue::{IssueRef, Moment};
use crate::calculator::label::Label;
use crate::calculator::plan::Gesture;
use crate::calculator::standing::{LabelDifference, Standing};

/// The most entries of one issue that are read back; the ledger keeps all.
pub(super) const HISTORY: i64 = 20;
/// After so many failures an entry's causes are not asked for any more: the issue is gone.
pub(super) const CAUSE_ATTEMPTS: i32 = 5;

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
    /// The oldest entries whose causes are still to be asked for. While notes of an issue are to be read, its entries wait:
    /// a label of a command may be on the issue already, and who gave the command is recorded afterwards.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if they could not be read.
    pub async fn open_causes(&self) -> Result<Vec<OpenCause>, Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.open_causes().await,
            Engine::Postgres(postgres) => postgres.open_causes().await,
        }
    }

    /// Keeps the causes of an entry. With none the entry is settled too: GitLab no longer knows.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if they could not be made durable.
    pub async fn settle_causes(&self, ledger_id: i64, causes: Vec<Cause>) -> Result<(), Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.settle_causes(ledger_id, causes).await,
            Engine::Postgres(postgres) => postgres.settle_causes(ledger_id, causes).await,
        }
    }

    /// Notes that asking failed; after some failures the entry stays without causes.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn postpone_causes(&self, ledger_id: i64) -> Result<(), Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.postpone_causes(ledger_id).await,
            Engine::Postgres(postgres) => postgres.postpone_causes(ledger_id).await,
        }
    }

    /// Every cause that is known of an issue's changes, oldest first.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if they could not be read.
    pub async fn causes(&self, issue: IssueRef) -> Result<Vec<Cause>, Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.causes(issue).await,
            Engine::Postgres(postgres) => postgres.causes(issue).await,
        }
    }
}

/// The row of a ledger entry.
pub(super) struct Row {
    pub at: i64,
    pub policy_version: String,
    pub before: Option<String>,
    pub after: String,
    pub labels_added: String,
    pub labels_removed: String,
}

impl Row {
    pub fn entry(self) -> Result<Entry, Error> {
        Ok(Entry {
            at: Moment(self.at),
            policy_version: self.policy_version,
            before: self.before.as_deref().map(standing_from_json).transpose()?,
            after: standing_from_json(&self.after)?,
            labels: difference(&self.labels_added, &self.labels_removed)?,
        })
    }
}

/// The labels that did it, from two columns.
pub(super) fn difference(added: &str, removed: &str) -> Result<LabelDifference, Error> {
    Ok(LabelDifference { added: labels_from_json(added)?, removed: labels_from_json(removed)? })
}
