//! The sweep: finds what webhooks missed, at start and every `sweep.interval`.
//!
//! One list per watched place shows every issue that changed since the last sweep, whatever its labels, and each is
//! marked as a webhook's glimpse would be; an issue that Escalator left just so costs nothing further. The list is not
//! narrowed by label, for what it would hide: an issue that lost its source and bears none of our labels, a label in
//! another spelling than the policy's (GitLab's filter minds case, the rule does not), and `key::*` where scoped labels
//! are not licensed. One list also costs less than one per label: a call for every 100 issues that changed.
//!
//! Never reads or writes an issue (that is the worker's), and never asks our own clock how far it came: the watermark of a
//! place follows the last change of each page that is marked, so that a list of thousands of pages need not come through
//! at once; once the last is marked, it is GitLab's time when it answered the first. What GitLab does not note as a change
//! of the issue, such as a label that was deleted as a whole, a sweep does not see either.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use tokio::sync::watch;
use tracing::Instrument;

use crate::calculator::issue::{Glimpse, Moment, State};
use crate::calculator::policy::Policy;
use crate::clock;
use crate::gitlab::{self, Client, IssueList, Order, Page, Place, Snapshot};
use crate::spans;
use crate::store::{Marked, Store, Walk};
use crate::worker::{Failure, Gate, Next, RetryPolicy, after_failure};

