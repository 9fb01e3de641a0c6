//! One HTTP call: paced, timed, counted, and its status turned into an [`Error`].

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use reqwest::header::{DATE, HeaderMap, HeaderValue, LINK, LOCATION, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tracing::Instrument;

use super::error::Error;
use super::label_catalog::LabelCatalog;
use super::times::http_date;
use super::users::Bots;
use crate::calculator::issue::Moment;
use crate::config::values::Secret;
use crate::config::{AccessToken, GitLabAccess};
use crate::spans;

/// GitLab's own header for access tokens.
const TOKEN_HEADER: &str = "private-token";
/// Longer waits than this are not believed.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);
/// A fifth of a minute's comments may come at once; so no minute ever has more than six fifths: 60 of 50.
const NOTES_AT_ONCE_SHARE: u32 = 5;
/// The largest page that GitLab gives.
pub(super) const PER_PAGE: u32 = 100;
/// More pages than this are not followed: 20,000 entries.
const MOST_PAGES: usize = 200;

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
            base: format!("{}/api/v4", access.url).into(),
            token: access.token.clone(),
            pace: Arc::new(RateLimiter::direct(calls)),
            note_pace: Arc::new(RateLimiter::direct(notes)),
            catalog: Arc::new(LabelCatalog::default()),
            bots: Arc::new(Bots::default()),
        })
    }

    /// The id of the user that the access token belongs to.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn own_user_id(&self) -> Result<u64, Error> {
        #[derive(Deserialize)]
        struct UserJson {
            id: u64,
        }
        let response = self.send("user", self.request(Method::GET, "/user")).await?;
        Ok(json::<UserJson>(response).await?.id)
    }

    /// Waits until another comment may be posted. GitLab counts new comments apart from other calls, and says nothing
    /// of when the count ends.
    pub(super) async fn until_note_may_be_posted(&self) {
        self.note_pace.until_ready().await;
    }

    /// What GitLab's clock says, if its answers tell.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn time(&self) -> Result<Option<Moment>, Error> {
        let response = self.send("user", self.request(Method::GET, "/user")).await?;
        Ok(date(response.headers()))
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// The page that a link of GitLab's leads to. Elsewhere the token is not sent.
    pub(super) fn linked(&self, link: &str) -> Result<RequestBuilder, Error> {
        if link.starts_with(&*self.base) {
            Ok(self.http.get(link))
        } else {
            Err(Error::Rejected {
                reason: "its Link headers lead elsewhere; set gitlab.url to GitLab's external URL".to_owned(),
            })
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
                Err(Error::Unauthorized) if self.token.replaced_since(&token) => Err(Error::Unavailable {
                    reason: "the access token was replaced meanwhile; trying again with the new one"
                        .to_owned(),
                    retry_after: None,
                }),
                accepted => accepted,
            },
            Err(error) => Err(unavailable(&error)),
        }
    }

    /// Reads every page of a list, following GitLab's `Link` headers as they are.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        first: RequestBuilder,
    ) -> Result<Vec<T>, Error> {
        let mut found = Vec::new();
        let mut next = Some(first.query(&[("per_page", PER_PAGE)]));
        for _ in 0..MOST_PAGES {
            let Some(request) = next else { break };
            let response = self.send(operation, request).await?;
            let link = next_page(response.headers()).filter(|link| link.starts_with(&*self.base));
            found.extend(json::<Vec<T>>(response).await?);
            next = link.map(|link| self.http.get(link));
        }
        Ok(found)
    }
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

/// The token as a header that no log shows.
fn header(token: &Secret) -> Result<HeaderValue, Error> {
    let mut header = HeaderValue::from_str(token.expose()).map_err(|_| Error::Rejected {
        reason: "the access token holds characters that no header may have".to_owned(),
    })?;
    header.set_sensitive(true);
    Ok(header)
}

