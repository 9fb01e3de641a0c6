//! Issues about which people have decided, with where each stood in the end, to see how often the score says the same.

use super::rows::{decided, standing_from_json};
use super::{Engine, Error, Store};
use crate::calculator::agreement::Decided;
use crate::calculator::issue::IssueRef;
use crate::calculator::standing::Standing;

/// An issue about which people have decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecidedIssue {
    /// Which issue.
    pub issue: IssueRef,
    /// What, and when.
    pub decided: Decided,
    /// Where it stood last: all that was ever known of it. What was answered after the decision counts; what nobody
    /// answered stays unanswered.
    pub standing: Standing,
}

impl Store {
    /// The issues about which people decided last, the latest first, so many at most.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if they could not be read, [`Error::Corrupt`] if they make no sense.
    pub async fn decided(&self, last: u32) -> Result<Vec<DecidedIssue>, Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.decided(last).await,
            Engine::Postgres(postgres) => postgres.decided(last).await,
        }
    }
}

/// The row of such an issue.
pub(super) struct Row {
    pub issue: IssueRef,
    pub decision: String,
    pub decided_at: i64,
    pub standing: String,
}

impl Row {
    pub fn decided_issue(self) -> Result<DecidedIssue, Error> {
        Ok(DecidedIssue {
            issue: self.issue,
            decided: decided(&self.decision, self.decided_at)?,
            standing: standing_from_json(&self.standing)?,
        })
    }
}
