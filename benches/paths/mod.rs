//! The hot path of a delivery and of an assessment, piece by piece: what the benchmarks time and the budget counts.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServiceResponse;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, http::StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use escalator::calculator::assess::assess;
use escalator::calculator::issue::{Glimpse, Issue, Moment, State, WorkItemType};
use escalator::calculator::label::Label;
use escalator::calculator::plan::{plan, suspicions};
use escalator::calculator::policy::Policy;
use escalator::calculator::standing::{LabelDifference, Standing};
use escalator::clock::{self, Millis};
use escalator::comment::{HistoryEntry, Rendered, Renderer, View};
use escalator::config::sources::Sources;
use escalator::config::{Credentials, SigningKey, load};
use escalator::identity::Identity;
use escalator::store::{Claimed, Release, Store};
use escalator::webhook::{Door, Ignored, Receiver, Sight, Tally, read, receive};
use futures_util::future::try_join_all;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A real delivery of GitLab's, 4 kB: an issue from no source.
const PLAIN: &str = include_str!("../../tests/payloads/issue_hook.issue.open.json");
const KEY: [u8; 32] = [7; 32];
/// When the queue's pieces begin.
pub const NOW: Millis = Millis(1_700_000_000_000);
const LEASE: Duration = Duration::from_secs(300);
const SENT_AT_SECONDS: i64 = 1_700_000_000;
/// Answers that make a Platform Escalation, and what else people put on an incident.
const LABELS: [&str; 8] = [
    "incident",
    "severity::2",
    "team::payments",
    "cross-functionality::yes",
    "complexity::yes",
    "financial-impact::yes",
    "operational-impact::no",
    "priority::1",
];

/// Everything that the pieces need, made once.
pub struct Paths {
    policy: Policy,
    door: Door,
    headers: HeaderMap,
    plain: Bytes,
    incident: Bytes,
    renderer: Renderer,
}

impl Paths {
    pub fn new() -> Self {
        Self {
            policy: load(&Sources::default()).unwrap().policy,
            door: door(),
            headers: headers(PLAIN.as_bytes(), SENT_AT_SECONDS),
            plain: Bytes::from_static(PLAIN.as_bytes()),
            incident: PLAIN.replace("\"type\": \"Issue\"", "\"type\": \"Incident\"").into(),
            renderer: Renderer::new(None).unwrap(),
        }
    }

    /// Headers looked at, and 4 kB proven by their signature.
    pub fn prove(&self) -> usize {
        let proof = self.door.check_headers(&self.headers, Millis(SENT_AT_SECONDS * 1000)).unwrap();
        self.door.admit(&proof, self.plain.clone()).unwrap().body().len()
    }

    /// A body that does not matter, reduced to its glimpse.
    pub fn read_plain(&self) -> Result<Sight, Ignored> {
        read(&self.plain, &self.policy, Some(1))
    }

    /// A body that matters.
    pub fn read_incident(&self) -> Result<Sight, Ignored> {
        read(&self.incident, &self.policy, Some(1))
    }

    /// An incident as GitLab shows it: assessed, planned, and its comment rendered.
    pub fn assess(&self) -> Rendered {
        let issue = Issue {
            state: State::Opened,
            work_item_type: WorkItemType::Incident,
            labels: LABELS.map(Label::new).to_vec(),
        };
        let assessment = assess(&issue, &self.policy);
        assert!(suspicions(&assessment, &issue, None, &self.policy).is_empty());
        let plan = plan(&assessment, &issue, None, Vec::new(), &self.policy);
        let standing = Standing::of(&assessment);
        let labels = LabelDifference::between(&[], &issue.labels);
        let entry = HistoryEntry { at: Moment(0), before: None, after: &standing, labels: &labels };
        let view = View::new(&assessment, &self.policy, &plan.hands, &[entry]);
        self.renderer.render(&view).unwrap()
    }
}

/// Receives a delivery that does not matter so many times, from the parsed request to the answer.
pub async fn receive_plain(store: Store, rounds: u64) {
    let receiver = Data::new(Receiver {
        door: door(),
        max_body_bytes: 25 << 20,
        policy: Arc::new(load(&Sources::default()).unwrap().policy),
        identity: Identity::default(),
        store,
        tally: Tally::start(),
    });
    let resource = web::resource("/webhooks/gitlab").route(web::post().to(receive));
    let service = init_service(App::new().app_data(receiver).service(resource)).await;
    for _ in 0..rounds {
        let mut request = TestRequest::post().uri("/webhooks/gitlab").set_payload(PLAIN);
        for header in headers(PLAIN.as_bytes(), clock::now().0 / 1000) {
            request = request.insert_header(header);
        }
        let answer: ServiceResponse = call_service(&service, request.to_request()).await;
        assert_eq!(answer.status(), StatusCode::OK);
    }
}

fn door() -> Door {
    let token = format!("whsec_{}", STANDARD.encode(KEY));
    Door::new(Credentials {
        secret_tokens: Vec::new(),
        signing_keys: vec![SigningKey::from_token(&token).unwrap()],
        allow_plain_token: false,
    })
}

/// What GitLab sends with a body, signed.
fn headers(body: &[u8], sent_at_seconds: i64) -> HeaderMap {
    let timestamp = sent_at_seconds.to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(&KEY).unwrap();
    for part in [b"msg_1.".as_slice(), timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    let values =
        [("webhook-id", "msg_1"), ("webhook-timestamp", &timestamp), ("webhook-signature", &signature)];
    values
        .into_iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect()
}

/// An incident that nobody has looked at yet, as a webhook shows it.
fn glimpse(iid: u64) -> Glimpse {
    Glimpse {
        issue: escalator::calculator::issue::IssueRef { project_id: 14, iid },
        state: Some(State::Opened),
        work_item_type: Some(WorkItemType::Incident),
        labels: Vec::new(),
        may_have_source: true,
    }
}

/// Marks incidents, all at once.
pub async fn mark(store: &Store, iids: Range<u64>) {
    try_join_all(iids.map(|iid| store.mark(glimpse(iid), None, NOW))).await.unwrap();
}

/// Marks so many, a thousand at once.
pub async fn fill(store: &Store, keys: u64) {
    const BATCH: u64 = 1_000;
    for first in (0..keys).step_by(1_000) {
        mark(store, first..keys.min(first + BATCH)).await;
    }
}

/// Claims the issue that has been due longest, and puts it behind all others.
pub async fn claim_and_put_last(store: &Store, round: u64) {
    let now = Millis(NOW.0 + 1 + i64::try_from(round).unwrap());
    match store.claim(now, LEASE).await.unwrap() {
        Claimed::Issue(claim) => {
            assert!(store.finish(claim, Release::Retry(Duration::ZERO), now).await.unwrap())
        }
        Claimed::Nothing { .. } | Claimed::Paused { .. } => panic!("the queue is empty"),
    }
}
