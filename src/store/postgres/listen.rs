//! Listens for marks of other replicas, on a connection of its own, so that a sleeping worker need not wait for its next
//! look at the queue. Nothing depends on it: a PgBouncer in transaction mode lets no message through.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls};

use super::server::Server;

/// The wait before the next attempt.
const PAUSE: Duration = Duration::from_secs(1);

/// Wakes a worker whenever another replica has marked an issue. Never ends.
pub(super) async fn listen(server: Server, marked: Arc<Notify>) {
    loop {
        let heard = match server.parts() {
            (config, Some(tls)) => match config.connect(tls.clone()).await {
                Ok((client, connection)) => hear(&client, connection, &marked).await,
                Err(error) => Err(error),
            },
            (config, None) => match config.connect(NoTls).await {
                Ok((client, connection)) => hear(&client, connection, &marked).await,
                Err(error) => Err(error),
            },
        };
        if let Err(error) = heard {
            tracing::debug!(%error, "cannot listen for marks; looking at the queue every second all the same");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Until the connection breaks.
async fn hear<S, T>(
    client: &Client,
    mut connection: Connection<S, T>,
    marked: &Notify,
) -> Result<(), tokio_postgres::Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    let mut messages = std::pin::pin!(stream::poll_fn(move |context| connection.poll_message(context)));
    let hearing = async {
        while let Some(message) = messages.next().await {
            if matches!(message?, AsyncMessage::Notification(_)) {
                marked.notify_one();
            }
        }
        Ok(())
    };
    let asking = async {
        client.batch_execute("LISTEN escalator_marked").await?;
        std::future::pending().await
    };
    tokio::select! {
        heard = hearing => heard,
        failed = asking => failed,
    }
}
