//! The sweep: finds what webhooks missed, at start and every `sweep.interval`.
//!
//! One list per watched place shows every issue that changed since the last sweep, whatever its labels, and each is
//! marked as a webhook's glimpse would be; an issue that Escalator left just so costs nothing further. The list is not
//! narrowed by label, for what it would hide: an issue that lost its source and bears none of our labels, a label in
//! another spelling than the policy's (GitLab's filter minds case, the rule does not), and `key::*` where scoped labels
//! are not licensed. One list also costs less than one per label: a call for every 100 issues that changed.
//!
//! Never reads or writes an issue (that is the worker's), and never asks our own clock how far it came: the watermark of a
//! place is GitLab's time when it answered the first page, and moves only once the last page is marked. What GitLab
//! does not note as a change of the issue, such as a label that was deleted as a whole, a sweep does not see either.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use tokio::sync::watch;

use crate::calculator::issue::{Glimpse, Moment, State};
use crate::calculator::policy::Policy;
use crate::clock;
use crate::gitlab::{self, Client, IssueList, Order, Page, Place, Snapshot};
use crate::store::{Marked, Store, Walk};
use crate::worker::{Failure, Gate, Next, RetryPolicy, after_failure};

/// How far a sweep goes back behind the last one: changes become visible late, and GitLab's machines' clocks differ.
const OVERLAP: Duration = Duration::from_secs(120);
/// How far the first sweep of a place goes back. Older issues are for `escalator backfill`.
const FIRST_LOOK_BACK: Duration = Duration::from_secs(24 * 60 * 60);
/// A page has no count of attempts; here only the kind of failure matters.
const NO_ATTEMPTS: u32 = 0;

/// Sweeps the watched places.
#[derive(Clone)]
pub struct Sweep {
    /// Where marks and watermarks are kept.
    pub store: Store,
    /// Under which name the watermarks are kept.
    pub walk: Walk,
    /// Who lists the issues.
    pub gitlab: Client,
    /// Closed while GitLab wants no calls.
    pub gate: Arc<Gate>,
    /// What a failure means, and when to repeat a sweep that failed.
    pub retry: RetryPolicy,
    /// What can matter.
    pub policy: Arc<Policy>,
    /// What is watched.
    pub places: Vec<Place>,
    /// The time between two sweeps.
    pub interval: Duration,
}

/// How a sweep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swept {
    /// Every place was listed to its end.
    Complete,
    /// A place could not be listed, and repeating soon may help.
    Repeat,
    /// A place cannot be listed until somebody acts.
    Incomplete,
}

/// What a sweep saw and did.
#[derive(Debug, Default)]
struct Tally {
    calls: usize,
    listed: usize,
    marked: u64,
    failed: usize,
}

