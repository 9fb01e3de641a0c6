//! Who Escalator is in GitLab: the user that its access token belongs to, and by which name people mention it.

use std::sync::{Arc, PoisonError, RwLock};

/// Our user, shared between the part that asks GitLab for it and those that need it. Unknown until GitLab has answered
/// once.
#[derive(Debug, Clone, Default)]
pub struct Identity(Arc<RwLock<Option<Learned>>>, Arc<RwLock<Option<String>>>);

#[derive(Debug)]
struct Learned {
    user_id: u64,
    replacements: u64,
}

impl Identity {
    /// Our user id as far as known. Another one's, for a moment, after the access token was replaced.
    ///
    /// The only id whose webhooks are echoes of ours: what a former bot does from now on is not our doing, and a late
    /// delivery of what it did while it was us costs one look.
    #[must_use]
    pub fn user_id(&self) -> Option<u64> {
        let learned = self.0.read().unwrap_or_else(PoisonError::into_inner);
        learned.as_ref().map(|learned| learned.user_id)
    }

    /// Our user id, if it was learned with the access token of now: the one after so many replacements.
    #[must_use]
    pub fn user_id_with(&self, replacements: u64) -> Option<u64> {
        let learned = self.0.read().unwrap_or_else(PoisonError::into_inner);
        learned.as_ref().filter(|learned| learned.replacements == replacements).map(|learned| learned.user_id)
    }

    /// Learns our user id from the access token after so many replacements. Returns the one that was ours before, if it
    /// was another one.
    pub fn learn(&self, user_id: u64, replacements: u64) -> Option<u64> {
        let mut learned = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = learned.replace(Learned { user_id, replacements });
        before.map(|before| before.user_id).filter(|before| *before != user_id)
    }

    /// Learns by which name people mention us.
    pub fn learn_name(&self, username: &str) {
        let mut name = self.1.write().unwrap_or_else(PoisonError::into_inner);
        *name = Some(username.to_owned());
    }

    /// Whether somebody who mentions this name may mean us. While we do not know our name, it may be any.
    #[must_use]
    pub fn may_be_called(&self, name: &str) -> bool {
        let own = self.1.read().unwrap_or_else(PoisonError::into_inner);
        own.as_ref().is_none_or(|own| own.eq_ignore_ascii_case(name))
    }
}