/// Reads an answer's body.
pub(super) async fn json<T: DeserializeOwned>(response: Response) -> Result<T, Error> {
    let bytes = response.bytes().await.map_err(|error| unavailable(&error))?;
    serde_json::from_slice(&bytes).map_err(|_| Error::Unavailable {
        reason:
            "it answered something that is not GitLab's JSON; is gitlab.url right, or a proxy in between?"
                .to_owned(),
        retry_after: None,
    })
}

async fn accept(response: Response) -> Result<Response, Error> {
    let status = response.status();
    let remaining = header_number(response.headers(), "ratelimit-remaining");
    if let Some(remaining) = remaining {
        metrics::gauge!("escalator_gitlab_rate_limit_remaining").set(f64::from(remaining));
    }
    if status.is_success() {
        return Ok(response);
    }
    let retry_after = header_number(response.headers(), RETRY_AFTER.as_str())
        .map(|seconds| Duration::from_secs(u64::from(seconds)).min(LONGEST_RETRY_AFTER));
    Err(match status {
        StatusCode::TOO_MANY_REQUESTS => Error::Throttled { retry_after },
        StatusCode::UNAUTHORIZED => Error::Unauthorized,
        StatusCode::FORBIDDEN => refused(response).await,
        StatusCode::NOT_FOUND => Error::NotFound,
        StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT | StatusCode::LOCKED => {
            Error::Unavailable { reason: format!("it answered {status}"), retry_after }
        }
        _ if status.is_server_error() => {
            Error::Unavailable { reason: format!("it answered {status}"), retry_after }
        }
        _ if status.is_redirection() => Error::Rejected { reason: redirected(&response) },
        _ => Error::Rejected { reason: format!("it answered {status}") },
    })
}

/// A 403 with the one thing of its body that is a word of GitLab's and not of a person's.
async fn refused(response: Response) -> Error {
    #[derive(Deserialize)]
    struct Body {
        error: Option<String>,
    }
    let body = response.bytes().await.unwrap_or_default();
    let insufficient_scope = serde_json::from_slice::<Body>(&body)
        .is_ok_and(|body| body.error.as_deref() == Some("insufficient_scope"));
    let reason = if insufficient_scope {
        "the access token needs the scope api (403)"
    } else {
        "the access token's user needs at least the Planner role in the project (Reporter before GitLab 17.7), \
         and the project must not be archived (403)"
    };
    Error::Refused { reason: reason.to_owned() }
}

fn redirected(response: &Response) -> String {
    let to = response
        .headers()
        .get(LOCATION)
        .and_then(|location| location.to_str().ok())
        .and_then(|location| reqwest::Url::parse(location).ok())
        .map_or_else(|| "elsewhere".to_owned(), |url| url.origin().ascii_serialization());
    format!("it redirects to {to}; set gitlab.url to the address that answers")
}

fn unavailable(error: &reqwest::Error) -> Error {
    let reason = if error.is_connect() {
        format!("no connection ({}); check gitlab.url, DNS, the network and TLS certificates", root(error))
    } else if error.is_timeout() {
        "no answer in time (gitlab.timeout)".to_owned()
    } else {
        "the connection broke".to_owned()
    };
    Error::Unavailable { reason, retry_after: None }
}

/// What it came from: the system's or TLS's own words, before any request was sent.
fn root(error: &reqwest::Error) -> String {
    let mut root: &dyn std::error::Error = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}

pub(super) fn header_number(headers: &HeaderMap, name: &str) -> Option<u32> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// GitLab's clock, as the answer tells it.
pub(super) fn date(headers: &HeaderMap) -> Option<Moment> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

/// The address of `rel="next"` in a `Link` header.
pub(super) fn next_page(headers: &HeaderMap) -> Option<String> {
    let links = headers.get(LINK)?.to_str().ok()?;
    links.split(',').find_map(|link| {
        let (address, parameters) = link.split_once(';')?;
        let address = address.trim().strip_prefix('<')?.strip_suffix('>')?;
        parameters.contains("rel=\"next\"").then(|| address.to_owned())
    })
}
