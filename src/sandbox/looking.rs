//! Looking at a world from Rust: its state, the requests it got, the webhooks it sent; and making trouble.

use std::panic::Location;
use std::time::Duration;

use super::Sandbox;
use super::faults::{Fault, HeldRequest, RequestRecord, Trouble};
use super::hooks::{AlertStatus, Delivery, DeliveryRecord};
use super::nouns::{Award, IssueId, LabelEvent, Note, State};
use super::world::World;

/// Far more than any request takes to come; only keeps a test from waiting for ever.
const PATIENCE: Duration = Duration::from_secs(120);

impl Sandbox {
    /// The titles of an issue's labels, sorted.
    #[must_use]
    pub fn labels(&self, issue: IssueId) -> Vec<String> {
        self.shared.look(|world| {
            let Ok(issue) = world.issue(issue) else {
                return Vec::new();
            };
            let labels = world.labels_of(&issue.labels);
            labels.iter().map(|label| label.title.clone()).collect()
        })
    }

    /// The comments on an issue, oldest first, without system notes.
    #[must_use]
    pub fn notes(&self, issue: IssueId) -> Vec<Note> {
        self.shared.look(|world| {
            let notes = world.notes_of(issue).iter();
            notes.filter(|note| !note.system).cloned().collect()
        })
    }

    /// The reactions on a note, oldest first.
    #[must_use]
    pub fn awards(&self, note_id: u64) -> Vec<Award> {
        self.shared
            .look(|world| world.awards.iter().filter(|award| award.note_id == note_id).cloned().collect())
    }

    /// Every label put on or taken off, oldest first.
    #[must_use]
    pub fn label_events(&self, issue: IssueId) -> Vec<LabelEvent> {
        self.shared.look(|world| world.label_events.get(&issue).cloned().unwrap_or_default())
    }

    /// Whether an issue is open; `None` if it does not exist.
    #[must_use]
    pub fn state(&self, issue: IssueId) -> Option<State> {
        self.shared.look(|world| world.issue(issue).ok().map(|issue| issue.state))
    }

    /// The id that names the issue on the whole instance.
    #[must_use]
    pub fn global_id(&self, issue: IssueId) -> Option<u64> {
        self.shared.look(|world| world.issue(issue).ok().map(|issue| issue.global_id))
    }

