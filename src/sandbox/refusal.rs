//! Why GitLab would not do what was asked.

/// A refusal, named by what GitLab answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No token, an unknown one, or a revoked one.
    #[error("401 Unauthorized")]
    Unauthorized,
    /// The token may read only.
    #[error("insufficient_scope")]
    InsufficientScope,
    /// Not there, or not visible to the caller, which GitLab does not tell apart.
    #[error("{0}")]
    NotFound(&'static str),
    /// Visible, but not allowed.
    #[error("403 Forbidden")]
    Forbidden,
    /// The request makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// Something of that name exists already.
    #[error("{0}")]
    Conflict(&'static str),
    /// Too many notes or requests in this minute.
    #[error("This endpoint has been requested too many times. Try again later.")]
    TooManyRequests,
}

impl Refusal {
    /// A project that is not there for the caller.
    pub const NO_PROJECT: Self = Self::NotFound("404 Project Not Found");
    /// A group that is not there for the caller.
    pub const NO_GROUP: Self = Self::NotFound("404 Group Not Found");
    /// An issue that is not there for the caller.
    pub const NO_ISSUE: Self = Self::NotFound("404 Not found");
    /// A note that is not there for the caller.
    pub const NO_NOTE: Self = Self::NotFound("404 Note Not Found");
    /// A label that is not there for the caller.
    pub const NO_LABEL: Self = Self::NotFound("404 Label Not Found");
    /// A board that is not there for the caller.
    pub const NO_BOARD: Self = Self::NotFound("404 Board Not Found");
    /// A webhook that is not there for the caller.
    pub const NO_HOOK: Self = Self::NotFound("404 Not found");
}
