//! What an answer of GitLab's means: a body to read, or the [`Error`] that names the reaction.

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, LINK, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::Error;
use super::path::API_ROOT;
use super::times::http_date;
use crate::calculator::issue::Moment;

/// Longer waits than this are not believed.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Accepts success and nothing else.
pub(super) async fn accept(response: Response) -> Result<Response, Error> {
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
        StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT | StatusCode::LOCKED => {
            Error::Unavailable { reason: format!("it answered {status}"), retry_after }
        }
        _ if status.is_server_error() => {
            Error::Unavailable { reason: format!("it answered {status}"), retry_after }
        }
        _ if status.is_redirection() => redirected(&response),
        _ => declined(status, response).await,
    })
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

/// What GitLab's own bodies say besides texts for people: each has one of these, a text or an object.
#[derive(Deserialize)]
struct Complaint {
    message: Option<serde_json::Value>,
    error: Option<serde_json::Value>,
}

/// A 4xx is GitLab's word only in GitLab's form. A proxy, an ingress or a maintenance page says such things too, of every
/// issue alike, and none of them is gone or refused for that.
async fn declined(status: StatusCode, response: Response) -> Error {
    let body = match response.bytes().await {
        Ok(body) => body,
        Err(error) => return unavailable(&error),
    };
    let complaint = serde_json::from_slice::<Complaint>(&body)
        .ok()
        .filter(|complaint| complaint.message.is_some() || complaint.error.is_some());
    match (complaint, status) {
        (None, _) => Error::Unavailable {
            reason: format!(
                "it answered {status}, but not as GitLab does; is gitlab.url its whole address, relative URL root \
                 included, or is there a proxy or a maintenance page in between?"
            ),
            retry_after: None,
        },
        (Some(_), StatusCode::NOT_FOUND) => Error::NotFound,
        (Some(complaint), StatusCode::FORBIDDEN) => refused(&complaint),
        (Some(_), _) => Error::Rejected { reason: format!("it answered {status}") },
    }
}

/// A 403 with the one thing of its body that is a word of GitLab's and not of a person's.
fn refused(complaint: &Complaint) -> Error {
    let insufficient_scope = complaint.error.as_ref().is_some_and(|error| error == "insufficient_scope");
    let reason = if insufficient_scope {
        "the access token needs the scope api (403)"
    } else {
        "the access token's user needs at least the Planner role in the project (Reporter before GitLab 17.7), \
         and the project must not be archived (403)"
    };
    Error::Refused { reason: reason.to_owned() }
}

/// GitLab redirects from a project's or group's old path to another path of its API, which concerns that place alone.
/// Whoever redirects to another host, to the same path by another scheme, or to a page for people, does so with all.
fn redirected(response: &Response) -> Error {
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let api_path = |url: &str| url.split_once(API_ROOT).map(|(_, path)| path.to_owned());
    let moved_to = location.and_then(api_path);
    if moved_to.is_some() && moved_to != api_path(response.url().as_str()) {
        return Error::Rejected { reason: "it is at another path now (301)".to_owned() };
    }
    let to = location
        .and_then(|location| reqwest::Url::parse(location).ok())
        .map_or_else(|| "elsewhere".to_owned(), |url| url.origin().ascii_serialization());
    Error::Unusable { reason: format!("it redirects to {to}; set gitlab.url to the address that answers") }
}

pub(super) fn unavailable(error: &reqwest::Error) -> Error {
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
