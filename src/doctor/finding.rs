//! What a check comes to.

use serde::Serialize;

/// One check of one thing. Field names are a promise to scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was checked.
    pub check: Check,
    /// Of what: the configuration, a group, a project, a webhook.
    pub subject: String,
    /// How it is.
    pub state: State,
    /// What was found. Holds nothing that a person typed but titles of the policy and paths, and no secret.
    pub found: String,
    /// What to do, exactly; there for `warn` and `fail`.
    pub remedy: Option<String>,
}

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As it should be.
    Ok,
    /// It works, and something is lost or will be.
    Warn,
    /// Something does not work.
    Fail,
    /// It could not be looked at.
    Skipped,
}

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// Everything that `serve` needs is configured.
    Configuration,
    /// Something is watched.
    Watched,
    /// The comment can be rendered.
    Templates,
    /// The store can be used.
    Store,
    /// Nothing is parked.
    Parked,
    /// Writing is not stopped.
    Writing,
    /// GitLab answers.
    Gitlab,
    /// Its version will do.
    Version,
    /// Its clock and ours agree.
    Clock,
    /// It accepts the access token.
    Token,
    /// The token may do what Escalator does.
    Scopes,
    /// The token will be good for a while.
    Expiry,
    /// The token sees a watched place.
    Visible,
    /// Its user's role is enough to label and to comment.
    Role,
    /// Projects can be written.
    Archived,
    /// The labels of the policy exist.
    Labels,
    /// None exists twice in another case.
    LabelTwins,
    /// Whether GitLab keeps one label of each scope.
    ScopedLabels,
    /// It is known where webhooks are to lead.
    WebhookUrl,
    /// One leads here.
    Webhook,
    /// It is called for all that matters.
    WebhookEvents,
    /// GitLab checks our certificate.
    WebhookTls,
    /// We accept its proof.
    WebhookProof,
    /// GitLab has not switched it off.
    WebhookEnabled,
    /// Its deliveries arrive.
    WebhookFailures,
    /// A test delivery arrives.
    WebhookDelivery,
}

impl Finding {
    /// As it should be.
    #[must_use]
    pub fn ok(check: Check, subject: impl Into<String>, found: impl Into<String>) -> Self {
        Self { check, subject: subject.into(), state: State::Ok, found: found.into(), remedy: None }
    }

    /// Something is lost or will be.
    #[must_use]
    pub fn warn(
        check: Check,
        subject: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { state: State::Warn, remedy: Some(remedy.into()), ..Self::ok(check, subject, found) }
    }

    /// Something does not work.
    #[must_use]
    pub fn fail(
        check: Check,
        subject: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { state: State::Fail, ..Self::warn(check, subject, found, remedy) }
    }

    /// It could not be looked at, because of something else.
    #[must_use]
    pub fn skipped(check: Check, subject: impl Into<String>, because: &str) -> Self {
        Self { state: State::Skipped, ..Self::ok(check, subject, format!("skipped: {because}")) }
    }
}
