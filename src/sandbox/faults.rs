//! Trouble on request: what a GitLab that is slow, overloaded or gone does to a client. And a record of every request, so
//! that tests can ask what was really called.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::sync::oneshot;

use super::nouns::{IssueId, UserId};
use crate::clock::{Millis, now};

/// Trouble for the REST requests that it matches.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Only requests with this method, `GET` or another.
    pub method: Option<String>,
    /// Only requests whose path and query contain this.
    pub path: Option<String>,
    /// Only requests whose path and query end with this.
    pub end: Option<String>,
    /// Only requests with a token of this user.
    pub user: Option<UserId>,
    /// Only after so many were spared.
    pub spared: u32,
    /// So many times; `None` is until `clear_faults`.
    pub times: Option<u32>,
    /// What happens.
    pub trouble: Trouble,
}

/// What happens to a request.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// An answer of this status, and nothing is done.
    Status {
        /// The status.
        code: u16,
        /// Seconds for `Retry-After`, if there is to be one.
        retry_after: Option<u64>,
        /// The body.
        body: String,
    },
    /// 302 to this address, and nothing is done.
    Redirect(String),
    /// The connection ends without an answer, and nothing is done.
    Reset,
    /// The request is done, later; also when the caller has gone away by then.
    Delay(Duration),
    /// The caller is told 504 at once, as by a proxy that lost patience; the request runs into this afterwards.
    Later(Box<Trouble>),
    /// The request waits until a test lets it go on, with [`Sandbox::let_go`](super::Sandbox::let_go).
    Hold,
    /// The request is done, but the caller does not hear of it.
    ApplyThenLose(Loss),
}

/// How an answer gets lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// A proxy answers 502.
    BadGateway,
    /// The connection ends.
    Reset,
    /// Nothing comes for so long; choose it longer than the client's patience.
    Silence(Duration),
}

impl Fault {
    /// This trouble for every request, until cleared.
    #[must_use]
    pub fn new(trouble: Trouble) -> Self {
        Self { method: None, path: None, end: None, user: None, spared: 0, times: None, trouble }
    }

    /// An answer of this status.
    #[must_use]
    pub fn status(code: u16) -> Self {
        Self::new(Trouble::Status { code, retry_after: None, body: format!("{{\"message\":\"{code}\"}}") })
    }

    /// A page for people under this status, as a proxy, an ingress or a maintenance page gives.
    #[must_use]
    pub fn page(code: u16) -> Self {
        Self::new(Trouble::Status { code, retry_after: None, body: "<html><h1>Sorry</h1></html>".into() })
    }

    /// 302 to a page for people, as single sign-on gives.
    #[must_use]
    pub fn sign_in() -> Self {
        Self::new(Trouble::Redirect("https://sso.example.com/login".into()))
    }

    /// 429 with a `Retry-After`.
    #[must_use]
    pub fn throttled(retry_after: u64) -> Self {
        Self::new(Trouble::Status { code: 429, retry_after: Some(retry_after), body: "Retry later\n".into() })
    }

    /// Only for this method and a path that contains this.
    #[must_use]
    pub fn on(mut self, method: &str, path: &str) -> Self {
        self.method = Some(method.into());
        self.path = Some(path.into());
        self
    }

    /// Only for this method and a path that ends with this: not for what is below, nor what only begins alike.
    #[must_use]
    pub fn at(mut self, method: &str, end: &str) -> Self {
        self.method = Some(method.into());
        self.end = Some(end.into());
        self
    }

    /// Only for this user's tokens.
    #[must_use]
    pub fn by(mut self, user: UserId) -> Self {
        self.user = Some(user);
        self
    }

    /// Spares so many first.
    #[must_use]
    pub fn after(mut self, spared: u32) -> Self {
        self.spared = spared;
        self
    }

    /// Only so many times.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    fn matches(&self, method: &str, path: &str, user: Option<UserId>) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted == method)
            && self.path.as_ref().is_none_or(|part| path.contains(part))
            && self.end.as_ref().is_none_or(|end| path.ends_with(end))
            && (self.user.is_none() || self.user == user)
    }
}

/// One REST request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRecord {
    /// When it was answered.
    pub at: Millis,
    /// `GET` or another.
    pub method: String,
    /// The path and query as they were sent.
    pub path: String,
    /// The route's template, such as `/api/v4/projects/{project}/issues/{iid}`.
    pub route: String,
    /// The username of the token's owner.
    pub user: Option<String>,
    /// What the caller was told; `None` if nothing.
    pub status: Option<u16>,
    /// The project that the path names, if it exists.
    pub project: Option<u64>,
    /// The issue that the path names.
    pub iid: Option<u64>,
}

impl RequestRecord {
    /// Whether the path names this issue.
    #[must_use]
    pub fn names(&self, issue: IssueId) -> bool {
        self.project == Some(issue.project_id) && self.iid == Some(issue.iid)
    }

    /// Whether it only reads.
    #[must_use]
    pub fn reads(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD")
    }
}

/// A request that waits to be let go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRequest {
    /// Names it; ascending in time.
    pub id: u64,
    /// `GET` or another.
    pub method: String,
    /// The path and query as they were sent.
    pub path: String,
    /// The issue that the path names.
    pub iid: Option<u64>,
}

/// Faults, limits and the record of requests.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub faults: Vec<Fault>,
    pub held: BTreeMap<u64, (HeldRequest, oneshot::Sender<Option<Trouble>>)>,
    /// Requests that came and are not answered, or done late.
    pub under_way: usize,
    next_held: u64,
    pub requests: VecDeque<RequestRecord>,
    api: BTreeMap<UserId, Window>,
    notes: BTreeMap<UserId, Window>,
}

const RECORD_LENGTH: usize = 100_000;

/// How much a user asked for within one minute.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Window {
    minute: i64,
    pub count: u32,
}

impl Window {
    fn count(&mut self) -> u32 {
        let minute = now().0 / 60_000;
        if self.minute != minute {
            *self = Self { minute, count: 0 };
        }
        self.count += 1;
        self.count
    }
}

impl Traffic {
    /// The trouble this request runs into, if any; counts it.
    pub fn trouble(&mut self, method: &str, path: &str, user: Option<UserId>) -> Option<Trouble> {
        let fault = self
            .faults
            .iter_mut()
            .find(|fault| fault.times != Some(0) && fault.matches(method, path, user))?;
        if fault.spared > 0 {
            fault.spared -= 1;
            return None;
        }
        fault.times = fault.times.map(|times| times - 1);
        let trouble = fault.trouble.clone();
        self.faults.retain(|fault| fault.times != Some(0));
        Some(trouble)
    }

    /// Counts a request, and tells how many the user made in this minute.
    pub fn count_request(&mut self, user: UserId) -> u32 {
        self.api.entry(user).or_default().count()
    }

    /// Counts a new note, and tells how many the user wrote in this minute.
    pub fn count_note(&mut self, user: UserId) -> u32 {
        self.notes.entry(user).or_default().count()
    }

    /// Keeps a request waiting. The receiver hears what happens to it; `None` is nothing bad.
    pub fn hold(&mut self, request: &RequestRecord) -> oneshot::Receiver<Option<Trouble>> {
        let (let_go, waiting) = oneshot::channel();
        let id = super::world::take(&mut self.next_held);
        let held =
            HeldRequest { id, method: request.method.clone(), path: request.path.clone(), iid: request.iid };
        self.held.insert(id, (held, let_go));
        waiting
    }

    pub fn record(&mut self, request: RequestRecord) {
        self.requests.push_back(request);
        if self.requests.len() > RECORD_LENGTH {
            self.requests.pop_front();
        }
    }
}
