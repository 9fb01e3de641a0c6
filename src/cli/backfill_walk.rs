//! The walk of a backfill: every issue of some places, in the order in which they were made.
//!
//! The position is kept in the store as it goes, so that a walk that was broken off goes on where it was. An issue that
//! fails for good is parked, as the service would, and does not hold up the others.

use std::collections::HashSet;

use futures_util::{StreamExt, future, stream};

use super::backfill_report::{Outcome, Tally};
use super::patience::{Patience, Undone};
use crate::calculator::issue::{IssueRef, Moment, State};
use crate::clock;
use crate::config::settings::Mode;
use crate::gitlab::{self, IssueList, Order, Page, Place, Snapshot};
use crate::store::{self, PolicyDigest, Release};
use crate::worker::{Desk, Failure, Lease, Look};

/// Walks.
pub(super) struct Walk {
    /// Looks at issues.
    pub desk: Desk,
    /// Waits out what passes.
    pub patience: Patience,
    /// How many issues are looked at at the same time.
    pub at_once: usize,
    /// By what the desk writes as it does.
    pub policy: PolicyDigest,
}

/// How a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Everything was looked at.
    Complete,
    /// It was interrupted.
    Stopped,
}

impl Walk {
    /// Walks through all places. One that cannot be listed does not stop the others.
    pub async fn run(&self, places: &[Place], tally: &mut Tally) -> Result<Ended, store::Error> {
        self.take_back_applied().await?;
        let ended = self.walk_all(places, tally).await;
        // Replicas with another policy may have applied theirs meanwhile, and not to what was looked at after that.
        self.take_back_applied().await?;
        ended
    }

    /// Other policies are no longer applied: what is left here as our own says has to be looked at by whoever has another.
    async fn take_back_applied(&self) -> Result<(), store::Error> {
        let store = &self.desk.store;
        match self.desk.mode {
            Mode::Live | Mode::Shadow if !store.is_applied(self.policy).await? => {
                store.forget_applied().await
            }
            Mode::Live | Mode::Shadow | Mode::DryRun => Ok(()),
        }
    }

    async fn walk_all(&self, places: &[Place], tally: &mut Tally) -> Result<Ended, store::Error> {
        let (mut seen, mut lists) = (HashSet::new(), Vec::new());
        let mut expected = Some(0);
        for place in places {
            let list = self.list(place).await?;
            match self.count(&list).await {
                Ok(count) => {
                    expected = expected.zip(count).map(|(sum, count)| sum + u64::from(count));
                    lists.push((place, list));
                }
                Err(Undone::Stopped) => return Ok(Ended::Stopped),
                Err(undone) => tally.unlisted(place, &reason(undone)),
            }
        }
        self.patience.progress.set_expected(expected);
        let mut walked = Vec::new();
        for (place, list) in lists {
            match self.walk(place, list, &mut seen, tally).await {
                Ok(()) => walked.push(place),
                Err(Undone::Stopped) => return Ok(Ended::Stopped),
                Err(undone) => tally.unlisted(place, &reason(undone)),
            }
        }
        if self.keeps_position() {
            for place in walked {
                self.desk.store.forget_watermark(store::Walk::Backfill, &place.to_string()).await?;
            }
        }
        Ok(Ended::Complete)
    }

    /// The issues of a place, from where an earlier walk was broken off. One under another policy is no part of this one:
    /// its position is forgotten, for going back to that policy begins anew as well.
    async fn list(&self, place: &Place) -> Result<IssueList, store::Error> {
        let store = &self.desk.store;
        let position = if self.keeps_position() {
            store.watermark(store::Walk::Backfill, &self.position_name(place)).await?
        } else {
            None
        };
        if position.is_none() && self.keeps_position() {
            store.forget_watermark(store::Walk::Backfill, &place.to_string()).await?;
        }
        if let Some(Moment(millis)) = position {
            let time = jiff::Timestamp::from_millisecond(millis).unwrap_or_default();
            self.patience.progress.say(&format!(
                "{place}: going on where an earlier backfill stopped, with the issues made since {time}"
            ));
        }
        Ok(IssueList::new(place.clone(), Order::Created, position))
    }

    /// How many issues a list has, if GitLab counts them.
    async fn count(&self, list: &IssueList) -> Result<Option<u32>, Undone> {
        let page = self.page(&mut list.clone()).await?;
        Ok(page.and_then(|page| page.from_here))
    }

    async fn walk(
        &self,
        place: &Place,
        mut list: IssueList,
        seen: &mut HashSet<IssueRef>,
        tally: &mut Tally,
    ) -> Result<(), Undone> {
        while let Some(page) = self.page(&mut list).await? {
            let Some((last, _)) = page.issues.last() else { continue };
            let last = *last;
            let unseen: Vec<_> =
                page.issues.into_iter().filter(|(_, issue)| seen.insert(issue.reference)).collect();
            self.look_at_all(place, &unseen, tally).await?;
            self.keep_position(place, last).await?;
        }
        Ok(())
    }

