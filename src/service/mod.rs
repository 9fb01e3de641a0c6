//! The service as a whole: puts its parts together, starts them, and stops them in order.

mod background;
mod servers;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use anyhow::anyhow;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::calculator::policy::Policy;
use crate::clock;
use crate::comment::{self, Renderer, ReplyRenderer};
use crate::config::{Config, Fuse, StoreUrl, settings};
use crate::gitlab::{Audience, Client, Place};
use crate::identity::Identity;
use crate::store::{OpenError, Origin, Store, Walk};
use crate::sweep::Sweep;
use crate::telemetry::{Admin, Metrics};
use crate::watchdog::{Mending, Watchdog};
use crate::webhook::{Door, Receiver, Tally};
use crate::worker::{Clerk, Desk, Gate, PolicyWatch, RetryPolicy, Scribe, TokenWatch, Worker};
use background::{
    start_clerk, start_counting, start_part, start_scribing, start_sweeping, start_watching, start_working,
};
use servers::{admin_server, bind, start_serving, webhook_server};

/// A running service.
pub struct Service {
    /// Where webhooks come in.
    pub webhook_address: SocketAddr,
    /// Where health and metrics are.
    pub admin_address: SocketAddr,
    /// What it remembers.
    pub store: Store,
    /// Completes the ledger.
    pub scribe: Scribe,
    /// Finds what webhooks missed.
    pub sweep: Sweep,
    /// Has issues looked at again that another policy assessed.
    pub policy_watch: PolicyWatch,
    /// Knows how long the access token is good.
    pub token_watch: TokenWatch,
    /// Watches the webhooks, if it knows which.
    pub watchdog: Option<Watchdog>,
    servers: [ServerHandle; 2],
    stop: watch::Sender<bool>,
    parts: JoinSet<&'static str>,
    shutdown_timeout: Duration,
}

impl Service {
    /// Opens the store, binds both addresses and starts working. GitLab need not be there yet.
    ///
    /// # Errors
    /// What could not be opened, bound or loaded, and what to do.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let settings = &config.settings;
        let policy = Arc::new(config.policy);
        let renderer = renderer(&settings.comment, &policy)?;
        let metrics = Metrics::start(&policy, settings.queue.workers)
            .map_err(|error| anyhow!("metrics cannot be started: {error}"))?;
        let gitlab = Client::new(&config.gitlab)?;
        let webhooks = bind(settings.server.listen, "server.listen")?;
        let health = bind(settings.admin.listen, "admin.listen")?;
        let store = open_store(&config.store).await?;
        let store = match config.fuse {
            Fuse::Holds => store.with_fuse(settings.writes.fuse),
            Fuse::Bridged => store,
        };
        let (identity, gate) = (Identity::default(), Arc::new(Gate::default()));

        let receiver = Receiver {
            door: Door::new(config.credentials),
            max_body_bytes: settings.webhook.max_body.0,
            policy: Arc::clone(&policy),
            identity: identity.clone(),
            store: store.clone(),
            tally: Tally::start(),
        };
        let desk = desk(renderer, &store, &gitlab, identity, &policy, settings);
        let retry = retry_policy(&settings.queue);
        let worker = Worker { store: store.clone(), desk: Arc::clone(&desk), gate: Arc::clone(&gate), retry };
        let scribe = Scribe { desk, gate: Arc::clone(&gate), retry };
        let clerk = clerk(&worker, settings).await?;
        let token_watch = TokenWatch::new(config.gitlab.token, gitlab.clone(), Arc::clone(&gate), retry);
        let admin = Admin {
            store: store.clone(),
            metrics: metrics.clone(),
            gate: Arc::clone(&gate),
            token_watch: token_watch.clone(),
        };
        let (places, interval) = (watched_places(&settings.gitlab), settings.sweep.interval.0);
        let walk = sweep_walk(settings.mode);
        let sweep = Sweep { store: store.clone(), walk, gitlab, gate, retry, policy, places, interval };
        let watchdog = watchdog(settings, &sweep);

