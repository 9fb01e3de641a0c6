//! Duties: what one replica at a time does for all.

use std::time::Duration;

use super::policies::PolicyDigest;
use super::{Engine, Error, Store};
use crate::clock::Millis;

/// How the names of duties for policies begin.
pub(super) const POLICY: &str = "policy ";

/// What one replica at a time does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// Finding what webhooks missed.
    Sweep,
    /// Asking who changed labels.
    Scribe,
    /// Reading notes for commands.
    Clerk,
    /// Watching the webhooks.
    Watchdog,
    /// Applying a policy: a duty for each.
    Policy(PolicyDigest),
}

impl Duty {
    pub(super) fn name(self) -> String {
        match self {
            Self::Sweep => "sweep".to_owned(),
            Self::Scribe => "scribe".to_owned(),
            Self::Clerk => "clerk".to_owned(),
            Self::Watchdog => "watchdog".to_owned(),
            Self::Policy(policy) => format!("{POLICY}{policy}"),
        }
    }
}

impl Store {
    /// Takes a duty, or keeps it, for so long. Returns whether it is ours; it is if nobody else has it. A process that has
    /// its store for itself has every duty.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable.
    pub async fn take_duty(&self, duty: Duty, now: Millis, period: Duration) -> Result<bool, Error> {
        match &self.engine {
            Engine::Sqlite(_) => Ok(true),
            Engine::Postgres(postgres) => postgres.take_duty(duty, now, period).await,
        }
    }

    /// Leaves a duty to the next, if it is ours.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable: it ends by itself.
    pub async fn leave_duty(&self, duty: Duty) -> Result<(), Error> {
        match &self.engine {
            Engine::Sqlite(_) => Ok(()),
            Engine::Postgres(postgres) => postgres.leave_duty(duty).await,
        }
    }
}
