//! `/livez`, `/readyz` and `/metrics`, on an address of their own.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::Data;

use super::metrics::{Metrics, Scrape};
use crate::clock;
use crate::store::{Stop, Store};
use crate::worker::{Gate, PauseReason, TokenWatch};

/// A store that takes longer to write one row is not ready.
const READY_WITHIN: Duration = Duration::from_secs(2);

/// What the pages need.
#[derive(Clone)]
pub struct Admin {
    /// Proves that a webhook could be kept.
    pub store: Store,
    /// The counters.
    pub metrics: Metrics,
    /// Knows how long GitLab wants no calls.
    pub gate: Arc<Gate>,
    /// Knows how long the access token is good.
    pub token_watch: TokenWatch,
}

/// `GET /livez`: the process answers.
pub async fn livez() -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::plaintext()).body("ok\n")
}

/// `GET /readyz`: a webhook could be accepted and kept. Never depends on GitLab.
pub async fn readyz(admin: Data<Admin>) -> HttpResponse {
    let beat = tokio::time::timeout(READY_WITHIN, admin.store.beat(clock::now())).await;
    match beat {
        Ok(Ok(())) => HttpResponse::Ok().content_type(ContentType::plaintext()).body("ok\n"),
        Ok(Err(error)) => not_ready(&error.to_string()),
        Err(_) => not_ready("the store does not answer in time"),
    }
}

/// `GET /metrics`: Prometheus text.
pub async fn metrics(admin: Data<Admin>) -> HttpResponse {
    let depth = admin.store.depth().await.ok();
    let stops = admin.store.stops().await.ok();
    let count = |scope| {
        let of_scope = |stops: &Vec<Stop>| stops.iter().filter(|stop| stop.scope() == scope).count();
        stops.as_ref().map(|stops| of_scope(stops).try_into().unwrap_or(u32::MAX))
    };
    let now = clock::now();
    let scrape = Scrape {
        depth,
        pauses: PauseReason::ALL.map(|reason| (reason.name(), admin.gate.left(reason))),
        stops: Stop::SCOPES.map(|scope| (scope, count(scope))),
        token_days_left: admin.token_watch.days_left(now),
    };
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(admin.metrics.render(&scrape, now))
}

fn not_ready(reason: &str) -> HttpResponse {
    tracing::warn!(reason, "not ready");
    HttpResponse::ServiceUnavailable().content_type(ContentType::plaintext()).body(format!("{reason}\n"))
}
