//! Who Escalator is in GitLab: the user that its access token belongs to.

use std::sync::{Arc, OnceLock};

/// Our user id, shared between the part that asks GitLab for it and those that need it. Unknown until GitLab has
/// answered once.
#[derive(Debug, Clone, Default)]
pub struct Identity(Arc<OnceLock<u64>>);

impl Identity {
    /// Our user id, if known.
    #[must_use]
    pub fn user_id(&self) -> Option<u64> {
        self.0.get().copied()
    }

    /// Learns our user id. It stays what it was first: a token of another user needs a restart.
    pub fn learn(&self, user_id: u64) {
        self.0.get_or_init(|| user_id);
    }
}
