//! Who Escalator is in GitLab: the user that its access token belongs to.

use std::sync::{Arc, PoisonError, RwLock};

/// Our user id, shared between the part that asks GitLab for it and those that need it. Unknown until GitLab has
/// answered once.
#[derive(Debug, Clone, Default)]
pub struct Identity(Arc<RwLock<Option<Learned>>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Learned {
    user_id: u64,
    replacements: u64,
}

impl Identity {
    /// Our user id as far as known. Another one's, for a moment, after the access token was replaced.
    #[must_use]
    pub fn user_id(&self) -> Option<u64> {
        self.learned().map(|learned| learned.user_id)
    }

    /// Our user id, if it was learned with the access token of now: the one after so many replacements.
    #[must_use]
    pub fn user_id_with(&self, replacements: u64) -> Option<u64> {
        self.learned().filter(|learned| learned.replacements == replacements).map(|learned| learned.user_id)
    }

    /// Learns our user id from the access token after so many replacements. Returns the id that it was before, if it
    /// was another one.
    pub fn learn(&self, user_id: u64, replacements: u64) -> Option<u64> {
        let mut learned = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = learned.replace(Learned { user_id, replacements });
        before.map(|before| before.user_id).filter(|before| *before != user_id)
    }

    fn learned(&self) -> Option<Learned> {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}
