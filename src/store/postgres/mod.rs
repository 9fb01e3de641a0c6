//! The store in a PostgreSQL database, shared by any number of replicas.
//!
//! Nothing here waits for GitLab, and no transaction outlives one call. Statements are unnamed and settings last for one
//! transaction, so a PgBouncer in transaction mode may stand between. Everything a caller is told is committed; what
//! cannot be done within [`PATIENCE`] is told as unavailable, and the next call tries again with a new connection.

mod claims;
mod commands;
mod decided;
mod duty;
mod echo;
mod error;
mod followed;
mod held;
mod ledger;
mod listen;
mod made;
mod marks;
mod migrations;
mod own_bots;
mod parked;
mod policies;
mod pool;
mod queue;
mod server;
mod session;
mod stops;
mod taken_back;
mod watermarks;
mod writes;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::{Error, Inspection, Migrated, OpenError};
use crate::clock::Millis;
use listen::listen;
use marks::Marker;
use pool::Pool;
use server::Server;
use session::Session;

pub(super) use migrations::TABLES;

/// How long a call may take, waiting for a connection included. A delivery may wait twice as long, for the batch before
/// its own and for its own, and GitLab gives up after 10 s.
const PATIENCE: Duration = Duration::from_millis(1_800);
/// Connections of one replica besides those for marks and for listening. Far more workers share them: a call takes a
/// few milliseconds, a look at an issue hundreds.
const CONNECTIONS: usize = 8;

/// The way to a database.
#[derive(Clone)]
pub(super) struct Postgres {
    pool: Arc<Pool>,
    marker: Marker,
    /// Who we are among the replicas.
    holder: i64,
    /// Whether the last claim may have been made although it failed.
    claim_failed: Arc<AtomicBool>,
    _ear: Arc<Ear>,
}

/// Listens as long as the store is there.
struct Ear(JoinHandle<()>);

impl Drop for Ear {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Postgres {
    /// Connects, checks that the database can be used, and brings its schema up to date.
    pub async fn connect(url: &str, marked: &Arc<Notify>) -> Result<Self, OpenError> {
        let server = Server::new(url)?;
        migrations::migrate(&mut *server.vetted().await?).await?;
        Ok(Self::on(server, marked))
    }

    /// Connects to a database whose schema is up to date already.
    pub async fn connect_beside(url: &str, marked: &Arc<Notify>) -> Result<Self, OpenError> {
        let server = Server::new(url)?;
        migrations::check(&*server.vetted().await?).await?;
        Ok(Self::on(server, marked))
    }

    fn on(server: Server, marked: &Arc<Notify>) -> Self {
        let pool = Pool::new(server.clone(), CONNECTIONS);
        let marker = Marker::start(Pool::new(server.clone(), 1));
        let ear = Ear(tokio::spawn(listen(server, Arc::clone(marked))));
        let ear = Arc::new(ear);
        Self { pool, marker, holder: fastrand::i64(..), claim_failed: Arc::default(), _ear: ear }
    }

    pub async fn beat(&self, now: Millis) -> Result<(), Error> {
        self.marker.beat(now).await
    }
}

/// Writes, which tells whether anything can be written.
async fn beat(client: &Client, now: Millis) -> Result<(), Error> {
    client
        .execute_typed(
            "INSERT INTO heartbeat (id, at) VALUES (1, $1)
             ON CONFLICT (id) DO UPDATE SET at = excluded.at",
            &[(&now.0, Type::INT8)],
        )
        .await?;
    Ok(())
}

/// A connection to a database whose schema is up to date.
pub(super) async fn prepared(url: &str) -> Result<Session, OpenError> {
    let mut session = Server::new(url)?.vetted().await?;
    migrations::migrate(&mut session).await?;
    Ok(session)
}

/// Brings a database's schema up to date. Returns what was done.
pub(super) async fn migrate(url: &str) -> Result<Migrated, OpenError> {
    let server = Server::new(url)?;
    migrations::migrate(&mut *server.vetted().await?).await
}

/// Looks at a database without changing anything.
pub(super) async fn inspect(url: &str) -> Result<Inspection, OpenError> {
    migrations::inspect(&*Server::new(url)?.vetted().await?).await
}
