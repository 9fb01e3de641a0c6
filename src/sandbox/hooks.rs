//! The webhooks of this GitLab: who is subscribed, what waits to be sent, when a webhook that fails is switched off.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use super::Options;
use super::nouns::{IssueId, Place};
use super::payload::Family;
use super::world::World;
use crate::clock::{Millis, now};

/// A webhook as its owner sets it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Where GitLab posts to.
    pub url: String,
    /// The secret token, sent in clear as `X-Gitlab-Token`.
    pub token: Option<String>,
    /// The signing token, `whsec_…`.
    pub signing_token: Option<String>,
    /// `issues_events`.
    pub issues: bool,
    /// `confidential_issues_events`.
    pub confidential_issues: bool,
    /// `note_events`.
    pub notes: bool,
    /// `confidential_note_events`.
    pub confidential_notes: bool,
    /// `push_events`, of which this GitLab has none.
    pub pushes: bool,
    /// `enable_ssl_verification`.
    pub ssl_verification: bool,
}

impl Hook {
    /// A webhook for all four events, without a secret.
    #[must_use]
    pub fn to(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            token: None,
            signing_token: None,
            issues: true,
            confidential_issues: true,
            notes: true,
            confidential_notes: true,
            pushes: false,
            ssl_verification: true,
        }
    }

    fn wants(&self, family: Family) -> bool {
        match family {
            Family::Issue => self.issues,
            Family::ConfidentialIssue => self.confidential_issues,
            Family::Note => self.notes,
            Family::ConfidentialNote => self.confidential_notes,
        }
    }
}

/// A webhook that is in place.
#[derive(Debug, Clone)]
pub(super) struct Subscription {
    pub id: u64,
    pub place: Place,
    pub hook: Hook,
    pub name: Option<String>,
    pub created_at: Millis,
    pub failures: u32,
    pub disabled_until: Option<Millis>,
}

/// Whether GitLab still calls a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AlertStatus {
    /// It does.
    Executable,
    /// It failed several times in a row and rests for a while.
    TemporarilyDisabled,
    /// It failed too often, and rests until a test request succeeds.
    Disabled,
}

impl AlertStatus {
    /// As the REST API spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Executable => "executable",
            Self::TemporarilyDisabled => "temporarily_disabled",
            Self::Disabled => "disabled",
        }
    }
}

/// So many failures in a row are forgiven.
const FORGIVEN: u32 = 3;
/// So many failures in a row switch a webhook off for good.
const PERMANENT: u32 = 40;
const LONGEST_REST_MINUTES: i64 = 24 * 60;

impl Subscription {
    pub fn alert_status(&self) -> AlertStatus {
        match self.disabled_until {
            _ if self.failures >= PERMANENT => AlertStatus::Disabled,
            Some(until) if until > now() => AlertStatus::TemporarilyDisabled,
            Some(_) | None => AlertStatus::Executable,
        }
    }

    /// Counts one answer. The nth failure in a row costs 2^(n-4) minutes of rest, from the fourth on.
    fn count(&mut self, succeeded: bool) {
        if succeeded {
            self.failures = 0;
            self.disabled_until = None;
            return;
        }
        self.failures += 1;
        if self.failures > FORGIVEN {
            let doublings = (self.failures - FORGIVEN - 1).min(11);
            let minutes = (1_i64 << doublings).min(LONGEST_REST_MINUTES);
            self.disabled_until = Some(Millis(now().0 + minutes * 60_000));
        }
    }
}

/// Something that webhooks are told about.
#[derive(Debug)]
pub(super) struct Event {
    pub issue: IssueId,
    pub family: Family,
    pub chain: Option<String>,
    pub body: Value,
}

/// One request that GitLab is going to make.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    /// The same on every resend: `webhook-id` and `Idempotency-Key`.
    pub id: String,
    pub hook: u64,
    pub event: &'static str,
    pub event_uuid: String,
    pub object_kind: String,
    pub project_path: String,
    pub issue: IssueId,
    pub body: String,
    /// A test or a resend reaches a webhook that is switched off, too.
    pub by_hand: bool,
}

/// One request that GitLab made, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Counts the records of this GitLab.
    pub serial: u64,
    /// `webhook-id`: the same on every resend.
    pub id: String,
    /// When the request was made.
    pub at: Millis,
    /// Which webhook.
    pub hook: u64,
    /// `X-Gitlab-Event`.
    pub event: &'static str,
    /// `object_kind` of the body.
    pub object_kind: String,
    /// The path of the issue's project.
    pub project_path: String,
    /// The issue it is about.
    pub issue: IssueId,
    /// `X-Gitlab-Event-UUID`.
    pub event_uuid: String,
    /// What was sent besides the body.
    pub headers: Vec<(String, String)>,
    /// What was sent, byte for byte.
    pub body: String,
    /// The answer's status; `None` if there was no answer.
    pub status: Option<u16>,
    /// Why there was no answer.
    pub error: Option<String>,
    /// How long the answer took.
    pub duration_ms: u64,
}

