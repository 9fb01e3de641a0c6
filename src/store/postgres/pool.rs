//! Connections, lent for one call each. One whose call failed or was broken off is closed, so that none is ever lent in
//! the middle of a transaction. It counts until it has ended on the server: there are never more than this pool may have.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_postgres::Client;

use super::server::Server;
use super::session::{Permit, Session};
use super::{PATIENCE, error};
use crate::store::Error;

/// The wait between two attempts to connect. Callers whose patience ends first are told why.
const FIRST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_millis(500);
/// A transaction whose replica is stopped in the middle of it must not hold up the others: the server ends it, before
/// those who wait for its locks lose their patience.
const BEGIN: &str =
    "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 1000; SET LOCAL lock_timeout = 1500";

/// Connections to one server.
pub(super) struct Pool {
    server: Server,
    /// One for each connection that is lent, or is being made, or was lent and has not ended yet.
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Session>>,
    /// Why the last attempt to connect failed, for those whose patience ends while they wait.
    failure: Mutex<Option<Error>>,
}

/// A connection that is ours for one call.
pub(super) struct Lent<'pool> {
    pool: &'pool Pool,
    session: Session,
}

impl Pool {
    /// A pool that has so many connections at most, and none yet.
    pub fn new(server: Server, size: usize) -> Arc<Self> {
        Arc::new(Self {
            server,
            permits: Arc::new(Semaphore::new(size)),
            idle: Mutex::default(),
            failure: Mutex::default(),
        })
    }

    /// Waits for a connection, and makes one where none is idle; tries until the caller's patience ends.
    pub async fn lend(self: &Arc<Self>) -> Result<Lent<'_>, Error> {
        let mut wait = FIRST_WAIT;
        loop {
            let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Error::closed())?;
            if let Some(session) = self.take_idle() {
                session.keep(permit);
                return Ok(Lent { pool: self, session });
            }
            // On a task of its own: what takes longer than this caller's patience is there for a later one.
            if tokio::spawn(Arc::clone(self).connect(permit)).await.is_ok_and(|connected| connected) {
                continue;
            }
            // A random part, so that replicas do not come back together.
            tokio::time::sleep(wait.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Breaks off a call that takes too long.
    pub async fn in_time<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let done = match tokio::time::timeout(PATIENCE, call).await {
            Ok(done) => done,
            Err(_) => Err(self.failure().unwrap_or_else(error::too_slow)),
        };
        if done.is_err() {
            metrics::counter!("escalator_store_errors_total").increment(1);
        }
        done
    }

    /// Why there is no connection to be had, if that is so.
    fn failure(&self) -> Option<Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take_idle(&self) -> Option<Session> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|session| !session.is_closed());
        idle.pop()
    }

    /// Makes an idle connection, if one can be had. Its permit is free again afterwards.
    async fn connect(self: Arc<Self>, _permit: Permit) -> bool {
        let connected = self.server.connect().await.map_err(Error::Unavailable);
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = connected.as_ref().err().cloned();
        connected.map(|session| self.put_idle(session)).is_ok()
    }

    fn put_idle(&self, session: Session) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
    }
}

impl Lent<'_> {
    /// Begins a transaction, which ends with [`Lent::commit`] or when the connection is dropped.
    pub async fn begin(&self) -> Result<(), Error> {
        Ok(self.session.batch_execute(BEGIN).await?)
    }

    /// Makes a transaction durable, and gives the connection back.
    pub async fn commit(self) -> Result<(), Error> {
        self.session.batch_execute("COMMIT").await?;
        self.give_back();
        Ok(())
    }

    /// For the next call.
    pub fn give_back(self) {
        let _for_the_next = self.session.take_permit();
        self.pool.put_idle(self.session);
    }
}

impl Deref for Lent<'_> {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.session
    }
}
