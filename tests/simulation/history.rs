//! One history: a scheduler that decides, by its seed, what happens next.
//!
//! Every call to GitLab about an issue is held by the sandbox until the scheduler lets it go on, so between any two calls
//! anything can happen. Time is told to the store. Nothing runs while the scheduler decides, so a seed makes the same
//! history again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use escalator::calculator::issue::IssueRef;
use escalator::clock::Millis;
use escalator::comment::Renderer;
use escalator::config::settings::Mode;
use escalator::gitlab::Audience;
use escalator::identity::Identity;
use escalator::sandbox::{Fault, IssueId, Kind, Loss, State, Trouble};
use escalator::store::{Claim, Claimed, Origin, Release, Store};
use escalator::webhook::{self, Sight};
use escalator::worker::{Desk, Gate, RetryPolicy, Worker};
use fastrand::Rng;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::acts::{random_act, visible_act};
use super::law;
use super::scene::Scene;

const LEASE: Duration = Duration::from_secs(300);
/// Looks at the same time.
const WORKERS: usize = 3;
/// The most rounds that the end may take: each look may cause an event that causes a look.
const MOST_ROUNDS: usize = 50;

/// A look that was begun.
struct Look {
    claim: Claim,
    task: JoinHandle<Option<Release>>,
    stage: Stage,
}

enum Stage {
    /// Its next call is held.
    Held(u64),
    /// It is over; the claim is not ended yet.
    Over(Release),
}

pub struct History<'scene> {
    pub scene: &'scene Scene,
    pub issues: Vec<IssueId>,
    /// What happened, for a failure.
    pub told: Vec<String>,
    /// None only while the process is down.
    worker: Option<Worker>,
    identity: Identity,
    rng: Rng,
    now: Millis,
    looks: BTreeMap<IssueRef, Look>,
    /// Held calls whose callers are gone or were told something else: they can still be done.
    late: Vec<u64>,
    /// Bodies of webhooks that are on their way.
    mail: Vec<String>,
    /// Bodies that got lost, until GitLab's owner sends them again.
    lost: Vec<String>,
    folder: TempDir,
}

pub fn reference(issue: IssueId) -> IssueRef {
    IssueRef { project_id: issue.project_id, iid: issue.iid }
}

impl<'scene> History<'scene> {
    pub async fn begin(scene: &'scene Scene, seed: u64) -> Self {
        fastrand::seed(seed);
        let mut rng = Rng::with_seed(seed);
        let folder = folder();
        let now = Millis(1_800_000_000_000);
        let (worker, identity) = start_worker(scene, &folder, now);
        scene.gitlab.clear_faults();
        scene.gitlab.clear_requests();
        drop(scene.gitlab.take_deliveries());
        scene.gitlab.fault(Fault { path: Some("/issues/".to_owned()), ..Fault::new(Trouble::Hold) });
        let issues = (0..rng.usize(1..=3))
            .map(|_| {
                let kind = if rng.u8(0..3) == 0 { Kind::Issue } else { Kind::Incident };
                scene.gitlab.issue(scene.shop).by(scene.reporter).kind(kind).create()
            })
            .collect();
        Self {
            scene,
            issues,
            told: Vec::new(),
            worker: Some(worker),
            identity,
            rng,
            now,
            looks: BTreeMap::new(),
            late: Vec::new(),
            mail: Vec::new(),
            lost: Vec::new(),
            folder,
        }
    }

    pub fn worker(&self) -> &Worker {
        self.worker.as_ref().unwrap()
    }

    /// Lives it and judges it.
    pub async fn live(&mut self) -> Result<(), String> {
        for _ in 0..self.rng.usize(20..80) {
            self.step().await?;
            self.mail.extend(self.scene.gitlab.take_deliveries());
        }
        self.told.push("the end: everything arrives, everything is done".to_owned());
        self.settle().await?;
        // The very last thing that GitLab does may be what it was asked long ago.
        self.land_everything_late().await;
        self.settle().await?;
        self.told.push("people reopen what is closed".to_owned());
        for issue in self.issues.clone() {
            if self.scene.gitlab.state(issue) == Some(State::Closed) {
                self.scene.gitlab.by(self.scene.reporter).reopen(issue).unwrap();
            }
        }
        self.settle().await?;
        self.told.push("what has lost its comment is changed so that a reader would see it".to_owned());
        for issue in self.issues.clone() {
            if self.scene.gitlab.notes(issue).iter().all(|note| note.author_id != self.scene.bot) {
                visible_act(self.scene, issue);
            }
        }
        self.settle().await?;
        self.scene.gitlab.clear_faults();
        law::check(self).await
    }