/// What waits to be sent and what was sent.
#[derive(Debug)]
pub(super) struct PostOffice {
    pub subscriptions: BTreeMap<u64, Subscription>,
    pub waiting: VecDeque<Delivery>,
    pub in_flight: usize,
    pub held: bool,
    pub dropping: bool,
    pub log: VecDeque<DeliveryRecord>,
    at_once: usize,
    next_hook: u64,
    next_serial: u64,
    /// Which webhooks each chain of events has reached.
    chains: BTreeMap<String, BTreeSet<u64>>,
}

const LOG_LENGTH: usize = 1000;
const MOST_CHAINS: usize = 10_000;

impl PostOffice {
    pub fn new(options: &Options) -> Self {
        Self {
            subscriptions: BTreeMap::new(),
            waiting: VecDeque::new(),
            in_flight: 0,
            held: false,
            dropping: false,
            log: VecDeque::new(),
            at_once: options.deliveries_at_once.max(1),
            next_hook: 1,
            next_serial: 1,
            chains: BTreeMap::new(),
        }
    }

    pub fn subscribe(&mut self, place: Place, hook: Hook, name: Option<String>) -> u64 {
        let id = super::world::take(&mut self.next_hook);
        let subscription =
            Subscription { id, place, hook, name, created_at: now(), failures: 0, disabled_until: None };
        self.subscriptions.insert(id, subscription);
        id
    }

    /// Takes what may be sent now, which counts as in flight until `finish`; and tells how many nobody will get.
    pub fn take_ready(&mut self) -> (Vec<(Delivery, Hook)>, usize) {
        let mut ready = Vec::new();
        let mut lost = 0;
        while !self.held && self.in_flight < self.at_once {
            let Some(delivery) = self.waiting.pop_front() else {
                break;
            };
            // What happens while a webhook is switched off is never sent to it.
            let target = self
                .subscriptions
                .get(&delivery.hook)
                .filter(|target| delivery.by_hand || target.alert_status() == AlertStatus::Executable);
            if let Some(target) = target {
                self.in_flight += 1;
                ready.push((delivery, target.hook.clone()));
            } else {
                lost += 1;
            }
        }
        (ready, lost)
    }

    pub fn finish(&mut self, mut record: DeliveryRecord, counts: bool) {
        self.in_flight = self.in_flight.saturating_sub(1);
        // GitLab takes redirects for success.
        let succeeded = record.status.is_some_and(|status| status < 400);
        if let Some(target) = self.subscriptions.get_mut(&record.hook)
            && counts
        {
            target.count(succeeded);
        }
        record.serial = super::world::take(&mut self.next_serial);
        self.log.push_back(record);
        if self.log.len() > LOG_LENGTH {
            self.log.pop_front();
        }
    }

    pub fn undelivered(&self) -> usize {
        self.waiting.len() + self.in_flight
    }

    /// Whether a webhook was reached by this chain before; notes that now it is.
    fn reached(&mut self, chain: &str, hook: u64) -> bool {
        if self.chains.len() >= MOST_CHAINS {
            self.chains.clear();
        }
        let hooks = self.chains.entry(chain.to_owned()).or_default();
        let full = hooks.len() >= 100;
        !hooks.insert(hook) || full
    }
}

impl World {
    /// Queues an event for every webhook that wants it.
    pub fn enqueue(&mut self, event: &Event) {
        let reach = self.reach(Place::Project(event.issue.project_id));
        let targets: Vec<u64> = self
            .post
            .subscriptions
            .values()
            .filter(|target| reach.contains(&target.place) && target.hook.wants(event.family))
            .filter(|target| target.alert_status() == AlertStatus::Executable)
            .map(|target| target.id)
            .collect();
        for hook in targets {
            self.enqueue_for(hook, event, false);
        }
    }

    /// Queues an event for one webhook, unless the event was caused by that webhook.
    pub fn enqueue_for(&mut self, hook: u64, event: &Event, by_hand: bool) {
        let event_uuid = event.chain.clone().unwrap_or_else(random_uuid);
        let reached = self.post.reached(&event_uuid, hook);
        if event.chain.is_some() && reached {
            return;
        }
        if self.post.dropping {
            return;
        }
        let object_kind = event.body["object_kind"].as_str().unwrap_or_default();
        let project = self.projects.get(&event.issue.project_id);
        self.post.waiting.push_back(Delivery {
            id: random_uuid(),
            hook,
            event: event.family.header(),
            event_uuid,
            object_kind: object_kind.to_owned(),
            project_path: project.map(|project| project.full_path.clone()).unwrap_or_default(),
            issue: event.issue,
            body: event.body.to_string(),
            by_hand,
        });
    }
}

/// A random UUID, version 4.
pub(super) fn random_uuid() -> String {
    let bits = fastrand::u128(..) & !(0xf << 76) | (0x4 << 76);
    let bits = bits & !(0xc << 60) | (0x8 << 60);
    let hex = format!("{bits:032x}");
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    parts.join("-")
}

/// Forty random hexadecimal digits, as discussions are named.
pub(super) fn random_sha() -> String {
    format!("{:032x}{:08x}", fastrand::u128(..), fastrand::u32(..))
}
