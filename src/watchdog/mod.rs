//! The watchdog: sees whether GitLab still calls the webhooks that lead here, and has GitLab try those again that it
//! switched off, and recovers what it could not deliver.
//!
//! GitLab switches a webhook off after four failures in a row, for longer each time, and in the end until a test request
//! succeeds. That we are running is the time to ask for one. Never makes, changes or removes a webhook (that is
//! `setup`'s), and asks nothing of those that lead elsewhere. What is wrong is logged when it begins and when it ends.

mod count;
mod memory;
mod recovery;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};

use crate::calculator::policy::Policy;
use crate::clock::{self, Millis};
use crate::gitlab::{self, Client, Place};
use crate::store::Store;
use crate::worker::{Failure, Gate, Next, RetryPolicy, after_failure};
use count::{ClearedAtTheEnd, Count};
use memory::Hidden;

pub use memory::Memory;

/// The time between two rounds, and the first pause after a test request.
const INTERVAL: Duration = Duration::from_secs(120);
/// The longest pause between two test requests of a webhook: each that fails lengthens its rest.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);
/// GitLab allows five test requests a minute, and a round takes place every other minute.
const MOST_TESTS: usize = 5;
/// Here only the kind of failure matters.
const NO_ATTEMPTS: u32 = 0;

/// Watches the webhooks that lead here.
#[derive(Clone)]
pub struct Watchdog {
    /// Where marks and watermarks are kept.
    pub store: Store,
    /// Who tells of the webhooks.
    pub gitlab: Client,
    /// Closed while GitLab wants no calls.
    pub gate: Arc<Gate>,
    /// What a failure means.
    pub retry: RetryPolicy,
    /// The address of the webhooks that lead here.
    pub url: String,
    /// Where they are.
    pub places: Vec<Place>,
    /// What can matter.
    pub policy: Arc<Policy>,
    /// Whether anything is done about what is found.
    pub mending: Mending,
    /// What the last round saw.
    pub memory: Arc<Mutex<Memory>>,
}

/// Whether test requests may be asked for, and failed deliveries be recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mending {
    /// Yes.
    Allowed,
    /// No, in a dry run and in shadow, which change nothing in GitLab, and leave what was missed for a live service to
    /// recover.
    Forbidden,
}

impl Watchdog {
    /// Watches until told to stop.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let _cleared = ClearedAtTheEnd;
        metrics::counter!("escalator_recovered_total").increment(0);
        for outcome in ["sent", "failed"] {
            metrics::counter!("escalator_webhook_tests_total", "outcome" => outcome).increment(0);
        }
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

    /// Looks at the webhooks of every place once. A place that fails does not stop the others.
    pub async fn round(&self, now: Millis) {
        let mut memory = self.memory.lock().await;
        let (mut count, mut tests_left) = (Count::default(), MOST_TESTS);
        for place in &self.places {
            let hooks = match self.call(self.gitlab.hooks(place)).await {
                Ok(hooks) => hooks,
                Err(failure) => {
                    count.hidden += 1;
                    self.hide(&mut memory, place, &failure);
                    continue;
                }
            };
            if memory.hidden.remove(&place.to_string()).is_some() {
                tracing::info!(%place, "its webhooks can be seen again");
            }
            for hook in hooks.iter().filter(|hook| hook.url == self.url) {
                count.add(hook);
                let seen = memory.look_at(place, hook);
                if self.mending == Mending::Forbidden {
                    continue;
                }
                if seen.wants_test(now) && tests_left > 0 {
                    tests_left -= 1;
                    seen.tested(now);
                    self.wake(place, hook.id).await;
                }
                self.recover_or_explain(place, hook.id, &mut seen.log, now).await;
            }
        }
        count.show();
    }

    /// Has GitLab try a webhook again. Too many test requests are not too many calls, so no failure of theirs makes the
    /// other work pause. One more by a replica that has just lost the duty does no harm either: it is a delivery like any
    /// other, of an issue that is marked once.
    async fn wake(&self, place: &Place, hook: u64) {
        let pass = self.gate.pass().await;
        let tested = self.gitlab.test_hook(place, hook, "issues_events").await;
        pass.used();
        let outcome = match tested {
            Ok(()) => {
                tracing::info!(%place, hook, "had GitLab send a test request to a webhook that it had switched off");
                "sent"
            }
            Err(error) => {
                tracing::warn!(%place, hook, %error, "GitLab sent no test request to a webhook that it had switched off");
                "failed"
            }
        };
        metrics::counter!("escalator_webhook_tests_total", "outcome" => outcome).increment(1);
    }

    /// One call through the gate, which a pause that GitLab asks for closes.
    async fn call<T>(&self, call: impl Future<Output = Result<T, gitlab::Error>>) -> Result<T, Failure> {
        let pass = self.gate.pass().await;
        let answer = call.await.map_err(Failure::from);
        if let Err(failure) = &answer
            && let Next::PauseAll(pause) = after_failure(failure, NO_ATTEMPTS, &self.retry)
        {
            self.gate.pause_everywhere(pause, &self.store).await;
        }
        pass.used();
        answer
    }

    /// Says once why the webhooks of a place cannot be seen.
    fn hide(&self, memory: &mut Memory, place: &Place, failure: &Failure) {
        let why = why_hidden(failure, &self.retry);
        if memory.hidden.insert(place.to_string(), why) == Some(why) {
            return;
        }
        match why {
            Hidden::ForNow => tracing::warn!(%place, error = %failure, "its webhooks cannot be seen now"),
            Hidden::Forbidden => tracing::warn!(
                %place,
                error = %failure,
                "its webhooks are not watched: the access token may not see them, which takes a Maintainer of a \
                 project or an Owner of a group; the sweep finds what they miss"
            ),
        }
    }
}

fn why_hidden(failure: &Failure, retry: &RetryPolicy) -> Hidden {
    match after_failure(failure, NO_ATTEMPTS, retry) {
        Next::Retry(_) | Next::PauseAll(_) | Next::Leave => Hidden::ForNow,
        Next::Park | Next::Drop => Hidden::Forbidden,
    }
}
