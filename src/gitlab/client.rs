//! One HTTP call: paced, timed, counted. What its answer means is `answer`'s to say.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use reqwest::header::HeaderValue;
use reqwest::{Method, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use tracing::Instrument;

use super::answer::{accept, date, json, next_page, unavailable};
use super::error::Error;
use super::label_catalog::LabelCatalog;
use super::path::API_ROOT;
use super::users::{Bots, User};
use crate::calculator::issue::Moment;
use crate::config::values::Secret;
use crate::config::{AccessToken, GitLabAccess};
use crate::spans;

/// GitLab's own header for access tokens.
const TOKEN_HEADER: &str = "private-token";
/// A fifth of a minute's comments may come at once; so no minute ever has more than six fifths: 60 of 50.
const NOTES_AT_ONCE_SHARE: u32 = 5;
/// The largest page that GitLab gives.
pub(super) const PER_PAGE: u32 = 100;
/// A list with more pages than this, 20,000 entries, is none that an issue or a project has.
const MOST_PAGES: usize = 200;

/// That one more comment may be posted now.
#[derive(Debug)]
#[must_use]
pub struct NoteTurn(());

/// GitLab, as one access token sees it. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Arc<str>,
    token: AccessToken,
    pace: Arc<DefaultDirectRateLimiter>,
    note_pace: Arc<DefaultDirectRateLimiter>,
    pub(super) catalog: Arc<LabelCatalog>,
    pub(super) bots: Arc<Bots>,
}

impl Client {
    /// A client for this GitLab.
    ///
    /// # Errors
    /// If the token cannot be a header, or TLS cannot be set up.
    pub fn new(access: &GitLabAccess) -> Result<Self, Error> {
        header(&access.token.current())?;
        let http = reqwest::Client::builder()
            .user_agent(concat!("escalator/", env!("CARGO_PKG_VERSION")))
            .timeout(access.timeout)
            // A redirect would carry the token elsewhere, and turn a PUT into a GET.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Error::Rejected { reason: error.to_string() })?;
        // One at a time: with a burst allowed, a second could have twice as many calls.
        let calls = Quota::per_second(at_least_one(access.requests_per_second)).allow_burst(NonZeroU32::MIN);
        let notes_at_once = at_least_one(access.notes_per_minute / NOTES_AT_ONCE_SHARE);
        let notes = Quota::per_minute(at_least_one(access.notes_per_minute)).allow_burst(notes_at_once);
        Ok(Self {
            http,
            base: format!("{}{API_ROOT}", access.url).into(),
            token: access.token.clone(),
            pace: Arc::new(RateLimiter::direct(calls)),
            note_pace: Arc::new(RateLimiter::direct(notes)),
            catalog: Arc::new(LabelCatalog::default()),
            bots: Arc::new(Bots::default()),
        })
    }

    /// The user that the access token belongs to.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn own_user(&self) -> Result<User, Error> {
        json(self.user().await?).await
    }

    /// How often the access token was replaced: another one may be another user's.
    #[must_use]
    pub fn token_replacements(&self) -> u64 {
        self.token.replacements()
    }

    /// Waits until another comment may be posted. GitLab counts new comments apart from other calls, and says nothing
    /// of when the count ends. Apart from [`Client::create_note`], because the wait may be long, and who writes has to make
    /// sure afterwards that it still may.
    pub async fn turn_to_post(&self) -> NoteTurn {
        self.note_pace.until_ready().await;
        NoteTurn(())
    }

    /// What GitLab's clock says, if its answers tell.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn time(&self) -> Result<Option<Moment>, Error> {
        Ok(date(self.user().await?.headers()))
    }

    /// Asks whose the access token is. A GitLab that does not show that shows nothing else, so no refusal of this is
    /// about an issue.
    pub(super) async fn user(&self) -> Result<Response, Error> {
        self.send("user", self.request(Method::GET, "/user")).await.map_err(|error| match error {
            Error::NotFound => Error::Unusable {
                reason: "it has no /api/v4/user (404); is gitlab.url its whole address, relative URL root included?"
                    .to_owned(),
            },
            Error::Refused { .. } => Error::Unusable {
                reason: "it does not say whose the access token is (403); has the token the scope api, and is its user \
                         neither blocked nor asked to accept terms of service?"
                    .to_owned(),
            },
            Error::Throttled { .. }
            | Error::Unavailable { .. }
            | Error::Unauthorized
            | Error::Unusable { .. }
            | Error::Rejected { .. } => error,
        })
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// The page that a link of GitLab's leads to, asked for where we ask for everything. GitLab builds links with its
    /// external address, which may not be ours, and the token is never sent to another one.
    pub(super) fn linked(&self, link: &str) -> Result<RequestBuilder, Error> {
        match link.split_once(API_ROOT) {
            Some((_, path)) if path.starts_with('/') => Ok(self.request(Method::GET, path)),
            Some(_) | None => Err(Error::Unavailable {
                reason: "its Link header leads to no page of its API; does a proxy change it?".to_owned(),
                retry_after: None,
            }),
        }
    }

    /// Sends a request and accepts only success.
    pub(super) async fn send(
        &self,
        operation: &'static str,
        request: RequestBuilder,
    ) -> Result<Response, Error> {
        self.pace.until_ready().await;
        let token = self.token.current();
        let started = Instant::now();
        let span = spans::call(operation);
        let answer = request.header(TOKEN_HEADER, header(&token)?).send().instrument(span.clone()).await;
        let status = match &answer {
            Ok(response) => response.status().as_str().to_owned(),
            Err(error) if error.is_timeout() => "timeout".to_owned(),
            Err(_) => "unreachable".to_owned(),
        };
        span.record("status", &status);
        if !answer.as_ref().is_ok_and(|response| response.status().is_success()) {
            spans::failed(&span);
        }
        metrics::counter!("escalator_gitlab_calls_total", "operation" => operation, "status" => status)
            .increment(1);
        metrics::histogram!("escalator_gitlab_call_duration_seconds", "operation" => operation)
            .record(started.elapsed());
        match answer {
            Ok(response) => match accept(response).await {
                Err(Error::Unauthorized) if self.token.replaced_since(&token) => Err(Error::token_replaced()),
                accepted => accepted,
            },
            Err(error) => Err(unavailable(&error)),
        }
    }

    /// Reads every page of a list, following GitLab's `Link` headers. Half a list is worse than none: who does not see
    /// our comment writes another one.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        first: RequestBuilder,
    ) -> Result<Vec<T>, Error> {
        let mut found = Vec::new();
        let mut request = first.query(&[("per_page", PER_PAGE)]);
        for _ in 0..MOST_PAGES {
            let response = self.send(operation, request).await?;
            let link = next_page(response.headers());
            found.extend(json::<Vec<T>>(response).await?);
            match link {
                Some(link) => request = self.linked(&link)?,
                None => return Ok(found),
            }
        }
        Err(Error::Rejected { reason: format!("a list has more than {MOST_PAGES} pages ({operation})") })
    }
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

/// The token as a header that no log shows.
fn header(token: &Secret) -> Result<HeaderValue, Error> {
    let mut header = HeaderValue::from_str(token.expose()).map_err(|_| Error::Unusable {
        reason: "the access token holds characters that no header may have".to_owned(),
    })?;
    header.set_sensitive(true);
    Ok(header)
}
