//! The settings as people write them: one struct per table, each field documented for `config schema`.

use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::policy_file::PolicyFile;
use super::values::{
    ByteSize, Period, Secret, address_schema, store_url_without_password, without_password_if_any,
};

/// Everything that can be configured.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether changes are written to GitLab or only logged.
    pub mode: Mode,
    /// Where webhooks come in.
    pub server: Server,
    /// Health and metrics.
    pub admin: Admin,
    /// Where Escalator remembers.
    pub store: Store,
    /// How deliveries prove where they come from.
    pub webhook: Webhook,
    /// The GitLab that Escalator works in.
    pub gitlab: GitLab,
    /// The issues that wait to be looked at.
    pub queue: Queue,
    /// What is written to GitLab.
    pub writes: Writes,
    /// Finding what webhooks missed.
    pub sweep: Sweep,
    /// The comment.
    pub comment: Comment,
    /// The people who decide.
    pub roster: Roster,
    /// Logs, on standard error.
    pub log: Log,
    /// Traces.
    pub telemetry: Telemetry,
    /// What counts as a Platform Escalation.
    pub policy: PolicyFile,
}

/// `mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Writes to GitLab.
    Live,
    /// Does everything but the writes, which are logged.
    DryRun,
    /// The same, and keeps what it found, to compare it with what people decide.
    Shadow,
}

impl Mode {
    /// How it is configured.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::DryRun => "dry-run",
            Self::Shadow => "shadow",
        }
    }
}

/// `[server]`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address and port that receive webhooks.
    #[schemars(schema_with = "address_schema")]
    pub listen: SocketAddr,
    /// How long a graceful stop may take.
    pub shutdown_timeout: Period,
}

/// `[admin]`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    /// Address and port of `/livez`, `/readyz` and `/metrics`.
    #[schemars(schema_with = "address_schema")]
    pub listen: SocketAddr,
}

/// `[store]`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// `sqlite://` and a path, relative to the working directory or absolute (`sqlite:///data/escalator.db`), for one
    /// process; or `postgres://user@host/database`, which replicas share.
    #[serde(serialize_with = "store_url_without_password")]
    pub url: String,
    /// A file that holds the address, for one with a password.
    pub url_file: Option<PathBuf>,
}

/// `[webhook]`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// The address by which GitLab reaches this service's `/webhooks/gitlab`, such as
    /// `https://escalator.example.com/webhooks/gitlab`. `setup` gives it to the webhooks that it makes; by it `doctor` and
    /// the watchdog of `serve` know which webhooks lead here.
    #[serde(serialize_with = "without_password_if_any", skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Secret tokens (`X-Gitlab-Token`); several at once while rotating. A comma separates them in the environment, so
    /// a token that has one belongs into the file.
    pub secret_tokens: Vec<Secret>,
    /// A file with one secret token per line.
    pub secret_tokens_file: Option<PathBuf>,
    /// Signing tokens (`whsec_…`); several at once while rotating.
    pub signing_tokens: Vec<Secret>,
    /// A file with one signing token per line.
    pub signing_tokens_file: Option<PathBuf>,
    /// Accept a bare secret token although signing tokens are configured: for the time of the migration only.
    pub allow_plain_token: bool,
    /// Larger bodies are refused.
    pub max_body: ByteSize,
}

/// `[gitlab]`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GitLab {
    /// The address people use in the browser.
    #[serde(serialize_with = "without_password_if_any", skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// An access token with the scope `api` and at least the Planner role (Reporter before GitLab 17.7).
    pub token: Option<Secret>,
    /// A file that holds the access token.
    pub token_file: Option<PathBuf>,
    /// Groups that sweep and backfill watch, by path.
    pub groups: Vec<String>,
    /// Projects that sweep and backfill watch, by path.
    pub projects: Vec<String>,
    /// How long one call may take.
    pub timeout: Period,
    /// The most calls per second to GitLab.
    #[schemars(range(min = 1))]
    pub requests_per_second: u32,
    /// The most new comments per minute: GitLab.com allows 60, other instances 300 unless told otherwise.
    #[schemars(range(min = 1))]
    pub notes_per_minute: u32,
}

/// `[queue]`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// How many issues are worked on at the same time.
    #[schemars(range(min = 1, max = 256))]
    pub workers: usize,
    /// After so many failures an issue is parked.
    #[schemars(range(min = 1))]
    pub max_attempts: u32,
    /// The wait after the first failure; it doubles with each further one.
    pub retry_base: Period,
    /// The longest wait between two attempts.
    pub retry_max: Period,
}

/// `[writes]`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Writes {
    /// How many writes a minute, those of all replicas together, are too many, so that writing stops until somebody has
    /// looked. The default pace of calls lets about 400 through, as a look that writes is one read and two writes; a busy
    /// desk makes a few dozen.
    #[schemars(range(min = 10))]
    pub fuse: u32,
}

/// `[sweep]`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// How often.
    pub interval: Period,
}

/// `[comment]`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Comment {
    /// Write internal notes, which only members see.
    pub internal: bool,
    /// A folder whose files replace built-in templates of the same name.
    pub templates: Option<PathBuf>,
}

/// `[roster]`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Roster {
    /// Usernames of the Escalation Specialists: only they may accept and decline by a comment. Without any, nobody may.
    pub tpms: Vec<String>,
}

/// `[log]`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// For people or for machines.
    pub format: LogFormat,
}

/// `[telemetry]`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// The address of an OpenTelemetry collector that takes traces over OTLP/HTTP, such as `http://127.0.0.1:4318`.
    /// Without it nothing is recorded.
    #[serde(serialize_with = "without_password_if_any", skip_serializing_if = "Option::is_none")]
    pub otlp_endpoint: Option<String>,
}

/// `log.format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// One readable line per event.
    Text,
    /// One JSON object per line.
    Json,
}
