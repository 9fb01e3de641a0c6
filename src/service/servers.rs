//! The two HTTP servers: where webhooks come in, and where health and metrics are.
//!
//! Decides nothing about a request; what answers it stands in `webhook` and `telemetry`.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::web::{self, Data};
use actix_web::{App, HttpServer};
use anyhow::Context;
use tokio::task::JoinSet;

use crate::config::WEBHOOK_PATH;
use crate::telemetry::{self, Admin};
use crate::webhook::{Receiver, receive};

/// Threads that receive webhooks.
const RECEIVING_THREADS: usize = 2;
/// How long an idle connection is kept: longer than proxies and load balancers keep theirs (nginx and AWS a minute, Google
/// ten), because who closes first loses the request that the other is just sending.
const KEEP_ALIVE: Duration = Duration::from_secs(620);

pub(super) fn start_serving(
    webhooks: Server,
    admin: Server,
    parts: &mut JoinSet<&'static str>,
) -> [ServerHandle; 2] {
    let handles = [webhooks.handle(), admin.handle()];
    parts.spawn(serve(webhooks, "the webhook server"));
    parts.spawn(serve(admin, "the admin server"));
    handles
}

pub(super) fn bind(address: SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).with_context(|| {
        format!("{key} = \"{address}\" cannot be used; is another program listening there?")
    })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

pub(super) fn webhook_server(listener: TcpListener, receiver: Receiver) -> anyhow::Result<Server> {
    let receiver = Data::new(receiver);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(receiver.clone())
            .service(web::resource(WEBHOOK_PATH).route(web::post().to(receive)))
    });
    Ok(server.workers(RECEIVING_THREADS).keep_alive(KEEP_ALIVE).disable_signals().listen(listener)?.run())
}

pub(super) fn admin_server(listener: TcpListener, admin: Admin) -> anyhow::Result<Server> {
    let admin = Data::new(admin);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(admin.clone())
            .route("/livez", web::get().to(telemetry::livez))
            .route("/readyz", web::get().to(telemetry::readyz))
            .route("/metrics", web::get().to(telemetry::metrics_page))
    });
    Ok(server.workers(1).disable_signals().listen(listener)?.run())
}

async fn serve(server: Server, name: &'static str) -> &'static str {
    if let Err(error) = server.await {
        tracing::error!(%error, "{name} failed");
    }
    name
}
