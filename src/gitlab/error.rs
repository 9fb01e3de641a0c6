//! What can go wrong with a call, named by the reaction it needs.

use std::time::Duration;

/// Why a call to GitLab did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// 429: no calls for a while. GitLab's application limits (notes, issues) send no `Retry-After`.
    #[error("GitLab asks for fewer calls (429)")]
    Throttled {
        /// How long GitLab wants us to wait, if it says.
        retry_after: Option<Duration>,
    },
    /// 5xx, a time-out, a broken connection, an answer that is not GitLab's: it may work later, and a write may have been
    /// done all the same.
    #[error("GitLab is unavailable: {reason}")]
    Unavailable {
        /// What happened, without any body.
        reason: String,
        /// How long GitLab wants us to wait, if it says.
        retry_after: Option<Duration>,
    },
    /// 401: the access token is wrong, expired or revoked; nothing works until somebody replaces it.
    #[error(
        "GitLab does not accept the access token (401): it is wrong, expired or revoked; put a new one in its place"
    )]
    Unauthorized,
    /// Nothing works until somebody mends the configuration or what is between us and GitLab: every call is redirected,
    /// or GitLab does not even say whose the access token is.
    #[error("GitLab cannot be used: {reason}")]
    Unusable {
        /// What happened, without any body, and what to check.
        reason: String,
    },
    /// 403, or a write that GitLab silently ignored: the token may see but not do this.
    #[error("GitLab refuses: {reason}")]
    Refused {
        /// What is missing.
        reason: String,
    },
    /// 404: gone, moved, or invisible to the token.
    #[error("GitLab does not show it to this access token (404): it is gone, or the token has no access")]
    NotFound,
    /// 400, 422, a project that is at another path now, …: the request itself is wrong, and repeating it is no use.
    #[error("GitLab rejects the request: {reason}")]
    Rejected {
        /// What happened, without any body.
        reason: String,
    },
}

impl Error {
    /// What was begun with one access token cannot be ended with another one; from the beginning it can.
    #[must_use]
    pub fn token_replaced() -> Self {
        let reason = "the access token was replaced meanwhile; trying again with the new one".to_owned();
        Self::Unavailable { reason, retry_after: None }
    }
}
