//! The policy watch: where the policy is another one than before, has every open followed issue looked at again, so that
//! labels and comments follow the rule although nothing changes on the issues. The comment's template and the mode are part
//! of a policy here: by all of these it is decided what is written.
//!
//! Only marks. Never reads or writes an issue, and never hurries the workers, who keep to `gitlab.requests_per_second`.
//!
//! Durable is whether a policy is *applied*: every open followed issue was marked under it, and nobody came with another
//! one since. Whoever comes with one that is not applied takes that back at once, before its first look. A policy is
//! applied when it has been the only one at work for a while, and not earlier, because replicas of another one would take
//! marks too and leave those issues as their own policy says. So while replicas are replaced one after the other, neither
//! the old nor the new ones mark anything; when the last old one is gone, the new ones mark all, once. If instead the new
//! ones are taken back, the old ones do so, because some issues may be as the new ones left them. Two policies that stay
//! side by side mark nothing, and the log says so. After a kill in the middle all are marked again, which costs a read of
//! each that was done already.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::duty::LONGEST_VACANCY;
use super::lease::LEASE;
use crate::clock::{self, Millis};
use crate::store::{Duty, Error, PolicyDigest, Store};

/// How often it looks whether its policy is applied.
const INTERVAL: Duration = Duration::from_secs(10);

/// Applies a policy.
#[derive(Clone)]
pub struct PolicyWatch {
    store: Store,
    policy: PolicyDigest,
}

/// What was seen of a policy that is not applied.
#[derive(Debug, Clone, Copy)]
enum Seen {
    /// Nothing yet.
    Nothing,
    /// Others at work by another one.
    Others,
    /// Nobody else, since then.
    NobodyElse(Instant),
}

impl PolicyWatch {
    /// Comes with a policy: others see it from now on. To be called before the first look.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn arrive(store: Store, policy: PolicyDigest, now: Millis) -> Result<Self, Error> {
        if !store.arrive(policy, now, LEASE).await? && store.open_followed(None).await?.is_empty() {
            store.keep_applied(policy, now).await?;
        }
        Ok(Self { store, policy })
    }

    /// While this is our duty among those who have the same policy.
    #[must_use]
    pub fn duty(&self) -> Duty {
        Duty::Policy(self.policy)
    }

    /// Whether every open issue that is followed was marked under this policy.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn is_applied(&self) -> Result<bool, Error> {
        self.store.is_applied(self.policy).await
    }

    /// Works until told to stop. Breaking off in the middle is fine: what is not applied is marked again.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut seen = Seen::Nothing;
        while !*stop.borrow() {
            let round = tokio::select! {
                round = self.round(&mut seen) => round,
                _ = stop.changed() => return,
            };
            if let Err(error) = round {
                tracing::warn!(%error, "could not mark the issues that another policy assessed; trying again");
            }
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                _ = stop.changed() => {}
            }
        }
    }

    async fn round(&self, seen: &mut Seen) -> Result<(), Error> {
        if self.is_applied().await? {
            *seen = Seen::Nothing;
            return Ok(());
        }
        if self.store.other_policy_at_work(self.policy, clock::now()).await? {
            if !matches!(seen, Seen::Others) {
                tracing::warn!(
                    "replicas with another policy, template or mode are at work; once they are gone, all open issues that are \
                     followed are looked at again"
                );
            }
            *seen = Seen::Others;
            return Ok(());
        }
        let since = match *seen {
            Seen::NobodyElse(since) => since,
            Seen::Nothing | Seen::Others => Instant::now(),
        };
        *seen = Seen::NobodyElse(since);
        if !self.store.is_shared() || since.elapsed() >= LONGEST_VACANCY {
            let issues = self.mark_all().await?;
            tracing::info!(
                issues,
                "the policy, the comment's template or the mode is another one; all open issues that are followed are looked at again"
            );
            // Not kept if somebody came meanwhile: the next round sees them.
            self.store.keep_applied(self.policy, clock::now()).await?;
        }
        Ok(())
    }

    /// Marks all. Returns how many.
    async fn mark_all(&self) -> Result<usize, Error> {
        let (mut marked, mut last) = (0, None);
        loop {
            let page = self.store.open_followed(last).await?;
            if page.is_empty() {
                return Ok(marked);
            }
            marked += page.len();
            last = page.last().copied();
            self.store.recheck(page, clock::now()).await?;
        }
    }
}
