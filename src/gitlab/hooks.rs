//! Webhooks of projects and groups: what is there, making and mending them.
//!
//! Old GitLabs tell less of a webhook, so everything but its id and address may be missing. Secrets go out and never come
//! back: GitLab only tells whether it has one.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::answer::json;
use super::client::Client;
use super::error::Error;
use super::issue_list::Place;
use super::path::segment;
use super::times::moment;
use crate::calculator::issue::Moment;
use crate::config::values::Secret;

/// Whether GitLab still calls a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertStatus {
    /// It does.
    Executable,
    /// It rests for a while after failures.
    TemporarilyDisabled,
    /// It rests until a test request succeeds.
    Disabled,
    /// This GitLab does not tell.
    Unknown,
}

/// A webhook that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Unique on the instance.
    pub id: u64,
    /// Where GitLab posts to.
    pub url: String,
    /// What people call it.
    pub name: Option<String>,
    /// The events it is called for, as GitLab spells them: `issues_events`.
    pub events: BTreeSet<String>,
    /// Whether GitLab checks our certificate.
    pub ssl_verification: bool,
    /// Whether it has a secret token; `None` where GitLab does not tell.
    pub token_present: Option<bool>,
    /// Whether it has a signing token; `None` where GitLab does not tell, before 19.0.
    pub signing_token_present: Option<bool>,
    /// Whether it is called at all.
    pub alert_status: AlertStatus,
    /// Until when it rests.
    pub disabled_until: Option<Moment>,
}

/// How a webhook proves itself to us.
#[derive(Debug, Clone)]
pub enum HookSecret {
    /// `X-Gitlab-Token`.
    Token(Secret),
    /// A signature with this `whsec_…`.
    SigningToken(Secret),
}

/// A webhook as it should be. Every change sends all of it: GitLab drops the secret of a webhook whose address changes.
#[derive(Debug, Clone)]
pub struct HookWish {
    /// Where GitLab is to post to.
    pub url: String,
    /// What people are to call it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The events it is to be called for, and no others.
    pub events: BTreeSet<String>,
    /// How it is to prove itself.
    pub secret: HookSecret,
}

#[derive(Deserialize)]
struct HookJson {
    id: u64,
    url: String,
    name: Option<String>,
    enable_ssl_verification: Option<bool>,
    token_present: Option<bool>,
    signing_token_present: Option<bool>,
    alert_status: Option<String>,
    disabled_until: Option<String>,
    /// Among what else GitLab tells, an entry for each kind of event.
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

impl From<HookJson> for Hook {
    fn from(json: HookJson) -> Self {
        let is_on =
            |(name, value): &(String, Value)| name.ends_with("_events") && *value == Value::Bool(true);
        Self {
            id: json.id,
            url: json.url,
            name: json.name,
            events: json.rest.into_iter().filter(is_on).map(|(name, _)| name).collect(),
            ssl_verification: json.enable_ssl_verification.unwrap_or(true),
            token_present: json.token_present,
            signing_token_present: json.signing_token_present,
            alert_status: match json.alert_status.as_deref() {
                Some("executable") => AlertStatus::Executable,
                Some("temporarily_disabled") => AlertStatus::TemporarilyDisabled,
                Some("disabled") => AlertStatus::Disabled,
                Some(_) | None => AlertStatus::Unknown,
            },
            disabled_until: json.disabled_until.as_deref().and_then(moment),
        }
    }
}

impl HookWish {
    /// As GitLab takes it. `push_events` is on unless it is told otherwise; of the others, what was on is told to go off.
    fn body(&self, on_before: &BTreeSet<String>) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("push_events".to_owned(), false.into());
        body.extend(on_before.iter().map(|event| (event.clone(), false.into())));
        body.extend(self.events.iter().map(|event| (event.clone(), true.into())));
        body.insert("url".to_owned(), self.url.clone().into());
        body.insert("name".to_owned(), self.name.clone().into());
        body.insert("description".to_owned(), self.description.clone().into());
        body.insert("enable_ssl_verification".to_owned(), true.into());
        let (key, secret) = match &self.secret {
            HookSecret::Token(secret) => ("token", secret),
            HookSecret::SigningToken(secret) => ("signing_token", secret),
        };
        body.insert(key.to_owned(), secret.expose().into());
        body
    }
}