    /// Every REST request, oldest first (the last 100,000).
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.shared.look(|world| world.traffic.requests.iter().cloned().collect())
    }

    /// How many REST requests read this issue or something of it. Lists do not count.
    #[must_use]
    pub fn reads(&self, issue: IssueId) -> usize {
        self.count(|request| request.names(issue) && request.reads())
    }

    /// How many REST requests wrote, or tried to write, this issue or something of it.
    #[must_use]
    pub fn writes(&self, issue: IssueId) -> usize {
        self.count(|request| request.names(issue) && !request.reads())
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.shared.quietly(|world| world.traffic.requests.clear());
    }

    /// Makes trouble for REST requests. Of several faults that match, the first asked for counts.
    pub fn fault(&self, fault: Fault) {
        self.shared.quietly(|world| world.traffic.faults.push(fault));
    }

    /// Ends all trouble.
    pub fn clear_faults(&self) {
        self.shared.quietly(|world| world.traffic.faults.clear());
    }

    /// Waits until no REST request is under way, those included that are done late.
    pub async fn idle(&self) {
        self.until(|world| world.traffic.under_way == 0).await;
    }

    /// The REST requests that wait to be let go, oldest first.
    #[must_use]
    pub fn held(&self) -> Vec<HeldRequest> {
        self.shared.look(|world| world.traffic.held.values().map(|(held, _)| held.clone()).collect())
    }

    /// Waits until a REST request that meets the condition is held.
    ///
    /// # Panics
    /// If none comes for so long that none will. Says who waited, what is held instead, and what was asked last.
    #[track_caller]
    pub fn until_held(&self, wanted: impl Fn(&HeldRequest) -> bool) -> impl Future<Output = u64> {
        let waiting = Location::caller();
        async move {
            let found = |world: &World| {
                let held = world.traffic.held.values().find(|(held, _)| wanted(held));
                held.map(|(held, _)| held.id)
            };
            let came = self.until(|world| found(world).is_some());
            assert!(
                tokio::time::timeout(PATIENCE, came).await.is_ok(),
                "the request that {waiting} waits for never came; held: {:?}; the last requests: {:?}",
                self.held(),
                self.shared.look(|world| world
                    .traffic
                    .requests
                    .iter()
                    .rev()
                    .take(5)
                    .cloned()
                    .collect::<Vec<_>>())
            );
            self.shared.look(found).unwrap_or_default()
        }
    }

    /// Lets a held request go on: into this trouble, or as if nothing had been. False if it is not held.
    pub fn let_go(&self, id: u64, trouble: Option<Trouble>) -> bool {
        let held = self.shared.quietly(|world| world.traffic.held.remove(&id));
        held.is_some_and(|(_, let_go)| let_go.send(trouble).is_ok())
    }

    /// Every webhook request that was made, oldest first (the last 1000).
    #[must_use]
    pub fn deliveries(&self) -> Vec<DeliveryRecord> {
        self.shared.look(|world| world.post.log.iter().cloned().collect())
    }

    /// How many webhook requests are queued, held, or on their way.
    #[must_use]
    pub fn undelivered(&self) -> usize {
        self.shared.look(|world| world.post.undelivered())
    }

    /// Waits until no webhook request is queued or on its way. Held ones do not count: they wait for the caller.
    pub async fn settled(&self) {
        self.until(|world| world.post.in_flight == 0 && (world.post.held || world.post.waiting.is_empty()))
            .await;
    }

    /// Waits until so many webhook requests were made in all.
    pub async fn delivered(&self, count: usize) {
        self.until(|world| world.post.log.len() >= count).await;
    }

    /// Waits until at least so many REST requests were answered since the record was cleared.
    pub async fn requested(&self, count: usize) {
        self.until(|world| world.traffic.requests.len() >= count).await;
    }

    /// Keeps webhook requests back from now on.
    pub fn hold_deliveries(&self) {
        self.shared.change(|world| world.post.held = true);
    }

    /// Sends what was kept back: as it came, or shuffled by this seed. They still overtake each other, unless
    /// `Options::deliveries_at_once` is 1.
    pub fn release_deliveries(&self, shuffle: Option<u64>) {
        self.shared.change(|world| {
            world.post.held = false;
            if let Some(seed) = shuffle {
                fastrand::Rng::with_seed(seed).shuffle(world.post.waiting.make_contiguous());
            }
        });
    }

    /// Takes the webhook requests that are kept back, oldest first, for a test that delivers their bodies by itself.
    #[must_use]
    pub fn take_deliveries(&self) -> Vec<String> {
        let taken = self.shared.change(|world| std::mem::take(&mut world.post.waiting));
        taken.into_iter().map(|delivery| delivery.body).collect()
    }

    /// Loses every webhook request from now on, as if GitLab had never made it; or stops losing them.
    pub fn drop_deliveries(&self, drop: bool) {
        self.shared.change(|world| world.post.dropping = drop);
    }

    /// Makes the request at this index of `deliveries` again: the same id and body at a new time. False if there is none.
    pub fn replay(&self, index: usize) -> bool {
        self.shared.change(|world| match world.post.log.get(index) {
            Some(record) => {
                let delivery = again(record);
                world.post.waiting.push_back(delivery);
                true
            }
            None => false,
        })
    }

    /// Whether GitLab still calls a webhook; `None` if it does not exist.
    #[must_use]
    pub fn alert_status(&self, hook: u64) -> Option<AlertStatus> {
        self.shared.look(|world| {
            let hook = world.post.subscriptions.get(&hook);
            hook.map(super::hooks::Subscription::alert_status)
        })
    }

    /// Ends the rest of webhooks that failed, as time would.
    pub fn enable_hooks(&self) {
        self.shared.change(|world| {
            for hook in world.post.subscriptions.values_mut() {
                hook.failures = 0;
                hook.disabled_until = None;
            }
        });
    }

    async fn until(&self, condition: impl Fn(&World) -> bool) {
        let mut ticks = self.shared.ticks();
        // The sender lives in `self`, so this cannot end before the condition holds.
        let _ended = ticks.wait_for(|_| self.shared.look(&condition)).await;
    }

    fn count(&self, matches: impl Fn(&RequestRecord) -> bool) -> usize {
        self.shared.look(|world| {
            let requests = world.traffic.requests.iter();
            requests.filter(|request| matches(request)).count()
        })
    }
}

/// A resend: GitLab keeps id and body.
pub(super) fn again(record: &DeliveryRecord) -> Delivery {
    Delivery {
        id: record.id.clone(),
        hook: record.hook,
        event: record.event,
        event_uuid: record.event_uuid.clone(),
        object_kind: record.object_kind.clone(),
        project_path: record.project_path.clone(),
        issue: record.issue,
        body: record.body.clone(),
        by_hand: true,
    }
}
