//! The watchdog: sees whether GitLab still calls the webhooks that lead here, and has GitLab try those again that it
//! switched off.
//!
//! GitLab switches a webhook off after four failures in a row, for longer each time, and in the end until a test request
//! succeeds. That we are running is the time to ask for one. Never makes, changes or removes a webhook (that is
//! `setup`'s), and asks nothing of those that lead elsewhere. What is wrong is logged when it begins and when it ends.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};

use crate::clock::{self, Millis};
use crate::gitlab::{self, AlertStatus, Client, Hook, Place};
use crate::store::Store;
use crate::worker::{Failure, Gate, Next, RetryPolicy, after_failure};

/// The time between two rounds, and the first pause after a test request.
const INTERVAL: Duration = Duration::from_secs(120);
/// The longest pause between two test requests of a webhook: each that fails lengthens its rest.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);
/// GitLab allows five test requests a minute, and a round takes place every other minute.
const MOST_TESTS: usize = 5;
/// Without these two, confidential issues and comments are not heard of.
const CONFIDENTIAL: [&str; 2] = ["confidential_issues_events", "confidential_note_events"];
/// Here only the kind of failure matters.
const NO_ATTEMPTS: u32 = 0;

/// Watches the webhooks that lead here.
#[derive(Clone)]
pub struct Watchdog {
    /// Tells other replicas of a pause.
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
    /// Whether test requests may be asked for.
    pub waking: Waking,
    /// What the last round saw.
    pub memory: Arc<Mutex<Memory>>,
}

/// Whether test requests may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waking {
    /// Yes.
    Allowed,
    /// No, in a dry run: it changes nothing in GitLab.
    Forbidden,
}

/// What the last round saw.
#[derive(Debug, Default)]
pub struct Memory {
    hooks: BTreeMap<u64, Seen>,
    /// Places whose webhooks are not shown, and why.
    hidden: BTreeMap<String, Hidden>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hidden {
    /// The access token may not see them.
    Forbidden,
    /// GitLab did not answer; it may later.
    ForNow,
}

/// One webhook, and what was tried.
#[derive(Debug, Clone, Copy)]
struct Seen {
    status: AlertStatus,
    hears_confidential: bool,
    tests: u32,
    next_test_at: Millis,
}

/// How many there are of what, for metrics.
#[derive(Debug, Default)]
struct Count {
    enabled: u32,
    resting: u32,
    disabled: u32,
    unknown: u32,
    deaf: u32,
    unsigned: u32,
    hidden: u32,
}

impl Watchdog {
    /// Watches until told to stop.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let _cleared = ClearedAtTheEnd;
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
                if seen.wants_test(now) && tests_left > 0 && self.waking == Waking::Allowed {
                    tests_left -= 1;
                    seen.tested(now);
                    self.wake(place, hook.id).await;
                }
            }
        }
        count.show();
    }

    /// Has GitLab try a webhook again. Too many test requests are not too many calls, so no failure of theirs makes the
    /// other work pause.
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
        let why = match after_failure(failure, NO_ATTEMPTS, &self.retry) {
            Next::Retry(_) | Next::PauseAll(_) | Next::Leave => Hidden::ForNow,
            Next::Park | Next::Drop => Hidden::Forbidden,
        };
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

impl Memory {
    /// Takes in how a webhook is now, and says what changed.
    fn look_at(&mut self, place: &Place, hook: &Hook) -> &mut Seen {
        let fine = Seen {
            status: AlertStatus::Executable,
            hears_confidential: true,
            tests: 0,
            next_test_at: Millis(i64::MIN),
        };
        let seen = self.hooks.entry(hook.id).or_insert(fine);
        let id = hook.id;
        if seen.status != hook.alert_status {
            match hook.alert_status {
                AlertStatus::Executable => tracing::info!(%place, hook = id, "GitLab calls a webhook again"),
                AlertStatus::TemporarilyDisabled | AlertStatus::Disabled => tracing::warn!(
                    %place,
                    hook = id,
                    status = ?hook.alert_status,
                    "GitLab switched a webhook off after failures; it is tried again"
                ),
                AlertStatus::Unknown => {
                    tracing::info!(%place, hook = id, "this GitLab does not tell whether it calls a webhook");
                }
            }
            seen.status = hook.alert_status;
        }
        let hears = hears_confidential(hook);
        if seen.hears_confidential && !hears {
            tracing::warn!(
                %place,
                hook = id,
                "a webhook lacks confidential issue or comment events; `escalator setup` adds them"
            );
        }
        seen.hears_confidential = hears;
        if seen.status == AlertStatus::Executable {
            (seen.tests, seen.next_test_at) = (fine.tests, fine.next_test_at);
        }
        seen
    }
}

impl Seen {
    fn wants_test(&self, now: Millis) -> bool {
        match self.status {
            AlertStatus::TemporarilyDisabled | AlertStatus::Disabled => self.next_test_at <= now,
            AlertStatus::Executable | AlertStatus::Unknown => false,
        }
    }

    /// The pause doubles with each test until the webhook is called again.
    fn tested(&mut self, now: Millis) {
        let pause = INTERVAL.saturating_mul(2_u32.saturating_pow(self.tests)).min(LONGEST_PAUSE);
        self.tests = self.tests.saturating_add(1);
        self.next_test_at = Millis(now.0 + i64::try_from(pause.as_millis()).unwrap_or(i64::MAX / 4));
    }
}

impl Count {
    fn add(&mut self, hook: &Hook) {
        match hook.alert_status {
            AlertStatus::Executable => self.enabled += 1,
            AlertStatus::TemporarilyDisabled => self.resting += 1,
            AlertStatus::Disabled => self.disabled += 1,
            AlertStatus::Unknown => self.unknown += 1,
        }
        self.deaf += u32::from(!hears_confidential(hook));
        self.unsigned += u32::from(hook.signing_token_present == Some(false));
    }

    fn show(&self) {
        for (state, count) in [
            ("enabled", self.enabled),
            ("temporarily_disabled", self.resting),
            ("disabled", self.disabled),
            ("unknown", self.unknown),
        ] {
            metrics::gauge!("escalator_webhooks", "state" => state).set(count);
        }
        metrics::gauge!("escalator_webhooks_without_confidential_events").set(self.deaf);
        metrics::gauge!("escalator_webhooks_unsigned").set(self.unsigned);
        metrics::gauge!("escalator_webhook_places_hidden").set(self.hidden);
    }
}

/// Who no longer watches no longer tells what it saw: another replica does.
struct ClearedAtTheEnd;

impl Drop for ClearedAtTheEnd {
    fn drop(&mut self) {
        Count::default().show();
    }
}

fn hears_confidential(hook: &Hook) -> bool {
    CONFIDENTIAL.iter().all(|event| hook.events.contains(*event))
}