impl Sweep {
    /// Sweeps until told to stop. Breaking off in the middle is fine: the next one begins where this one began.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut failures = 0;
        while !*stop.borrow() {
            let swept = tokio::select! {
                swept = self.round() => swept,
                _ = stop.changed() => return,
            };
            let pause = match swept {
                Swept::Complete | Swept::Incomplete => {
                    failures = 0;
                    self.interval
                }
                Swept::Repeat => {
                    failures += 1;
                    self.retry.backoff(failures).min(self.interval)
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Sweeps every place once. One that fails does not stop the others.
    pub async fn round(&self) -> Swept {
        let started = Instant::now();
        let (mut swept, mut tally) = (Swept::Complete, Tally::default());
        for place in &self.places {
            if let Err(failure) = self.sweep(place, &mut tally).await {
                tally.failed += 1;
                swept = match (swept, self.explain(place, &failure)) {
                    (Swept::Repeat, _) | (_, Swept::Repeat) => Swept::Repeat,
                    (Swept::Complete | Swept::Incomplete, other) => other,
                };
            }
        }
        let outcome = if swept == Swept::Complete { "complete" } else { "incomplete" };
        metrics::counter!("escalator_sweeps_total", "outcome" => outcome).increment(1);
        metrics::counter!("escalator_sweep_marked_total").increment(tally.marked);
        tracing::info!(
            places = self.places.len(),
            failed = tally.failed,
            calls = tally.calls,
            listed = tally.listed,
            marked = tally.marked,
            milliseconds = started.elapsed().as_millis(),
            "swept"
        );
        swept
    }

    /// Marks what changed in one place since its watermark, then moves the watermark.
    async fn sweep(&self, place: &Place, tally: &mut Tally) -> Result<(), Failure> {
        let name = place.to_string();
        let since = match self.store.watermark(self.walk, &name).await? {
            Some(watermark) => Some(before(watermark, OVERLAP)),
            None => self.first_since(tally).await?,
        };
        let mut list = IssueList::new(place.clone(), Order::Updated, since);
        let (mut first_answered_at, mut newest, mut pages) = (None, None, 0);
        while let Some(page) = self.call(tally, list.next_page(&self.gitlab)).await? {
            if pages == 0 {
                first_answered_at = page.answered_at;
            }
            pages += 1;
            newest = newest.max(page.issues.last().map(|(at, _)| *at));
            tally.listed += page.issues.len();
            tally.marked += self.mark(page).await?;
        }
        // The newest issue's time only if GitLab tells no other: where nothing happens any more, every sweep would list
        // the last great change again.
        if let Some(watermark) = first_answered_at.or(newest) {
            self.store.keep_watermark(self.walk, &name, watermark).await?;
        }
        Ok(())
    }

    /// Where the first sweep of a place begins. A GitLab that does not tell the time is listed from the beginning.
    async fn first_since(&self, tally: &mut Tally) -> Result<Option<Moment>, Failure> {
        let time = self.call(tally, self.gitlab.time()).await?;
        Ok(time.map(|time| before(time, FIRST_LOOK_BACK)))
    }

    /// One call through the gate, which closes for everybody if GitLab says so.
    async fn call<T>(
        &self,
        tally: &mut Tally,
        call: impl Future<Output = Result<T, gitlab::Error>>,
    ) -> Result<T, Failure> {
        let pass = self.gate.pass().await;
        tally.calls += 1;
        let answer = call.await.map_err(Failure::from);
        if let Err(failure) = &answer
            && let Next::PauseAll(pause) = after_failure(failure, NO_ATTEMPTS, &self.retry)
        {
            self.gate.pause(pause);
        }
        pass.used();
        answer
    }

    /// Marks all at once, so that they share a commit. Returns how many are in the queue now.
    async fn mark(&self, page: Page) -> Result<u64, Failure> {
        let now = clock::now();
        let marks =
            page.issues.iter().map(|(_, snapshot)| self.store.mark(glimpse(snapshot, &self.policy), now));
        let marked = try_join_all(marks).await?;
        Ok(marked.into_iter().map(|marked| u64::from(marked == Marked::Queued)).sum())
    }

    /// Says why a place was not listed to its end, and whether repeating soon may help.
    fn explain(&self, place: &Place, failure: &Failure) -> Swept {
        match after_failure(failure, NO_ATTEMPTS, &self.retry) {
            Next::Retry(_) | Next::PauseAll(_) => {
                tracing::warn!(%place, error = %failure, "a sweep broke off; it begins again where it began");
                Swept::Repeat
            }
            Next::Park | Next::Drop => {
                tracing::error!(
                    %place,
                    error = %failure,
                    "cannot be swept, so lost webhooks of it are not found; check its path in gitlab.groups or \
                     gitlab.projects, and that the access token's user is a member of it"
                );
                Swept::Incomplete
            }
        }
    }
}

/// What a list shows of an issue, as a webhook's body would. A label of ours on an issue that is not followed is looked
/// at as well: it may be left from a store that was lost.
fn glimpse(snapshot: &Snapshot, policy: &Policy) -> Glimpse {
    let issue = &snapshot.issue;
    Glimpse {
        issue: snapshot.reference,
        state: Some(issue.state),
        work_item_type: Some(issue.work_item_type),
        labels: issue.labels.iter().filter(|label| policy.reads(label)).cloned().collect(),
        may_have_source: issue.state == State::Opened
            && (policy.has_source(issue.work_item_type, &issue.labels) || policy.owns_any(&issue.labels)),
    }
}

fn before(moment: Moment, duration: Duration) -> Moment {
    Moment(moment.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
}
