//! The configuration: built-in defaults, then one TOML file, then the environment, read once.
//!
//! The only reader of files that configure and of the environment. Gives a complete [`Config`] or everything that is
//! wrong, each with its place. Never prints a secret.

pub mod problem;
pub mod settings;
pub mod sources;
pub mod values;

mod access_token;
mod credentials;
mod known_keys;
mod places;
mod policy_check;
mod policy_file;
mod setting_up;
mod store_url;

use std::time::Duration;

use serde_json::Value;

use crate::calculator::policy::Policy;
use known_keys::KnownKeys;
use places::Places;
use problem::{Problem, Problems};
use settings::Settings;
use sources::{SettingsFile, Sources};

pub use access_token::AccessToken;
use credentials::plain_http_url;

pub use credentials::{Credentials, SigningKey};
pub use setting_up::{Credential, SettingUp, keep_credential};
pub use store_url::StoreUrl;

/// The path that receives GitLab's webhooks.
pub const WEBHOOK_PATH: &str = "/webhooks/gitlab";
/// Longer waits are mistakes, and would be times that no clock can show.
const LONGEST_PERIOD: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Every setting with its default, as a file that people can copy from.
pub const DEFAULTS: &str = include_str!("defaults.toml");

/// Settings that are well-formed, and the checked policy. Enough for `escalator score`, not for `escalator serve`.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings as written, defaults filled in.
    pub settings: Settings,
    /// The rule.
    pub policy: Policy,
    places: Places,
}

/// Everything `escalator serve` needs, complete.
#[derive(Debug, Clone)]
pub struct Config {
    /// The settings as written, defaults filled in.
    pub settings: Settings,
    /// The rule.
    pub policy: Policy,
    /// How deliveries prove where they come from.
    pub credentials: Credentials,
    /// Where GitLab is and how to be let in.
    pub gitlab: GitLabAccess,
    /// Where the store is.
    pub store: StoreUrl,
    /// Whether `writes.fuse` holds.
    pub fuse: Fuse,
}

/// Whether too many writes stop writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fuse {
    /// They do.
    Holds,
    /// It is nobody's GitLab, and whoever plays with it is not to be stopped.
    Bridged,
}

/// What a GitLab client needs.
#[derive(Debug, Clone)]
pub struct GitLabAccess {
    /// Base address without a trailing slash.
    pub url: String,
    /// The access token.
    pub token: AccessToken,
    /// How long one call may take.
    pub timeout: Duration,
    /// The most calls per second.
    pub requests_per_second: u32,
    /// The most new comments per minute.
    pub notes_per_minute: u32,
}

/// Reads defaults, file and environment.
///
/// # Errors
/// Every unknown key, every value of the wrong form, and every contradiction of the policy.
pub fn load(sources: &Sources) -> Result<Loaded, Problems> {
    let file = sources
        .file
        .as_deref()
        .map(SettingsFile::read)
        .transpose()
        .map_err(|problem| Problems(vec![problem]))?;
    let known = KnownKeys::of(schema());
    let places = Places { file, variables: sources.variables.clone() };
    places.refuse_unknown(&known)?;

    let settings = places.merged(&known).map_err(|problem| Problems(vec![problem]))?;
    let policy = settings
        .policy
        .clone()
        .into_policy()
        .and_then(|policy| check_ranges(&settings).map(|()| policy))
        .map_err(|problems| places.locate(problems))?;
    Ok(Loaded { settings, policy, places })
}

/// The JSON Schema of the configuration.
#[must_use]
pub fn schema() -> Value {
    schemars::schema_for!(Settings).to_value()
}

impl Loaded {
    /// What serving needs besides: credentials, GitLab's address, a token, a store.
    ///
    /// # Errors
    /// Everything that is missing or unusable, with what to write.
    pub fn serving(self) -> Result<Config, Problems> {
        let mut problems = Vec::new();
        let credentials = credentials::read(&self.settings.webhook, &mut problems);
        let gitlab = self.gitlab_or_explain(&mut problems);
        let store = store_url::read(&self.settings.store, &mut problems);
        match (credentials, gitlab, store) {
            (Some(credentials), Some(gitlab), Some(store)) if problems.is_empty() => {
                let (settings, policy) = (self.settings, self.policy);
                Ok(Config { settings, policy, credentials, gitlab, store, fuse: Fuse::Holds })
            }
            (_, _, _) => Err(self.places.locate(problems)),
        }
    }

