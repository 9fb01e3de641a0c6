//! Whose comments and labels are ours: those of the user that the access token belongs to, and of the bots it belonged
//! to before.
//!
//! GitLab makes a new bot user for a new access token of a project or group, so without the former ones every renewal
//! would turn our own work into somebody else's.

use std::collections::BTreeSet;

/// Our user in GitLab, and those we were before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnUsers {
    now: u64,
    former: BTreeSet<u64>,
}

impl OwnUsers {
    /// The user of now, and the bots of before.
    #[must_use]
    pub fn new(now: u64, former: BTreeSet<u64>) -> Self {
        Self { now, former }
    }

    /// The user that GitLab takes us for now.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Whether a user is us, or was.
    #[must_use]
    pub fn include(&self, user_id: u64) -> bool {
        user_id == self.now || self.former.contains(&user_id)
    }
}
