//! By which policy the followed issues were assessed, and which policies are at work.

use std::fmt;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::watermarks::Walk;
use super::{Engine, Error, Store};
use crate::calculator::issue::{IssueRef, Moment};
use crate::clock::Millis;

/// What all open followed issues are called where it is kept how far the walk along them has come.
pub(super) const FOLLOWED: &str = "followed";

/// Tells one policy from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyDigest(u64);

impl PolicyDigest {
    /// Of all that decides what is written.
    #[must_use]
    pub fn of(rule: &impl fmt::Debug) -> Self {
        let digest: [u8; 32] = Sha256::digest(format!("{rule:?}")).into();
        let [a, b, c, d, e, f, g, h, ..] = digest;
        Self(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }
}

impl fmt::Display for PolicyDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl Store {
    /// Whether a policy is applied: every open followed issue was marked under it, and nobody came with another since.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it could not be read.
    pub async fn is_applied(&self, policy: PolicyDigest) -> Result<bool, Error> {
        Ok(self.watermark(Walk::Policy, &place(policy)).await?.is_some())
    }

    /// Comes with a policy: others see it for as long as a replica has its duty, which is taken for the lease unless another
    /// one has it already; and if it is not applied, none is any more. Returns whether it is.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn arrive(&self, policy: PolicyDigest, now: Millis, lease: Duration) -> Result<bool, Error> {
        match &self.engine {
            Engine::Sqlite(_) => {
                let applied = self.is_applied(policy).await?;
                if !applied {
                    self.forget_applied().await?;
                }
                Ok(applied)
            }
            Engine::Postgres(postgres) => postgres.arrive(policy, now, lease).await,
        }
    }

    /// Keeps that a policy is applied, and no other, unless some replica works by another one. Returns whether it is kept.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn keep_applied(&self, policy: PolicyDigest, now: Millis) -> Result<bool, Error> {
        match &self.engine {
            Engine::Sqlite(_) => {
                self.forget_applied().await?;
                self.keep_watermark(Walk::Policy, &place(policy), Moment(now.0)).await?;
                Ok(true)
            }
            Engine::Postgres(postgres) => postgres.keep_applied(policy, now).await,
        }
    }

    /// From now on no policy is applied.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn forget_applied(&self) -> Result<(), Error> {
        self.forget_watermark(Walk::Policy, FOLLOWED).await
    }

    /// Whether some replica works by another policy: each has a duty for its own.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it could not be read.
    pub async fn other_policy_at_work(&self, policy: PolicyDigest, now: Millis) -> Result<bool, Error> {
        match &self.engine {
            Engine::Sqlite(_) => Ok(false),
            Engine::Postgres(postgres) => postgres.other_policy_at_work(policy, now).await,
        }
    }

    /// Open followed issues: a page of those behind this one, in the order of their references; empty at the end.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if they could not be read.
    pub async fn open_followed(&self, behind: Option<IssueRef>) -> Result<Vec<IssueRef>, Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.open_followed(behind).await,
            Engine::Postgres(postgres) => postgres.open_followed(behind).await,
        }
    }
}

pub(super) fn place(policy: PolicyDigest) -> String {
    format!("{FOLLOWED} under {policy}")
}