/// How far a sweep goes back behind the last one: changes become visible late, and GitLab's machines' clocks differ.
const OVERLAP: Duration = Duration::from_secs(120);
/// How far the first sweep of a place goes back. Older issues are for `escalator backfill`.
const FIRST_LOOK_BACK: Duration = Duration::from_secs(24 * 60 * 60);
const LAST_COMPLETE: &str = "escalator_sweep_last_complete_timestamp_seconds";
/// An issue with no other comment than this has no command.
const OUR_COMMENT: u64 = 1;
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swept {
    /// Every place was listed to its end.
    Complete,
    /// These places could not be listed, and repeating soon may help.
    Repeat(Vec<Place>),
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
    /// Sweeps until told to stop: all places every interval, and in between soon again those that failed. Breaking off
    /// in the middle is fine: the next sweep begins where this one came.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        // Never so far: shown, so that one that never succeeds is noticed.
        metrics::gauge!(LAST_COMPLETE).set(0);
        let (mut failures, mut failed) = (0, Vec::new());
        let mut all_due_at = Instant::now();
        while !*stop.borrow() {
            let all = Instant::now() >= all_due_at;
            let swept = tokio::select! {
                swept = self.sweep_all(if all { &self.places } else { &failed }).instrument(spans::sweep()) => swept,
                _ = stop.changed() => return,
            };
            if all {
                all_due_at = Instant::now() + self.interval;
            }
            let until_all = all_due_at.saturating_duration_since(Instant::now());
            let pause = match swept {
                Swept::Complete | Swept::Incomplete => {
                    (failures, failed) = (0, Vec::new());
                    until_all
                }
                Swept::Repeat(places) => {
                    (failures, failed) = (failures + 1, places);
                    self.retry.backoff(failures).min(until_all)
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Sweeps every watched place once.
    pub async fn round(&self) -> Swept {
        self.sweep_all(&self.places).await
    }

    /// Sweeps these places once. One that fails does not stop the others.
    async fn sweep_all(&self, places: &[Place]) -> Swept {
        let started = Instant::now();
        let (mut repeat, mut tally) = (Vec::new(), Tally::default());
        for place in places {
            if let Err(failure) = self.sweep(place, &mut tally).await {
                tally.failed += 1;
                if self.explain(place, &failure) {
                    repeat.push(place.clone());
                }
            }
        }
        let swept = match (repeat.is_empty(), tally.failed) {
            (true, 0) => Swept::Complete,
            (true, _) => Swept::Incomplete,
            (false, _) => Swept::Repeat(repeat),
        };
        if swept == Swept::Complete && places.len() == self.places.len() {
            #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are far below 2^52")]
            metrics::gauge!(LAST_COMPLETE).set(clock::now().0 as f64 / 1000.0);
        }
        let outcome = if swept == Swept::Complete { "complete" } else { "incomplete" };
        metrics::counter!("escalator_sweeps_total", "outcome" => outcome).increment(1);
        metrics::counter!("escalator_sweep_marked_total").increment(tally.marked);
        tracing::info!(
            places = places.len(),
            failed = tally.failed,
            calls = tally.calls,
            listed = tally.listed,
            marked = tally.marked,
            milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "swept"
        );
        swept
    }

    /// Marks what changed in one place since its watermark, then moves the watermark.
    async fn sweep(&self, place: &Place, tally: &mut Tally) -> Result<(), Failure> {
        let name = place.to_string();
        let mut watermark = self.store.watermark(self.walk, &name).await?;
        let since = match watermark {
            Some(watermark) => Some(before(watermark, OVERLAP)),
            None => self.first_since(tally).await?,
        };
        let mut list = IssueList::new(place.clone(), Order::Updated, since);
        let (mut first_answer, mut newest) = (None, None);
        while let Some(page) = self.call(tally, list.next_page(&self.gitlab)).await? {
            let first_answered_at: Option<Moment> = *first_answer.get_or_insert(page.answered_at);
            newest = newest.max(page.issues.last().map(|(at, _)| *at));
            tally.listed += page.issues.len();
            tally.marked += self.mark(page).await?;
            let reached = newest.map(|newest| first_answered_at.map_or(newest, |at| newest.min(at)));
            watermark = self.advance(&name, watermark, reached).await?;
        }
        // The newest issue's time only if GitLab tells no other: where nothing happens any more, every sweep would list
        // the last great change again.
        if let Some(watermark) = first_answer.flatten().or(newest) {
            self.store.keep_watermark(self.walk, &name, watermark).await?;
        }
        Ok(())
    }

    /// Moves a watermark along a list, and never back: a sweep begins behind it, so the first pages are older.
    async fn advance(
        &self,
        place: &str,
        watermark: Option<Moment>,
        reached: Option<Moment>,
    ) -> Result<Option<Moment>, Failure> {
        match reached {
            Some(reached) if Some(reached) > watermark => {
                self.store.keep_watermark(self.walk, place, reached).await?;
                Ok(Some(reached))
            }
            Some(_) | None => Ok(watermark),
        }
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
            self.gate.pause_everywhere(pause, &self.store).await;
        }
        pass.used();
        answer
    }

    /// Marks all at once, so that they share a commit. Returns how many are in the queue now.
    async fn mark(&self, page: Page) -> Result<u64, Failure> {
        let now = clock::now();
        for (_, snapshot) in &page.issues {
            self.ask_to_read(snapshot, now).await?;
        }
        let marks = page
            .issues
            .iter()
            .map(|(_, snapshot)| self.store.mark(glimpse(snapshot, &self.policy), None, now));
        let marked = try_join_all(marks).await?;
        Ok(marked.into_iter().map(|marked| u64::from(marked == Marked::Queued)).sum())
    }

    /// Has the notes of an issue read that has more comments than at the last reading: the webhook of a command may be
    /// lost. Only where Escalator is at work, which has one comment of ours.
    async fn ask_to_read(&self, snapshot: &Snapshot, now: clock::Millis) -> Result<(), Failure> {
        let Some(comments) = snapshot.comments.filter(|comments| *comments > OUR_COMMENT) else {
            return Ok(());
        };
        if glimpse(snapshot, &self.policy).may_have_source
            && comments > self.store.comments_read(snapshot.reference).await?.unwrap_or(OUR_COMMENT)
        {
            self.store.ask_to_read(snapshot.reference, now).await?;
        }
        Ok(())
    }

    /// Says why a place was not listed to its end. Returns whether repeating soon may help.
    fn explain(&self, place: &Place, failure: &Failure) -> bool {
        match after_failure(failure, NO_ATTEMPTS, &self.retry) {
            Next::Retry(_) | Next::PauseAll(_) | Next::Leave => {
                tracing::warn!(%place, error = %failure, "a sweep broke off; it goes on where it came");
                true
            }
            Next::Park | Next::Drop => {
                tracing::error!(
                    %place,
                    error = %failure,
                    "cannot be swept, so lost webhooks of it are not found; check its path in gitlab.groups or \
                     gitlab.projects, and that the access token's user is a member of it"
                );
                false
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