    /// Looks at the issues of a page, some at the same time, and keeps the position behind those that are done.
    async fn look_at_all(
        &self,
        place: &Place,
        issues: &[(Moment, Snapshot)],
        tally: &mut Tally,
    ) -> Result<(), Undone> {
        let mut looks = std::pin::pin!(
            stream::iter(issues)
                .take_while(|_| future::ready(!self.patience.is_interrupted()))
                .map(async |(at, snapshot)| (*at, snapshot.reference, self.look(snapshot).await))
                .buffered(self.at_once)
        );
        let (mut done, mut all_before_done) = (0, true);
        while let Some((at, issue, looked)) = looks.next().await {
            let outcome = match looked {
                Ok(outcome) => outcome,
                Err(Undone::Stopped) => {
                    all_before_done = false;
                    continue;
                }
                Err(Undone::Gone) => Outcome::Gone,
                Err(Undone::Failed(failure)) => Outcome::Failed(failure.to_string()),
            };
            done += 1;
            if all_before_done && outcome.took_calls() {
                self.keep_position(place, at).await?;
            }
            self.patience.progress.one_more();
            if let Some(line) = tally.add(issue, outcome) {
                self.patience.progress.print(&line);
            }
        }
        if done == issues.len() { Ok(()) } else { Err(Undone::Stopped) }
    }

    async fn keep_position(&self, place: &Place, at: Moment) -> Result<(), store::Error> {
        if self.keeps_position() {
            let name = self.position_name(place);
            self.desk.store.keep_watermark(store::Walk::Backfill, &name, at).await?;
        }
        Ok(())
    }

    /// Whether what was done is recorded, so that another walk may go on behind it.
    fn keeps_position(&self) -> bool {
        match self.desk.mode {
            Mode::Live | Mode::Shadow => true,
            Mode::DryRun => false,
        }
    }

    /// A place and the policy by which its issues are assessed, the mode included: what was only watched is still to be
    /// written.
    fn position_name(&self, place: &Place) -> String {
        format!("{place} under {}", self.policy)
    }

    /// Looks at one issue, unless the list shows already that there is nothing to look at.
    async fn look(&self, listed: &Snapshot) -> Result<Outcome, Undone> {
        let (reference, issue) = (listed.reference, &listed.issue);
        if issue.state == State::Closed {
            return Ok(Outcome::Closed);
        }
        let policy = &self.desk.policy;
        // A label of ours may be left from a store that was lost.
        let can_matter =
            policy.has_source(issue.work_item_type, &issue.labels) || policy.owns_any(&issue.labels);
        if !can_matter && self.desk.store.recall(reference).await?.is_none() {
            return Ok(Outcome::NoSource);
        }
        let looked = match self.desk.mode {
            Mode::DryRun => {
                let endless = Lease::without_end();
                self.patience.persist(async || self.desk.look(reference, &endless).await).await
            }
            Mode::Live | Mode::Shadow => loop {
                match self.claim_and_look(reference).await {
                    Err(Undone::Failed(Failure::LeaseLost)) => {}
                    looked => break looked,
                }
            },
        };
        looked.map(|look| outcome(&look))
    }

    /// Looks at an issue, with a claim that keeps replicas away from it.
    async fn claim_and_look(&self, reference: IssueRef) -> Result<Look, Undone> {
        let store = &self.desk.store;
        let claim = self.patience.claim(reference).await?;
        let lease = Lease::of(&claim);
        let looking = self.patience.persist(async || self.desk.look(reference, &lease).await);
        let looked = lease.guard(store, looking).await;
        let release = match &looked {
            Ok(look) => Release::Done(look.clone().record(self.desk.mode).map(Box::new)),
            Err(Undone::Stopped) => Release::Paused,
            Err(Undone::Gone) => Release::Dropped,
            Err(Undone::Failed(Failure::LeaseLost)) => return looked,
            Err(Undone::Failed(failure)) => Release::Parked { reason: failure.to_string() },
        };
        store.finish(claim, release, clock::now()).await?;
        looked
    }

    async fn page(&self, list: &mut IssueList) -> Result<Option<Page>, Undone> {
        self.patience.persist(async || Ok(list.next_page(&self.desk.gitlab).await?)).await
    }
}

fn outcome(look: &Look) -> Outcome {
    match look {
        Look::Closed(_) => Outcome::Closed,
        Look::NoSource(_) => Outcome::NoSource,
        Look::Assessed(changes, _) => Outcome::Assessed(changes.clone()),
    }
}

fn reason(undone: Undone) -> String {
    match undone {
        Undone::Stopped => "it was interrupted".to_owned(),
        Undone::Gone => gitlab::Error::NotFound.to_string(),
        Undone::Failed(failure) => failure.to_string(),
    }
}