    /// What a GitLab client needs, for commands that only read.
    ///
    /// # Errors
    /// What is missing or unusable, with what to write.
    pub fn gitlab(&self) -> Result<GitLabAccess, Problems> {
        let mut problems = Vec::new();
        self.gitlab_or_explain(&mut problems).ok_or_else(|| self.places.locate(problems))
    }

    /// Where the store is, for commands that work beside a service.
    ///
    /// # Errors
    /// If `store.url` is unusable.
    pub fn store(&self) -> Result<StoreUrl, Problems> {
        let mut problems = Vec::new();
        store_url::read(&self.settings.store, &mut problems).ok_or_else(|| self.places.locate(problems))
    }

    fn gitlab_or_explain(&self, problems: &mut Vec<Problem>) -> Option<GitLabAccess> {
        let gitlab = &self.settings.gitlab;
        let url = credentials::gitlab_url(gitlab.url.as_deref(), problems);
        let token = credentials::access_token(gitlab, problems);
        Some(GitLabAccess {
            url: url?,
            token: AccessToken::new(token?, gitlab.token_file.clone()),
            timeout: gitlab.timeout.0,
            requests_per_second: gitlab.requests_per_second,
            notes_per_minute: gitlab.notes_per_minute,
        })
    }
}

/// Whether an address can be one of ours. A proxy may have put something before our path.
fn leads_to_webhooks(url: &str) -> bool {
    plain_http_url(url).is_some_and(|parsed| parsed.path().ends_with(WEBHOOK_PATH))
}

fn check_ranges(settings: &Settings) -> Result<(), Vec<Problem>> {
    let checks = [
        ((1..=256).contains(&settings.queue.workers), "queue.workers", "must be from 1 to 256"),
        (settings.queue.max_attempts >= 1, "queue.max_attempts", "must be at least 1"),
        (
            settings.writes.fuse >= 10,
            "writes.fuse",
            "must be at least 10: one look may write several labels and a comment, and has to fit in",
        ),
        (settings.gitlab.notes_per_minute >= 1, "gitlab.notes_per_minute", "must be at least 1"),
        (settings.gitlab.requests_per_second >= 1, "gitlab.requests_per_second", "must be at least 1"),
        (!settings.gitlab.timeout.0.is_zero(), "gitlab.timeout", "must be longer than 0s"),
        (!settings.queue.retry_base.0.is_zero(), "queue.retry_base", "must be longer than 0s"),
        (!settings.sweep.interval.0.is_zero(), "sweep.interval", "must be longer than 0s"),
        (
            settings.queue.retry_max.0 >= settings.queue.retry_base.0,
            "queue.retry_max",
            "must be at least queue.retry_base",
        ),
        (
            settings.webhook.url.as_deref().is_none_or(leads_to_webhooks),
            "webhook.url",
            "must be an http or https address without user, password or query that ends in /webhooks/gitlab, such as \
             https://escalator.example.com/webhooks/gitlab",
        ),
        (settings.webhook.max_body.0 >= 1024, "webhook.max_body", "must be at least 1KiB"),
        (
            settings.telemetry.otlp_endpoint.as_deref().is_none_or(|url| plain_http_url(url).is_some()),
            "telemetry.otlp_endpoint",
            "must be an http or https address without user, password or query, such as http://127.0.0.1:4318",
        ),
    ];
    let periods = [
        ("server.shutdown_timeout", settings.server.shutdown_timeout),
        ("gitlab.timeout", settings.gitlab.timeout),
        ("queue.retry_base", settings.queue.retry_base),
        ("queue.retry_max", settings.queue.retry_max),
        ("sweep.interval", settings.sweep.interval),
    ];
    let too_long = periods
        .into_iter()
        .filter(|(_, period)| period.0 > LONGEST_PERIOD)
        .map(|(key, _)| Problem::new(key, "must be at most 30d"));
    let problems: Vec<_> = checks
        .into_iter()
        .filter(|(holds, _, _)| !holds)
        .map(|(_, key, message)| Problem::new(key, message))
        .chain(too_long)
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}
