//! The gate between the workers and GitLab: closed while GitLab wants no calls, then opened by a single probe.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::clock::{self, Millis};
use crate::store::Store;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    ClosedUntil(Instant),
    /// One worker is finding out whether GitLab is well again.
    Probing,
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
    pub fn pause(&self, pause: Duration) {
        let until = Instant::now() + pause;
        self.update(|state| match state {
            State::ClosedUntil(already) => State::ClosedUntil(already.max(until)),
            State::Open | State::Probing => State::ClosedUntil(until),
        });
    }

    /// Closes the gate, and those of all replicas.
    pub async fn pause_everywhere(&self, pause: Duration, store: &Store) {
        self.pause(pause);
        let millis = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX / 4);
        if let Err(error) = store.pause(Millis(clock::now().0 + millis)).await {
            tracing::warn!(%error, "could not tell other replicas to pause");
        }
    }

    /// Waits until the gate lets one through. After a pause the first one is the probe, and the others wait for it.
    pub async fn pass(&self) -> Pass<'_> {
        loop {
            let changed = self.changed.notified();
            let state = self.update(|state| match state {
                State::ClosedUntil(until) if until <= Instant::now() => State::Probing,
                State::Open | State::ClosedUntil(_) | State::Probing => state,
            });
            match state {
                (_, State::Open) => return Pass { gate: self, probing: false },
                (State::ClosedUntil(_), State::Probing) => return Pass { gate: self, probing: true },
                (_, State::Probing) => changed.await,
                (_, State::ClosedUntil(until)) => {
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
                State::Probing => State::Open,
                State::Open | State::ClosedUntil(_) => state,
            });
        }
    }
}

impl Drop for Pass<'_> {
    /// A probe that found nothing to do leaves the probing to the next.
    fn drop(&mut self) {
        if self.probing {
            self.gate.update(|state| match state {
                State::Probing => State::ClosedUntil(Instant::now()),
                State::Open | State::ClosedUntil(_) => state,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn an_open_gate_lets_everybody_through() {
        let gate = Gate::default();
        let (first, second) = (gate.pass().await, gate.pass().await);
        assert!(!first.probing && !second.probing);
    }

    #[tokio::test]
    async fn after_a_pause_one_probes_and_the_others_wait_for_it() {
        let gate = Gate::default();
        gate.pause(Duration::ZERO);
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
        gate.pause(Duration::ZERO);
        let probe = gate.pass().await;
        gate.pause(Duration::from_secs(3600));
        probe.used();
        assert!(gate.pass().now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_probe_without_work_leaves_the_probing_to_the_next() {
        let gate = Gate::default();
        gate.pause(Duration::ZERO);
        drop(gate.pass().await);
        assert!(gate.pass().await.probing);
    }
}
