//! The handler of `POST /webhooks/gitlab`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::{Bytes, BytesMut, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::StreamExt;
use tracing::field::display;
use tracing::{Instrument, Span};

use super::body::{self, Sight};
use super::door::{Delivery, Door, Refusal};
use super::outcome::Outcome;
use super::tally::Tally;
use crate::calculator::issue::Glimpse;
use crate::calculator::policy::Policy;
use crate::clock::{self, Millis};
use crate::identity::Identity;
use crate::spans;
use crate::store::{self, Marked, Store};

/// GitLab gives up after 10 s; a sender that takes longer for its body is not GitLab.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// An announced length is believed this far before the body is there: nearly every delivery is smaller.
const MOST_RESERVED_BYTES: usize = 64 << 10;

/// What receiving needs.
#[derive(Clone)]
pub struct Receiver {
    /// Who may come in.
    pub door: Door,
    /// Larger bodies are refused.
    pub max_body_bytes: usize,
    /// What can matter.
    pub policy: Arc<Policy>,
    /// Who we are in GitLab, once known.
    pub identity: Identity,
    /// Where marks are kept.
    pub store: Store,
    /// What is counted.
    pub tally: Tally,
}

/// `POST /webhooks/gitlab`: proves the sender, notes which issue to look at, answers with an empty body.
pub async fn receive(request: HttpRequest, mut payload: Payload, receiver: Data<Receiver>) -> HttpResponse {
    let received = Instant::now();
    let span = spans::delivery();
    let outcome = receiver.take(&request, &mut payload, &span).instrument(span.clone()).await;
    span.record("outcome", outcome.name());
    receiver.tally.answered(outcome, received);
    let mut response = HttpResponse::new(outcome.status());
    // A body that is dropped unread would be drained, for as long as its sender likes. One that is still there when the
    // answer goes out ends the connection instead.
    response.extensions_mut().insert(payload);
    response
}

impl Receiver {
    async fn take(&self, request: &HttpRequest, payload: &mut Payload, span: &Span) -> Outcome {
        match self.admit(request, payload).await {
            Ok(delivery) => self.keep(&delivery, span).await,
            Err(outcome) => outcome,
        }
    }

    /// Headers, then the body, then the proof of the body.
    async fn admit(&self, request: &HttpRequest, payload: &mut Payload) -> Result<Delivery, Outcome> {
        let refuse = |refusal: Refusal| {
            tracing::warn!(
                reason = refusal.name(),
                "refused a delivery; check the webhook's tokens on both sides"
            );
            Outcome::Refused(refusal)
        };
        let proof = self.door.check_headers(request.headers(), clock::now()).map_err(refuse)?;
        let announced: Option<usize> = request
            .headers()
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok())
            .and_then(|length| length.parse().ok());
        if announced.is_some_and(|bytes| bytes > self.max_body_bytes) {
            return Err(Outcome::TooLarge);
        }
        let expected = announced.unwrap_or(0).min(MOST_RESERVED_BYTES);
        let collected = collect(payload, BytesMut::with_capacity(expected), self.max_body_bytes);
        let body = tokio::time::timeout(BODY_TIMEOUT, collected).await.map_err(|_| Outcome::TooSlow)??;
        self.door.admit(&proof, body).map_err(refuse)
    }

    /// Keeps which issue to look at, if any; 202 only once that is durable.
    async fn keep(&self, delivery: &Delivery, span: &Span) -> Outcome {
        let now = clock::now();
        self.tally.authentic(now);
        let sight = match body::read(delivery.body(), &self.policy, self.identity.user_id()) {
            Ok(sight) => sight,
            Err(ignored) => {
                tracing::debug!(reason = ignored.name(), "ignored a delivery");
                return Outcome::Ignored(ignored);
            }
        };
        let issue = sight.issue();
        span.record("issue", display(issue));
        let (unchanged, marked) = match sight {
            Sight::Mentions(glimpse, name) if self.identity.may_be_called(&name) => {
                (Outcome::Unchanged, self.keep_request(glimpse, span, now).instrument(spans::keep()).await)
            }
            Sight::Theirs(glimpse) | Sight::Mentions(glimpse, _) => {
                let marking = self.store.mark(glimpse, spans::trace_parent(span), now);
                (Outcome::Unchanged, marking.instrument(spans::keep()).await)
            }
            Sight::Ours(echo) => (Outcome::Own, self.store.hear(echo, now).instrument(spans::keep()).await),
        };
        match marked {
            Ok(Marked::Queued) => Outcome::Queued,
            Ok(Marked::Unchanged) => unchanged,
            Ok(Marked::Irrelevant) => Outcome::Irrelevant,
            Err(error) => {
                tracing::error!(%issue, %error, "could not keep a delivery; answered 503");
                Outcome::Unavailable
            }
        }
    }

    /// Keeps that a note may ask for something, besides what its issue looks like.
    async fn keep_request(&self, glimpse: Glimpse, span: &Span, now: Millis) -> Result<Marked, store::Error> {
        self.store.ask_to_read(glimpse.issue, now).await?;
        self.store.mark(glimpse, spans::trace_parent(span), now).await?;
        Ok(Marked::Queued)
    }
}

async fn collect(payload: &mut Payload, mut body: BytesMut, max_bytes: usize) -> Result<Bytes, Outcome> {
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Outcome::BrokenOff)?;
        if body.len() + chunk.len() > max_bytes {
            return Err(Outcome::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