    async fn step(&mut self) -> Result<(), String> {
        match self.rng.u8(0..100) {
            0..=24 => self.act(),
            25..=49 => self.deliver().await,
            50..=59 => drop(self.claim().await?),
            60..=89 => self.go_on().await,
            90..=92 => self.wait(),
            93..=96 => self.land_late().await,
            97 | 98 => self.crash().await,
            _ => self.resend(),
        }
        Ok(())
    }

    fn act(&mut self) {
        let issue = self.issues[self.rng.usize(..self.issues.len())];
        let did = random_act(self.scene, issue, &mut self.rng);
        self.told.push(format!("#{}: somebody {did}", issue.iid));
    }

    fn wait(&mut self) {
        self.now.0 += self.rng.i64(1..2000);
        self.told.push("time passes".to_owned());
    }

    /// One of the deliveries, whichever: on time, late, twice, or never.
    async fn deliver(&mut self) {
        if self.mail.is_empty() {
            return;
        }
        let place = self.rng.usize(..self.mail.len());
        match self.rng.u8(0..10) {
            0 => {
                let body = self.mail.swap_remove(place);
                self.lost.push(body);
                self.told.push("a delivery gets lost".to_owned());
            }
            1 => {
                let body = self.mail[place].clone();
                self.receive(&body, "a delivery, not for the last time").await;
            }
            _ => {
                let body = self.mail.swap_remove(place);
                self.receive(&body, "a delivery").await;
            }
        }
    }

    fn resend(&mut self) {
        self.told.push("what got lost is sent again".to_owned());
        self.mail.append(&mut self.lost);
    }

    /// What the handler of webhooks does once it knows the sender.
    async fn receive(&mut self, body: &str, what: &str) {
        let store = &self.worker().store;
        let outcome = match webhook::read(body.as_bytes(), &self.scene.policy, self.identity.user_id()) {
            Ok(Sight::Theirs(glimpse) | Sight::Mentions(glimpse, _)) => {
                let iid = glimpse.issue.iid;
                format!("#{iid}, {:?}", store.mark(glimpse, None, self.now).await.unwrap())
            }
            Ok(Sight::Ours(echo)) => {
                let iid = echo.glimpse.issue.iid;
                format!("#{iid}, our own, {:?}", store.hear(echo, self.now).await.unwrap())
            }
            Err(ignored) => format!("{ignored:?}"),
        };
        self.told.push(format!("{what}: {outcome}"));
    }

    async fn claim(&mut self) -> Result<Option<Millis>, String> {
        if self.looks.len() >= WORKERS {
            return Ok(None);
        }
        let claim = match self.worker().store.claim(self.now, LEASE).await.unwrap() {
            Claimed::Issue(claim) => claim,
            Claimed::Nothing { next_due_at } => return Ok(next_due_at),
            Claimed::Paused { .. } => unreachable!("one process alone pauses by its gate"),
        };
        let iid = claim.issue.iid;
        if self.looks.contains_key(&claim.issue) {
            return Err(format!("#{iid} was claimed although somebody is at it"));
        }
        let worker = self.worker().clone();
        let task = tokio::spawn(async move { worker.attempt(claim).await });
        let mut look = Look { claim, task, stage: Stage::Held(0) };
        look.stage = self.next_stage(&mut look.task, iid).await;
        self.told.push(format!("#{iid}: claimed, attempt {}", claim.attempts));
        self.looks.insert(claim.issue, look);
        Ok(None)
    }

    /// Until the look's next call is held, or it is over.
    async fn next_stage(&self, task: &mut JoinHandle<Option<Release>>, iid: u64) -> Stage {
        let held =
            self.scene.gitlab.until_held(|held| held.iid == Some(iid) && !self.late.contains(&held.id));
        tokio::select! {
            release = task => Stage::Over(release.unwrap().expect("nobody else could take it over")),
            id = held => Stage::Held(id),
        }
    }

    /// One of the looks makes a step.
    async fn go_on(&mut self) {
        if self.looks.is_empty() {
            return;
        }
        let place = self.rng.usize(..self.looks.len());
        let issue = *self.looks.keys().nth(place).unwrap();
        let fate = self.fate();
        self.go_on_with(issue, fate).await;
    }

    fn fate(&mut self) -> Option<Trouble> {
        match self.rng.u8(0..100) {
            0..=2 => Some(Trouble::Status { code: 500, retry_after: None, body: "{}".to_owned() }),
            3..=5 => Some(Trouble::Reset),
            6..=8 => Some(Trouble::ApplyThenLose(Loss::BadGateway)),
            9..=11 => Some(Trouble::ApplyThenLose(Loss::Reset)),
            12..=16 => Some(Trouble::Later(Box::new(Trouble::Hold))),
            _ => None,
        }
    }