        let (webhook_address, admin_address) = (webhooks.local_addr()?, health.local_addr()?);
        let webhook_server = webhook_server(webhooks, receiver)?;
        let admin_server = admin_server(health, admin)?;
        let (stop, stopped) = watch::channel(false);
        let mut parts = JoinSet::new();
        let servers = start_serving(webhook_server, admin_server, &mut parts);
        let policy_watch = start_working(&worker, settings.queue.workers, &mut parts, &stopped).await?;
        start_scribing(scribe.clone(), &mut parts, stopped.clone());
        start_clerk(clerk, &mut parts, stopped.clone());
        start_part(&mut parts, "the token watch", token_watch.clone().run(stopped.clone()));
        start_sweeping(&sweep, &mut parts, stopped.clone());
        start_watching(watchdog.as_ref(), &mut parts, stopped.clone());
        start_counting(metrics, &sweep, &mut parts, &stopped);
        Ok(Self {
            webhook_address,
            admin_address,
            store,
            scribe,
            sweep,
            policy_watch,
            token_watch,
            watchdog,
            servers,
            stop,
            parts,
            shutdown_timeout: settings.server.shutdown_timeout.0,
        })
    }

    /// Waits until some part ends, which none should before [`Service::stop`].
    pub async fn until_a_part_ends(&mut self) -> String {
        match self.parts.join_next().await {
            Some(Ok(name)) => format!("{name} ended"),
            Some(Err(error)) if error.is_panic() => "a part of the service panicked".to_owned(),
            Some(Err(_)) | None => "a part of the service was cancelled".to_owned(),
        }
    }

    /// Stops accepting, finishes what is in hand, leaves the rest in the store; takes no longer than
    /// `server.shutdown_timeout`.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let finish = async {
            for server in &self.servers {
                server.stop(true).await;
            }
            while self.parts.join_next().await.is_some() {}
        };
        if tokio::time::timeout(self.shutdown_timeout, finish).await.is_err() {
            tracing::warn!("not everything in hand could be finished; it goes on at the next start");
            self.parts.shutdown().await;
        }
    }
}

/// Opens the store, for a process that has it for itself or shares it with other replicas.
pub(crate) async fn open_store(url: &StoreUrl) -> Result<Store, OpenError> {
    match url {
        StoreUrl::Sqlite(path) => Store::open(path, clock::now()),
        StoreUrl::Postgres(url) => Store::connect(url.expose()).await,
    }
}

/// Who may read the comment.
pub(crate) fn audience(comment: &settings::Comment) -> Audience {
    if comment.internal { Audience::Members } else { Audience::Everybody }
}

/// How far live sweeps came and how far dry runs did are different things. What shadow has seen is followed, and looked at
/// again by whoever comes in another mode.
fn sweep_walk(mode: settings::Mode) -> Walk {
    match mode {
        settings::Mode::Live | settings::Mode::Shadow => Walk::Sweep,
        settings::Mode::DryRun => Walk::DryRunSweep,
    }
}

/// How retries are spaced.
pub(crate) fn retry_policy(queue: &settings::Queue) -> RetryPolicy {
    RetryPolicy { max_attempts: queue.max_attempts, base: queue.retry_base.0, max: queue.retry_max.0 }
}

/// The places that sweep and backfill watch.
pub(crate) fn watched_places(gitlab: &settings::GitLab) -> Vec<Place> {
    let groups = gitlab.groups.iter().cloned().map(Place::Group);
    groups.chain(gitlab.projects.iter().cloned().map(Place::Project)).collect()
}

/// The comment's template, tried out.
fn renderer(comment: &settings::Comment, policy: &Policy) -> Result<Renderer, comment::Error> {
    let renderer = Renderer::new(comment.templates.as_deref())?;
    renderer.check(policy)?;
    Ok(renderer)
}

fn desk(
    renderer: Renderer,
    store: &Store,
    gitlab: &Client,
    identity: Identity,
    policy: &Arc<Policy>,
    settings: &settings::Settings,
) -> Arc<Desk> {
    Arc::new(Desk {
        store: store.clone(),
        gitlab: gitlab.clone(),
        identity,
        policy: Arc::clone(policy),
        renderer,
        audience: audience(&settings.comment),
        mode: settings.mode,
        origin: Origin::Service,
    })
}

/// The clerk, who knows what the desk knows.
async fn clerk(worker: &Worker, settings: &settings::Settings) -> anyhow::Result<Clerk> {
    let desk = &worker.desk;
    let replies = ReplyRenderer::new(settings.comment.templates.as_deref(), &settings.roster.tpms)?;
    replies.check(&desk.policy)?;
    let clerk = Clerk {
        store: desk.store.clone(),
        gitlab: desk.gitlab.clone(),
        gate: Arc::clone(&worker.gate),
        retry: worker.retry,
        identity: desk.identity.clone(),
        policy: Arc::clone(&desk.policy),
        replies: Arc::new(replies),
        audience: desk.audience,
        mode: desk.mode,
        tpms: settings.roster.tpms.clone().into(),
    };
    clerk.first_start(clock::now()).await?;
    Ok(clerk)
}

/// Watches what the sweep lists: of the places that are named, the webhooks that lead here.
fn watchdog(settings: &settings::Settings, sweep: &Sweep) -> Option<Watchdog> {
    let url = settings.webhook.url.clone()?;
    let mending = match settings.mode {
        settings::Mode::Live => Mending::Allowed,
        settings::Mode::DryRun | settings::Mode::Shadow => Mending::Forbidden,
    };
    Some(Watchdog {
        store: sweep.store.clone(),
        gitlab: sweep.gitlab.clone(),
        gate: Arc::clone(&sweep.gate),
        retry: sweep.retry,
        url,
        places: sweep.places.clone(),
        policy: Arc::clone(&sweep.policy),
        mending,
        memory: Arc::default(),
    })
}
