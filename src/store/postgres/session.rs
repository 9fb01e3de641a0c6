//! A connection, from its beginning to its end on the server, which may be long after it was dropped: it does not end before
//! what it was asked last is answered. Never cancels that: the driver leaves before a cancellation is passed on, and a
//! PgBouncer 1.18 dies of it.

use std::convert::Infallible;
use std::ops::{Deref, DerefMut};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio_postgres::{Client, Connection, Socket};

/// How long an end may take. A server that hangs must not get more and more connections; after this it is taken for
/// something between us and it that holds on to what is no more.
const LONGEST_END: Duration = Duration::from_secs(60);

/// What lets its bearer have a connection.
pub(super) type Permit = OwnedSemaphorePermit;

/// One that can be used, until this is dropped.
pub(in crate::store) struct Session {
    client: Client,
    permit: Arc<Mutex<Option<Permit>>>,
    /// Dropped after the client, as it stands below it: whoever hears of it first sees whether something is unanswered.
    _wanted: oneshot::Sender<Infallible>,
}

impl Session {
    /// Drives a connection until it is dropped or the server ends it. Whoever uses it is told why then.
    pub(super) fn start<T>((client, connection): (Client, Connection<Socket, T>)) -> Self
    where
        Connection<Socket, T>: Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static,
    {
        let permit = Arc::default();
        let (wanted, unwanted) = oneshot::channel();
        let held = Arc::clone(&permit);
        tokio::spawn(async move {
            drive(connection, unwanted).await;
            drop(held);
        });
        Self { client, permit, _wanted: wanted }
    }

    /// Keeps a permit until it is taken out again, or else until the connection has ended.
    pub(super) fn keep(&self, permit: Permit) {
        *self.permit.lock().unwrap_or_else(PoisonError::into_inner) = Some(permit);
    }

    pub(super) fn take_permit(&self) -> Option<Permit> {
        self.permit.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

async fn drive(
    connection: impl Future<Output = Result<(), tokio_postgres::Error>>,
    unwanted: oneshot::Receiver<Infallible>,
) {
    let mut connection = pin!(connection);
    tokio::select! {
        biased;
        // At once, if its client is gone and everything is answered.
        _ended = &mut connection => {}
        _gone = unwanted => {
            let _ended = tokio::time::timeout(LONGEST_END, connection).await;
        }
    }
}
