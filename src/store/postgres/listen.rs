//! Listens for marks of other replicas, on a connection of its own, so that a sleeping worker need not wait for its next
//! look at the queue. Nothing depends on it: a PgBouncer in transaction mode lets no message through.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls};

use super::error::{explain, silent};
use super::server::{CONNECT_TIMEOUT, Server};

/// The wait before the next attempt.
const PAUSE: Duration = Duration::from_secs(1);

/// Wakes a worker whenever another replica has marked an issue. Never ends.
pub(super) async fn listen(server: Server, marked: Arc<Notify>) {
    loop {
        let heard = match server.tls() {
            Some(tls) => hear(server.reach(tls).await, &marked).await,
            None => hear(server.reach(&NoTls).await, &marked).await,
        };
        if let Err(error) = heard {
            tracing::debug!(%error, "cannot listen for marks; looking at the queue every second all the same");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Until the connection breaks.
async fn hear<S, T>(
    connected: Result<(Client, Connection<S, T>), String>,
    marked: &Notify,
) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    let (client, mut connection) = connected?;
    let mut messages = std::pin::pin!(stream::poll_fn(move |context| connection.poll_message(context)));
    let hearing = async {
        while let Some(message) = messages.next().await {
            if matches!(message.map_err(|error| explain(&error))?, AsyncMessage::Notification(_)) {
                marked.notify_one();
            }
        }
        Ok(())
    };
    let asking = async {
        match timeout(CONNECT_TIMEOUT, client.batch_execute("LISTEN escalator_marked")).await {
            Ok(Ok(())) => std::future::pending().await,
            Ok(Err(error)) => Err(explain(&error)),
            Err(_) => Err(silent(CONNECT_TIMEOUT)),
        }
    };
    tokio::select! {
        heard = hearing => heard,
        failed = asking => failed,
    }
}
