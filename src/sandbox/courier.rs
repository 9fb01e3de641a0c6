//! Sends webhooks: signed, over real HTTP, in no particular order, each only once.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Client;
use sha2::Sha256;
use tokio::time::Instant;

use super::Shared;
use super::hooks::{Delivery, DeliveryRecord, Hook, random_uuid};
use crate::clock::now;

/// Signs a delivery as GitLab does, after Standard Webhooks: `v1,` and the base64 of an HMAC-SHA256.
///
/// A signing token is `whsec_` and the key in base64; what is no base64 is taken as the key itself, so that tests can sign
/// with a wrong key.
#[must_use]
pub fn sign(signing_token: &str, id: &str, timestamp: i64, body: &[u8]) -> String {
    let text = signing_token.strip_prefix("whsec_").unwrap_or(signing_token);
    let key = STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec());
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else {
        return String::new();
    };
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// Sends whatever is queued, as it comes, until it is aborted.
pub(super) async fn run(shared: Arc<Shared>, client: Client, timeout: Duration) {
    let mut ticks = shared.ticks();
    loop {
        ticks.mark_unchanged();
        let (ready, lost) = shared.quietly(|world| world.post.take_ready());
        if lost > 0 {
            shared.tick();
        }
        for (delivery, hook) in ready {
            let (shared, client) = (Arc::clone(&shared), client.clone());
            tokio::spawn(async move {
                let counts = shared.look(|world| world.options.auto_disable) || delivery.by_hand;
                let record = send(&client, delivery, &hook, &shared.url, timeout).await;
                shared.change(|world| world.post.finish(record, counts));
            });
        }
        if ticks.changed().await.is_err() {
            return;
        }
    }
}

async fn send(
    client: &Client,
    delivery: Delivery,
    hook: &Hook,
    instance: &str,
    timeout: Duration,
) -> DeliveryRecord {
    let at = now();
    let headers = headers(&delivery, hook, instance, at.0 / 1000);
    let mut request = client.post(&hook.url).timeout(timeout).body(delivery.body.clone());
    for (name, value) in &headers {
        request = request.header(name, value);
    }
    let started = Instant::now();
    let answer = request.send().await;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (status, error) = match answer {
        Ok(answer) => (Some(answer.status().as_u16()), None),
        Err(error) => (None, Some(error.to_string())),
    };
    DeliveryRecord {
        serial: 0,
        id: delivery.id,
        at,
        hook: delivery.hook,
        event: delivery.event,
        object_kind: delivery.object_kind,
        project_path: delivery.project_path,
        issue: delivery.issue,
        event_uuid: delivery.event_uuid,
        headers,
        body: delivery.body,
        status,
        error,
        duration_ms,
    }
}

fn headers(delivery: &Delivery, hook: &Hook, instance: &str, timestamp: i64) -> Vec<(String, String)> {
    let mut headers = vec![
        ("Content-Type", "application/json".to_owned()),
        ("User-Agent", "GitLab/19.1.0".to_owned()),
        ("X-Gitlab-Event", delivery.event.to_owned()),
        ("X-Gitlab-Instance", instance.to_owned()),
        // A fresh one for each request, whatever the documentation says.
        ("X-Gitlab-Webhook-UUID", random_uuid()),
        ("X-Gitlab-Event-UUID", delivery.event_uuid.clone()),
        ("Idempotency-Key", delivery.id.clone()),
        ("webhook-id", delivery.id.clone()),
        ("webhook-timestamp", timestamp.to_string()),
    ];
    if let Some(token) = &hook.token {
        headers.push(("X-Gitlab-Token", token.replace(['\r', '\n'], "")));
    }
    if let Some(token) = &hook.signing_token {
        let signature = sign(token, &delivery.id, timestamp, delivery.body.as_bytes());
        headers.push(("webhook-signature", signature));
    }
    headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
