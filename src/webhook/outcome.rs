//! What became of a delivery: one word for metrics, one status for the sender.

use actix_web::http::StatusCode;

use super::body::Ignored;
use super::door::Refusal;

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Durably noted.
    Queued,
    /// Shows the issue as Escalator left it.
    Unchanged,
    /// Tells of our own doing, and shows nothing else.
    Own,
    /// Neither followed nor from any source.
    Irrelevant,
    /// Authentic, but nothing that matters.
    Ignored(Ignored),
    /// Not proven.
    Refused(Refusal),
    /// Larger than `webhook.max_body`.
    TooLarge,
    /// The body did not end in time.
    TooSlow,
    /// The body broke off.
    BrokenOff,
    /// Could not be noted.
    Unavailable,
}

impl Outcome {
    /// Every outcome there is.
    pub const ALL: [Self; 17] = [
        Self::Queued,
        Self::Unchanged,
        Self::Own,
        Self::Irrelevant,
        Self::Ignored(Ignored::Unparseable),
        Self::Ignored(Ignored::OtherKind),
        Self::Ignored(Ignored::NoIssue),
        Self::Refused(Refusal::NoProof),
        Self::Refused(Refusal::WrongToken),
        Self::Refused(Refusal::Unsigned),
        Self::Refused(Refusal::Malformed),
        Self::Refused(Refusal::OutOfTime),
        Self::Refused(Refusal::WrongSignature),
        Self::TooLarge,
        Self::TooSlow,
        Self::BrokenOff,
        Self::Unavailable,
    ];

    /// One word for it, for metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Unchanged => "unchanged",
            Self::Own => "own",
            Self::Irrelevant => "irrelevant",
            Self::Ignored(ignored) => ignored.name(),
            Self::Refused(refusal) => refusal.name(),
            Self::TooLarge => "too_large",
            // To whoever looks at metrics both are the same: a sender that does not get to the end.
            Self::TooSlow | Self::BrokenOff => "incomplete",
            Self::Unavailable => "unavailable",
        }
    }

    /// What the sender is answered.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Queued => StatusCode::ACCEPTED,
            Self::Unchanged | Self::Own | Self::Irrelevant | Self::Ignored(_) => StatusCode::OK,
            Self::Refused(_) => StatusCode::UNAUTHORIZED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BrokenOff => StatusCode::BAD_REQUEST,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}
