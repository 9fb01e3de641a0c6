//! The token watch: how long the access token is still good, so that nobody learns it from a standstill.
//!
//! Warns in the log while there is still time to replace it. It also takes a new token out of the file before GitLab refuses
//! the old one, so that the warning ends with the danger.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::after_failure::{Failure, Next, RetryPolicy, after_failure};
use super::gate::Gate;
use crate::clock::{self, Millis};
use crate::config::AccessToken;
use crate::config::values::Secret;
use crate::gitlab::{Client, Expiry};

/// How often the file is looked at, and GitLab is asked again after it failed.
const INTERVAL: Duration = Duration::from_secs(60);
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// How often GitLab is asked about the same token, and whoever reads the log is warned: its end can be moved.
const ASK_AGAIN_MILLIS: i64 = DAY_MILLIS;
/// Time enough to replace it without haste.
const SOON_DAYS: i64 = 14;
/// Here only the kind of failure matters.
const NO_ATTEMPTS: u32 = 0;

/// Watches the access token.
#[derive(Clone)]
pub struct TokenWatch {
    token: AccessToken,
    gitlab: Client,
    gate: Arc<Gate>,
    retry: RetryPolicy,
    seen: Arc<Mutex<Seen>>,
}

/// What GitLab said last, and of which token.
#[derive(Debug, Default, Clone)]
struct Seen {
    asked: Option<(Secret, Millis)>,
    known: Option<Known>,
}

#[derive(Debug, Clone, Copy)]
enum Known {
    Expiry(Expiry),
    /// It told of an earlier token, and does not of this one.
    NoLonger,
}

impl TokenWatch {
    /// Watches the token that this client uses.
    #[must_use]
    pub fn new(token: AccessToken, gitlab: Client, gate: Arc<Gate>, retry: RetryPolicy) -> Self {
        Self { token, gitlab, gate, retry, seen: Arc::default() }
    }

    /// Watches until told to stop.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            tokio::select! {
                () = self.round(clock::now()) => {}
                _ = stop.changed() => return,
            }
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                _ = stop.changed() => return,
            }
        }
    }

    /// Asks GitLab, if the token is another one or it is time to. Where GitLab does not answer, the next round asks.
    pub async fn round(&self, now: Millis) {
        let due = match self.seen().asked {
            Some((token, at)) => self.token.replaced_since(&token) || now.0 - at.0 >= ASK_AGAIN_MILLIS,
            None => true,
        };
        if !due {
            return;
        }
        let pass = self.gate.pass().await;
        let token = self.token.current();
        match self.gitlab.token_expiry().await {
            Ok(expiry) => {
                warn_if_it_ends_soon(expiry, now);
                self.learn(token, now, Some(Known::Expiry(expiry)));
            }
            Err(error) => match after_failure(&Failure::from(error), NO_ATTEMPTS, &self.retry) {
                Next::Retry(_) | Next::Leave => {}
                Next::PauseAll(pause) => self.gate.pause(pause),
                // Older than GitLab 15.5, or not this kind of token: nothing to see, and nothing wrong.
                Next::Park | Next::Drop => self.learn(token, now, self.seen().known.map(|_| Known::NoLonger)),
            },
        }
        pass.used();
    }

    /// For how many days the token is still good: infinitely many where it does not end by itself, no number where GitLab
    /// no longer tells, and nothing where it never told.
    #[must_use]
    pub fn days_left(&self, now: Millis) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are far below 2^52")]
        self.seen().known.map(|known| match known {
            Known::Expiry(Expiry::At(end)) => (end.0 - now.0) as f64 / DAY_MILLIS as f64,
            Known::Expiry(Expiry::Never) => f64::INFINITY,
            Known::NoLonger => f64::NAN,
        })
    }

    fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn learn(&self, token: Secret, now: Millis, known: Option<Known>) {
        let seen = Seen { asked: Some((token, now)), known };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }
}

fn warn_if_it_ends_soon(expiry: Expiry, now: Millis) {
    let Expiry::At(end) = expiry else { return };
    let days_left = (end.0 - now.0).div_euclid(DAY_MILLIS);
    if days_left < SOON_DAYS {
        tracing::warn!(
            days_left,
            "the access token ends soon; make or rotate to a new one before then, and write it into gitlab.token_file; no \
             restart is needed"
        );
    }
}
