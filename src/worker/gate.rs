//! The gate between the workers and GitLab: closed while GitLab wants no calls, or writing is stopped; then opened by a
//! single probe.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::after_failure::Failure;
use crate::calculator::issue::IssueRef;
use crate::clock::{self, Millis};
use crate::store::Store;

/// Why there are to be no calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PauseReason {
    /// GitLab says that there were too many.
    Throttled,
    /// GitLab does not accept the access token.
    Unauthorized,
    /// Nothing may be written until somebody lifts that.
    Stopped,
}

impl PauseReason {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Throttled, Self::Unauthorized, Self::Stopped];

    /// One word for it, for metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Unauthorized => "unauthorized",
            Self::Stopped => "stopped",
        }
    }
}

/// No calls for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// Why.
    pub reason: PauseReason,
    /// How long.
    pub length: Duration,
}

impl Pause {
    /// Says in the log that it begins. That writing is stopped is said by whoever stops it, and not at each probe.
    pub(super) fn tell(self, issue: IssueRef, failure: &Failure) {
        match self.reason {
            PauseReason::Throttled | PauseReason::Unauthorized => {
                tracing::warn!(%issue, pause = ?self.length, error = %failure, "all work in GitLab pauses");
            }
            PauseReason::Stopped => {
                tracing::debug!(%issue, pause = ?self.length, error = %failure, "all work in GitLab pauses");
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    ClosedUntil(Instant, PauseReason),
    /// One worker is finding out whether GitLab is well again.
    Probing(PauseReason),
}

/// Holds all workers back during a pause.
#[derive(Debug)]
pub struct Gate {
    state: Mutex<State>,
    changed: Notify,
}

/// The right to work on one issue.
#[derive(Debug)]
#[must_use]
pub struct Pass<'gate> {
    gate: &'gate Gate,
    probing: bool,
}

impl Default for Gate {
    fn default() -> Self {
        Self { state: Mutex::new(State::Open), changed: Notify::new() }
    }
}

impl Gate {
    /// Closes the gate. A pause never shortens one that is already longer.
    pub fn pause(&self, pause: Pause) {
        let until = Instant::now() + pause.length;
        self.update(|state| match state {
            State::ClosedUntil(already, _) if already > until => state,
            State::ClosedUntil(..) | State::Open | State::Probing(_) => {
                State::ClosedUntil(until, pause.reason)
            }
        });
    }

    /// How long a pause of this reason still lasts; nothing where there is none.
    #[must_use]
    pub fn left(&self, reason: PauseReason) -> Duration {
        match *self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            State::ClosedUntil(until, why) if why == reason => until.duration_since(Instant::now()),
            State::ClosedUntil(..) | State::Open | State::Probing(_) => Duration::ZERO,
        }
    }

    /// Closes the gate, and those of all replicas where GitLab counts the calls of all together. Whether it accepts an access
    /// token each replica finds out by itself: one may have read the new one already; and so whether a stop was lifted.
    pub async fn pause_everywhere(&self, pause: Pause, store: &Store) {
        self.pause(pause);
        match pause.reason {
            PauseReason::Throttled => {}
            PauseReason::Unauthorized | PauseReason::Stopped => return,
        }
        let millis = i64::try_from(pause.length.as_millis()).unwrap_or(i64::MAX / 4);
        if let Err(error) = store.pause(Millis(clock::now().0 + millis)).await {
            tracing::warn!(%error, "could not tell other replicas to pause");
        }
    }

    /// Waits until the gate lets one through. After a pause the first one is the probe, and the others wait for it.
    pub async fn pass(&self) -> Pass<'_> {
        loop {
            let changed = self.changed.notified();
            let state = self.update(|state| match state {
                State::ClosedUntil(until, reason) if until <= Instant::now() => State::Probing(reason),
                State::Open | State::ClosedUntil(..) | State::Probing(_) => state,
            });
            match state {
                (_, State::Open) => return Pass { gate: self, probing: false },
                (State::ClosedUntil(..), State::Probing(_)) => return Pass { gate: self, probing: true },
                (_, State::Probing(_)) => changed.await,
                (_, State::ClosedUntil(until, _)) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(until) => {}
                        () = changed => {}
                    }
                }
            }
        }
    }

    /// Changes the state; gives it before and after.
    fn update(&self, change: impl FnOnce(State) -> State) -> (State, State) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *state;
        *state = change(before);
        if *state != before {
            self.changed.notify_waiters();
        }
        (before, *state)
    }
}

impl Pass<'_> {
    /// The issue was worked on. Unless that brought a new pause, the gate is open for all.
    pub fn used(mut self) {
        if std::mem::take(&mut self.probing) {
            self.gate.update(|state| match state {
                State::Probing(_) => State::Open,
                State::Open | State::ClosedUntil(..) => state,
            });
        }
    }
}

impl Drop for Pass<'_> {
    /// A probe that found nothing to do leaves the probing to the next.
    fn drop(&mut self) {
        if self.probing {
            self.gate.update(|state| match state {
                State::Probing(reason) => State::ClosedUntil(Instant::now(), reason),
                State::Open | State::ClosedUntil(..) => state,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn pause(seconds: u64) -> Pause {
        Pause { reason: PauseReason::Throttled, length: Duration::from_secs(seconds) }
    }

    #[tokio::test]
    async fn what_is_left_of_a_pause_is_told_by_its_reason() {
        let gate = Gate::default();
        let hours = || PauseReason::ALL.map(|reason| gate.left(reason).as_secs().div_ceil(3600));
        assert_eq!(hours(), [0, 0, 0]);
        gate.pause(pause(3 * 3600));
        gate.pause(Pause { reason: PauseReason::Unauthorized, length: Duration::from_secs(2 * 3600) });
        assert_eq!(hours(), [3, 0, 0], "the longer one counts");
        gate.pause(Pause { reason: PauseReason::Unauthorized, length: Duration::from_secs(5 * 3600) });
        assert_eq!(hours(), [0, 5, 0]);
    }

    #[tokio::test]
    async fn nothing_is_left_of_a_pause_that_ended() {
        let gate = Gate::default();
        gate.pause(pause(0));
        assert_eq!(gate.left(PauseReason::Throttled), Duration::ZERO);
        let probe = gate.pass().await;
        assert_eq!(gate.left(PauseReason::Throttled), Duration::ZERO);
        drop(probe);
        assert_eq!(gate.left(PauseReason::Throttled), Duration::ZERO);
    }

    #[tokio::test]
    async fn an_open_gate_lets_everybody_through() {
        let gate = Gate::default();
        let (first, second) = (gate.pass().await, gate.pass().await);
        assert!(!first.probing && !second.probing);
    }

    #[tokio::test]
    async fn after_a_pause_one_probes_and_the_others_wait_for_it() {
        let gate = Gate::default();
        gate.pause(pause(0));
        let probe = gate.pass().await;
        assert!(probe.probing);
        let mut waiting = Box::pin(gate.pass());
        assert!((&mut waiting).now_or_never().is_none());
        probe.used();
        assert!(!waiting.await.probing);
    }

    #[tokio::test]
    async fn a_probe_that_brings_a_new_pause_does_not_open_the_gate() {
        let gate = Gate::default();
        gate.pause(pause(0));
        let probe = gate.pass().await;
        gate.pause(pause(3600));
        probe.used();
        assert!(gate.pass().now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_probe_without_work_leaves_the_probing_to_the_next() {
        let gate = Gate::default();
        gate.pause(pause(0));
        drop(gate.pass().await);
        assert!(gate.pass().await.probing);
    }
}