impl Client {
    /// The webhooks of a place, without those of the groups above.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Refused`] and [`Error::NotFound`] where the token may not see them, or the licence has no
    /// webhooks of groups.
    pub async fn hooks(&self, place: &Place) -> Result<Vec<Hook>, Error> {
        let hooks: Vec<HookJson> =
            self.list("list_hooks", self.request(Method::GET, &hooks_path(place))).await?;
        Ok(hooks.into_iter().map(Hook::from).collect())
    }

    /// Makes a webhook.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn create_hook(&self, place: &Place, wish: &HookWish) -> Result<Hook, Error> {
        let request = self.request(Method::POST, &hooks_path(place)).json(&wish.body(&BTreeSet::new()));
        Ok(json::<HookJson>(self.send("create_hook", request).await?).await?.into())
    }

    /// Makes a webhook that is there as it should be.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn update_hook(&self, place: &Place, hook: &Hook, wish: &HookWish) -> Result<Hook, Error> {
        let request = self.request(Method::PUT, &hook_path(place, hook.id)).json(&wish.body(&hook.events));
        Ok(json::<HookJson>(self.send("update_hook", request).await?).await?.into())
    }

    /// Has a webhook called for these events as well, and leaves the rest of it as it is.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn add_hook_events(&self, place: &Place, hook: &Hook, events: &[&str]) -> Result<(), Error> {
        let mut body = Map::new();
        // GitLab wants the address in every change; as it is the old one, the secret stays.
        body.insert("url".to_owned(), hook.url.clone().into());
        body.extend(events.iter().map(|event| ((*event).to_owned(), true.into())));
        let request = self.request(Method::PUT, &hook_path(place, hook.id)).json(&body);
        self.send("update_hook", request).await.map(|_| ())
    }

    /// Removes a webhook.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::NotFound`] if it is gone already.
    pub async fn delete_hook(&self, place: &Place, hook_id: u64) -> Result<(), Error> {
        self.send("delete_hook", self.request(Method::DELETE, &hook_path(place, hook_id))).await.map(|_| ())
    }

    /// Has GitLab send a test delivery of this event, which a webhook that is switched off gets, too. GitLab allows five a
    /// minute, and needs an issue or a note to send.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Throttled`] beyond the five.
    pub async fn test_hook(&self, place: &Place, hook_id: u64, event: &str) -> Result<(), Error> {
        let path = format!("{}/test/{event}", hook_path(place, hook_id));
        self.send("test_hook", self.request(Method::POST, &path)).await.map(|_| ())
    }
}

fn hooks_path(place: &Place) -> String {
    format!("{}/hooks", place_path(place))
}

/// A webhook in the API.
pub(super) fn hook_path(place: &Place, hook_id: u64) -> String {
    format!("{}/{hook_id}", hooks_path(place))
}

/// A place in the API.
pub(super) fn place_path(place: &Place) -> String {
    match place {
        Place::Group(path) => format!("/groups/{}", segment(path)),
        Place::Project(path) => format!("/projects/{}", segment(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_of_an_old_gitlab_is_read() {
        let text = include_str!("../../tests/payloads/api.project_hook.json");
        let hook = Hook::from(serde_json::from_str::<HookJson>(text).unwrap());
        assert_eq!((hook.id, hook.url.as_str()), (1, "http://example.com/hook"));
        assert!(hook.events.contains("confidential_issues_events"));
        assert!(!hook.events.contains("push_events_branch_filter"));
        assert_eq!((hook.token_present, hook.signing_token_present), (None, None));
        assert_eq!((hook.alert_status, hook.disabled_until), (AlertStatus::Unknown, None));
    }
}