    async fn go_on_with(&mut self, issue: IssueRef, fate: Option<Trouble>) {
        let mut look = self.looks.remove(&issue).unwrap();
        match look.stage {
            Stage::Over(release) => {
                self.told.push(format!("#{}: finished, {}", issue.iid, word(&release)));
                assert!(self.worker().store.finish(look.claim, release, self.now).await.unwrap());
                return;
            }
            Stage::Held(id) => {
                let held = self.scene.gitlab.held().into_iter().find(|held| held.id == id).unwrap();
                let fate_told = fate.as_ref().map(|fate| format!(" runs into {fate:?}")).unwrap_or_default();
                self.told.push(format!("#{}: {} {}{fate_told}", issue.iid, held.method, held.path));
                let later = matches!(fate, Some(Trouble::Later(_)));
                assert!(self.scene.gitlab.let_go(id, fate));
                if later {
                    let again =
                        self.scene.gitlab.until_held(|other| other.id > id && other.path == held.path).await;
                    self.late.push(again);
                }
                look.stage = self.next_stage(&mut look.task, issue.iid).await;
            }
        }
        self.looks.insert(issue, look);
    }

    /// GitLab does at last what nobody waits for any more.
    async fn land_late(&mut self) {
        if self.late.is_empty() {
            return;
        }
        let id = self.late.swap_remove(self.rng.usize(..self.late.len()));
        let held = self.scene.gitlab.held().into_iter().find(|held| held.id == id).unwrap();
        self.told.push(format!("late: {} {}", held.method, held.path));
        let before = self.scene.gitlab.requests().len();
        assert!(self.scene.gitlab.let_go(id, None));
        self.scene.gitlab.requested(before + 1).await;
    }

    async fn land_everything_late(&mut self) {
        while !self.late.is_empty() {
            self.land_late().await;
        }
    }

    /// The process is killed and started again. GitLab has its calls all the same.
    async fn crash(&mut self) {
        self.told.push("the process is killed and started again".to_owned());
        for look in std::mem::take(&mut self.looks).into_values() {
            if let Stage::Held(id) = look.stage {
                look.task.abort();
                drop(look.task.await);
                self.late.push(id);
            }
        }
        // The store is locked by whoever has it open.
        self.worker = None;
        let (worker, identity) = start_worker(self.scene, &self.folder, self.now);
        (self.worker, self.identity) = (Some(worker), identity);
    }

    /// Every delivery arrives, and everything is done.
    async fn settle(&mut self) -> Result<(), String> {
        for _ in 0..MOST_ROUNDS {
            self.mail.append(&mut self.lost);
            self.mail.extend(self.scene.gitlab.take_deliveries());
            self.rng.shuffle(&mut self.mail);
            let mail = std::mem::take(&mut self.mail);
            for body in &mail {
                self.receive(body, "a delivery").await;
            }
            let next_due_at = self.claim().await?;
            while let Some(issue) = self.looks.keys().next().copied() {
                self.go_on_with(issue, None).await;
            }
            if mail.is_empty() && self.worker().store.depth().await.unwrap().waiting == 0 {
                return Ok(());
            }
            self.now = next_due_at.unwrap_or(self.now).max(self.now);
        }
        Err(format!("{MOST_ROUNDS} rounds were not enough to come to rest"))
    }
}

/// In memory where the system has such a folder: what the disk does is not simulated, and thousands of histories wait
/// for it a hundred times each.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

fn start_worker(scene: &Scene, folder: &TempDir, now: Millis) -> (Worker, Identity) {
    let store = Store::open(&folder.path().join("escalator.db"), now).unwrap();
    let identity = Identity::default();
    let desk = Desk {
        store: store.clone(),
        gitlab: scene.client.clone(),
        identity: identity.clone(),
        policy: Arc::clone(&scene.policy),
        renderer: Renderer::new(None).unwrap(),
        audience: Audience::Everybody,
        mode: Mode::Live,
        origin: Origin::Service,
    };
    let retry = RetryPolicy { max_attempts: 1000, base: Duration::from_secs(1), max: Duration::from_secs(2) };
    (Worker { store, desk: Arc::new(desk), gate: Arc::new(Gate::default()), retry }, identity)
}

fn word(release: &Release) -> String {
    match release {
        Release::Done(Some(_)) => "done".to_owned(),
        Release::Done(None) => "done, nothing to follow".to_owned(),
        Release::Dropped => "dropped".to_owned(),
        Release::Retry(_) => "to be tried again".to_owned(),
        Release::Paused => "paused".to_owned(),
        Release::Parked { reason } => format!("parked: {reason}"),
    }
}
