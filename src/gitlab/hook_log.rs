//! GitLab's own log of a webhook's deliveries, of the last seven days, since 17.3: what could not be delivered, and what was last.

use std::collections::BTreeMap;

use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use serde_json::Value;

use super::answer::{json, next_page};
use super::client::{Client, PER_PAGE};
use super::error::Error;
use super::hooks::hook_path;
use super::issue_list::Place;
use super::times::moment;
use crate::calculator::issue::Moment;

/// A delivery that failed, by GitLab's own log.
#[derive(Debug, Clone, PartialEq)]
pub struct FailedDelivery {
    /// Its number in the log.
    pub id: u64,
    /// When, if GitLab tells.
    pub at: Option<Moment>,
    /// The answer, such as `503`, or `internal error` where there was none.
    pub status: String,
    /// What was to be delivered: a webhook's body.
    pub body: Value,
}

/// A delivery, by GitLab's own log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Its number in the log.
    pub id: u64,
    /// The answer, such as `202`, or `internal error` where there was none.
    pub status: String,
}

impl Client {
    /// What GitLab could not deliver since a moment, newest first; what has no time is taken for recent. GitLab keeps
    /// this for seven days, since 17.3.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn failed_events(
        &self,
        place: &Place,
        hook_id: u64,
        since: Moment,
    ) -> Result<Vec<FailedDelivery>, Error> {
        let mut failed = Vec::new();
        for status in ["client_failure", "server_failure"] {
            let request = self
                .request(Method::GET, &format!("{}/events", hook_path(place, hook_id)))
                .query(&[("status", status)])
                .query(&[("per_page", PER_PAGE)]);
            failed.extend(self.events_since(request, since).await?);
        }
        failed.sort_by_key(|delivery| std::cmp::Reverse(delivery.id));
        Ok(failed)
    }

    /// The newest delivery of a webhook, however it was answered.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::NotFound`] before 17.3.
    pub async fn newest_delivery(&self, place: &Place, hook_id: u64) -> Result<Option<Delivered>, Error> {
        let request = self
            .request(Method::GET, &format!("{}/events", hook_path(place, hook_id)))
            .query(&[("per_page", 1)]);
        let events: Vec<EventJson> = json(self.send("hook_events", request).await?).await?;
        let newest = events.into_iter().next().map(FailedDelivery::from);
        Ok(newest.map(|delivery| Delivered { id: delivery.id, status: delivery.status }))
    }

    async fn events_since(&self, first: RequestBuilder, since: Moment) -> Result<Vec<FailedDelivery>, Error> {
        let mut found = Vec::new();
        let mut next = Some(first);
        while let Some(request) = next {
            let response = self.send("hook_events", request).await?;
            let link = next_page(response.headers());
            let page: Vec<EventJson> = json(response).await?;
            let events: Vec<_> = page.into_iter().map(FailedDelivery::from).collect();
            let is_old = |event: &FailedDelivery| event.at.is_some_and(|at| at < since);
            let reached = events.iter().any(is_old) || events.is_empty();
            found.extend(events.into_iter().filter(|event| !is_old(event)));
            next = match link {
                Some(link) if !reached => Some(self.linked(&link)?),
                Some(_) | None => None,
            };
        }
        Ok(found)
    }
}

#[derive(Deserialize)]
struct EventJson {
    id: u64,
    created_at: Option<String>,
    #[serde(default)]
    request_headers: BTreeMap<String, Value>,
    #[serde(default)]
    request_data: Value,
    #[serde(default)]
    response_status: Value,
}

impl From<EventJson> for FailedDelivery {
    fn from(json: EventJson) -> Self {
        let stamped = || {
            let mut headers = json.request_headers.iter();
            let (_, value) = headers.find(|(name, _)| name.eq_ignore_ascii_case("webhook-timestamp"))?;
            let seconds: i64 = value.as_str()?.parse().ok()?;
            seconds.checked_mul(1000).map(Moment)
        };
        Self {
            id: json.id,
            at: json.created_at.as_deref().and_then(moment).or_else(stamped),
            status: json
                .response_status
                .as_str()
                .map_or_else(|| json.response_status.to_string(), str::to_owned),
            body: json.request_data,
        }
    }
}
