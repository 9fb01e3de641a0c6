//! A connection, from its beginning to its end on the server. Dropping one ends it, and what it was asked last with it:
//! a statement that nobody waits for any more is cancelled, lest it be done long after its caller was told that it failed.

use std::convert::Infallible;
use std::ops::{Deref, DerefMut};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio_postgres::{CancelToken, Client, Connection, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

/// From one request to cancel to the next: the server may not have come to the statement yet.
const CANCEL_AGAIN: Duration = Duration::from_secs(2);
/// How long an end may take. A server that writes to a disk that hangs cancels nothing, and must not get more and more
/// connections meanwhile. After this, something between us and it holds on to what is no more.
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
    pub(super) fn start<T>(
        (client, connection): (Client, Connection<Socket, T>),
        tls: Option<MakeRustlsConnect>,
    ) -> Self
    where
        Connection<Socket, T>: Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static,
    {
        let permit = Arc::default();
        let (wanted, unwanted) = oneshot::channel();
        let cancelling = cancel(client.cancel_token(), tls);
        let held = Arc::clone(&permit);
        tokio::spawn(async move {
            drive(connection, unwanted, cancelling).await;
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
    cancelling: impl Future<Output = ()>,
) {
    let mut connection = pin!(connection);
    tokio::select! {
        biased;
        // At once, if its client is gone and everything is answered.
        _ended = &mut connection => {}
        _gone = unwanted => {
            tokio::select! {
                _ended = connection => {}
                () = cancelling => {}
                () = tokio::time::sleep(LONGEST_END) => {}
            }
        }
    }
}

/// Again and again. A PgBouncer passes none on whose sender does not wait for it, as the driver does not; behind it such a
/// statement lasts as long as what it waits for, and has one of PgBouncer's own few connections.
async fn cancel(token: CancelToken, tls: Option<MakeRustlsConnect>) {
    loop {
        let cancelling = async {
            match &tls {
                Some(tls) => token.cancel_query(tls.clone()).await,
                None => token.cancel_query(NoTls).await,
            }
        };
        // Whether it was of use, only the end of the connection tells.
        let _asked =
            tokio::join!(tokio::time::timeout(CANCEL_AGAIN, cancelling), tokio::time::sleep(CANCEL_AGAIN));
    }
}
