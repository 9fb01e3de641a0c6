//! A GitLab stand-in with state, for `escalator demo` and for the tests.
//!
//! It keeps users, projects, labels, issues, notes and webhooks in memory, answers the part of the REST API that Escalator
//! and its tests use, and posts webhooks over real HTTP. Where GitLab has a trap (labels dropped silently, quick actions
//! run from a comment, webhooks switched off after failures), it has the same trap. Requests and the Rust handle go
//! through the same transitions, in `act` and `notes`.
//!
//! It never imports the rest of the crate (but the clock): what it signs is checked by code that did not sign it.

mod access;
mod act;
mod actor;
mod api;
mod building;
mod courier;
mod faults;
mod hooks;
mod json;
mod label_edit;
mod looking;
mod markdown;
mod notes;
mod nouns;
mod page;
mod payload;
mod quick_actions;
mod refusal;
mod seed;
mod traffic;
mod world;

use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, middleware, web};
use tokio::sync::watch;
use tokio::task::AbortHandle;

pub use act::Via;
pub use actor::Actor;
pub use building::IssueBuilder;
pub use courier::sign;
pub use faults::{Fault, HeldRequest, Loss, RequestRecord, Trouble};
pub use hooks::{AlertStatus, DeliveryRecord, Hook};
pub use notes::Edited;
pub use nouns::{
    Award, GroupId, IssueId, Kind, LabelAction, LabelEvent, Note, Place, State, UserId, Visibility,
};
pub use refusal::Refusal;
pub use seed::Demo;

use world::World;

/// What kind of GitLab to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The address in the links of lists, where another one than it listens on is GitLab's external URL.
    pub external_url: Option<String>,
    /// Premium: of each scope an issue has one label, and groups have webhooks and many boards. Off, as on Free, `a::b` is a
    /// title like any other.
    pub scoped_labels: bool,
    /// What it says of its version. Before 19 it knows no signing tokens.
    pub version: String,
    /// An API write of labels that changes nothing still sends an update event.
    pub event_for_no_change: bool,
    /// Webhooks that keep failing are switched off for a while.
    pub auto_disable: bool,
    /// How long GitLab waits for the answer to a webhook.
    pub webhook_timeout: Duration,
    /// How many webhooks are on their way at the same time; with 1 they arrive in order.
    pub deliveries_at_once: usize,
    /// New notes per user and minute; beyond, 429 without `Retry-After`.
    pub notes_per_minute: Option<u32>,
    /// How far its clock is ahead of ours, as its answers' `Date` tells; negative is behind.
    pub clock_ahead_seconds: i64,
    /// Requests per user and minute; beyond, 429 with `Retry-After`. Answers then carry `RateLimit-*`.
    pub requests_per_minute: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            external_url: None,
            scoped_labels: true,
            version: "19.1.0".to_owned(),
            event_for_no_change: true,
            auto_disable: true,
            webhook_timeout: Duration::from_secs(10),
            deliveries_at_once: 16,
            notes_per_minute: None,
            clock_ahead_seconds: 0,
            requests_per_minute: None,
        }
    }
}

/// A running GitLab stand-in. Clones are the same one; it ends with `stop`, or with the last clone.
#[derive(Debug, Clone)]
pub struct Sandbox {
    shared: Arc<Shared>,
    running: Arc<Running>,
}

/// What the handle, the HTTP server and the courier share.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    ticks: watch::Sender<u64>,
    url: String,
    external_url: String,
}

#[derive(Debug)]
struct Running {
    server: ServerHandle,
    courier: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.courier.abort();
        // The command is sent by the call; nobody is left to wait for the answer.
        drop(self.server.stop(false));
    }
}

impl Shared {
    /// Reads the world.
    fn look<T>(&self, read: impl FnOnce(&World) -> T) -> T {
        read(&self.lock())
    }

    /// Changes the world, where people can see it.
    fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let result = {
            let mut world = self.lock();
            world.version += 1;
            change(&mut world)
        };
        self.tick();
        result
    }

    /// Changes the world where nobody looks: queues and counters.
    fn quietly<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.lock())
    }

    /// Wakes whoever waits for a condition.
    fn tick(&self) {
        self.ticks.send_modify(|tick| *tick += 1);
    }

    fn ticks(&self) -> watch::Receiver<u64> {
        self.ticks.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sandbox {
    /// Starts a GitLab on loopback, empty but for `root`. Needs a tokio runtime.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", options.port))?;
        let url = format!("http://{}", listener.local_addr()?);
        let client = reqwest::Client::builder()
            .no_proxy()
            // As GitLab: each webhook request has a connection of its own.
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(io::Error::other)?;
        let timeout = options.webhook_timeout;
        let external_url = options.external_url.clone().unwrap_or_else(|| url.clone());
        let shared = Arc::new(Shared {
            world: Mutex::new(World::new(options, url.clone())),
            ticks: watch::Sender::new(0),
            url,
            external_url,
        });
        let state = web::Data::from(Arc::clone(&shared));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(state.clone())
                .app_data(web::PayloadConfig::new(LARGEST_BODY_BYTES))
                .service(
                    web::scope("/api/v4").wrap(middleware::from_fn(traffic::watch)).configure(api::routes),
                )
                .configure(page::routes)
        })
        .workers(2)
        .disable_signals()
        .shutdown_timeout(1)
        .listen(listener)?
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        let courier = tokio::spawn(courier::run(Arc::clone(&shared), client, timeout));
        let running = Arc::new(Running { server: handle, courier: courier.abort_handle() });
        Ok(Self { shared, running })
    }

    /// Where it listens, such as `http://127.0.0.1:41234`.
    #[must_use]
    pub fn url(&self) -> String {
        self.shared.url.clone()
    }

    /// Ends it. What was queued is not sent any more.
    pub async fn stop(&self) {
        self.running.courier.abort();
        self.running.server.stop(false).await;
    }
}

/// A note may have 1,000,000 characters, of up to four bytes.
const LARGEST_BODY_BYTES: usize = 8 * 1024 * 1024;
