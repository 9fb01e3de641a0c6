//! What is ours for a while, and somebody else's if we do not renew it in time: a claimed issue, or a duty.
//!
//! Who has it is what the database says, and no clock: that of a replica may be wrong.

use std::fmt;
use std::time::Duration;

use super::claims::Claim;
use super::duty::Duty;
use super::{Engine, Error, Store};
use crate::clock::Millis;

/// What is ours for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// An issue.
    Claim(Claim),
    /// A duty.
    Duty(Duty),
}

impl fmt::Display for Held {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim(claim) => write!(formatter, "issue {}", claim.issue),
            Self::Duty(duty) => write!(formatter, "duty {}", duty.name()),
        }
    }
}

impl Store {
    /// Makes it last for as long as the lease from now on. Returns whether it was still ours; what was lost is not taken
    /// back.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if that could not be made durable: it lasts as long as it did.
    pub async fn renew(&self, held: Held, now: Millis, lease: Duration) -> Result<bool, Error> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.renew(held, now, lease).await,
            Engine::Postgres(postgres) => postgres.renew(held, now, lease).await,
        }
    }
}
