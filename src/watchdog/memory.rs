//! What the watchdog remembers from round to round, so that it says what changed and does not ask too often.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{INTERVAL, LONGEST_PAUSE};
use crate::calculator::issue::Moment;
use crate::clock::Millis;
use crate::gitlab::{AlertStatus, Hook, Place};

/// Without these two, confidential issues and comments are not heard of.
const CONFIDENTIAL: [&str; 2] = ["confidential_issues_events", "confidential_note_events"];

/// The next test request may be asked for at once.
const NOW: Millis = Millis(i64::MIN);

/// What the last round saw.
#[derive(Debug, Default)]
pub struct Memory {
    pub(super) hooks: BTreeMap<u64, Seen>,
    /// Places whose webhooks are not shown, and why.
    pub(super) hidden: BTreeMap<String, Hidden>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hidden {
    /// The access token may not see them.
    Forbidden,
    /// GitLab did not answer; it may later.
    ForNow,
}

/// One webhook, and what was tried.
#[derive(Debug)]
pub(super) struct Seen {
    status: AlertStatus,
    hears_confidential: bool,
    tests: u32,
    next_test_at: Millis,
    pub log: Log,
}

/// What is known of GitLab's log of a webhook.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// Failed deliveries that were recovered, as far back as is asked for again.
    pub recovered: BTreeSet<u64>,
    /// Why it is not shown, if it is not.
    pub hidden: Option<Hidden>,
}

impl Memory {
    /// Takes in how a webhook is now, and says what changed.
    pub(super) fn look_at(&mut self, place: &Place, hook: &Hook) -> &mut Seen {
        let fine = Seen {
            status: AlertStatus::Executable,
            hears_confidential: true,
            tests: 0,
            next_test_at: NOW,
            log: Log::default(),
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
                    until = hook.disabled_until.and_then(rendered),
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
            (seen.tests, seen.next_test_at) = (0, NOW);
        }
        seen
    }
}

impl Seen {
    pub fn wants_test(&self, now: Millis) -> bool {
        match self.status {
            AlertStatus::TemporarilyDisabled | AlertStatus::Disabled => self.next_test_at <= now,
            AlertStatus::Executable | AlertStatus::Unknown => false,
        }
    }

    /// The pause doubles with each test until the webhook is called again.
    pub fn tested(&mut self, now: Millis) {
        let pause = INTERVAL.saturating_mul(2_u32.saturating_pow(self.tests)).min(LONGEST_PAUSE);
        self.tests = self.tests.saturating_add(1);
        self.next_test_at = Millis(now.0 + i64::try_from(pause.as_millis()).unwrap_or(i64::MAX / 4));
    }
}

fn rendered(moment: Moment) -> Option<String> {
    Timestamp::from_millisecond(moment.0).ok().map(|time| time.to_string())
}

pub(super) fn hears_confidential(hook: &Hook) -> bool {
    CONFIDENTIAL.iter().all(|event| hook.events.contains(*event))
}
