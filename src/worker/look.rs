//! What a look at an issue came to.

use crate::calculator::label::Label;
use crate::config::settings::Mode;
use crate::store::Record;

/// What a look came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// Closed issues are left as they are; how it was left if it is followed.
    Closed(Option<Record>),
    /// From no source, and nothing of ours is on it: not worth following; how it is if it was watched before.
    NoSource(Option<Record>),
    /// Assessed; what changed, and how the issue was left.
    Assessed(Changes, Record),
}

impl Look {
    /// How the issue was left, if it is worth following. A dry run leaves nothing to remember: the issue is not as it
    /// would have been left, and what was only logged has to be done once the mode is live. In shadow it is remembered as
    /// it is, and that it was only watched.
    #[must_use]
    pub fn record(self, mode: Mode) -> Option<Record> {
        match (self, mode) {
            (_, Mode::DryRun) => None,
            (Self::Closed(record) | Self::NoSource(record), Mode::Live | Mode::Shadow) => record,
            (Self::Assessed(_, record), Mode::Live | Mode::Shadow) => Some(record),
        }
    }
}

/// What an assessment changed in GitLab, or would change if the mode were live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The score.
    pub score: u32,
    /// The id of the score's band.
    pub band: String,
    /// Labels that were added.
    pub added: Vec<Label>,
    /// Labels that were removed.
    pub removed: Vec<Label>,
    /// What became of the comment.
    pub comment: Written,
}

impl Changes {
    /// Whether there was nothing to change.
    #[must_use]
    pub fn none(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.comment == Written::Unchanged
    }
}

/// What became of the comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is new.
    Created,
    /// It reads otherwise.
    Edited,
    /// It reads as it did.
    Unchanged,
    /// Nothing is written: it would be new.
    WouldCreate,
    /// Nothing is written: it would read otherwise.
    WouldEdit,
}
