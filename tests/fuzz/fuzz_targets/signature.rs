//! Arbitrary headers and bodies at the door: nothing comes in unless the headers hold the HMAC that another
//! implementation computes or the secret token, and what that implementation signs always comes in.
#![no_main]

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use escalator::clock::Millis;
use escalator::config::values::Secret;
use escalator::config::{Credentials, SigningKey};
use escalator::webhook::Door;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[path = "../../edge/signer.rs"]
mod signer;

const KEY: [u8; 32] = [9; 32];
const TOKEN: &str = "token";
const NAMES: [&str; 4] = ["x-gitlab-token", "webhook-id", "webhook-timestamp", "webhook-signature"];

#[derive(Debug, Arbitrary)]
struct Request<'input> {
    headers: Vec<(u8, &'input [u8])>,
    body: &'input [u8],
    /// Adds a right signature, made for this second.
    signed_at: Option<u32>,
    now_seconds: u32,
    allow_plain_token: bool,
    with_key: bool,
}

fuzz_target!(|request: Request<'_>| {
    let door = Door::new(Credentials {
        secret_tokens: vec![Secret::new(TOKEN)],
        signing_keys: SigningKey::from_token(&signer::token(&KEY))
            .filter(|_| request.with_key)
            .into_iter()
            .collect(),
        allow_plain_token: request.allow_plain_token,
    });
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let Ok(value) = HeaderValue::from_bytes(value) else { return };
        headers.insert(HeaderName::from_static(NAMES[usize::from(*name) % NAMES.len()]), value);
    }
    if let Some(second) = request.signed_at {
        sign(&mut headers, second, request.body);
    }

    let value = |name: &str| headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default();
    let (id, timestamp, signatures) =
        (value("webhook-id"), value("webhook-timestamp"), value("webhook-signature"));
    let signature = signer::sign(&KEY, id, timestamp, request.body);
    let is_signed = signatures.split(|byte| *byte == b' ').any(|entry| entry == signature.as_bytes());
    let has_token = value("x-gitlab-token") == TOKEN.as_bytes();

    let admitted = door
        .check_headers(&headers, Millis(i64::from(request.now_seconds) * 1000))
        .and_then(|proof| door.admit(&proof, Bytes::copy_from_slice(request.body)))
        .is_ok();
    let is_proven = if request.with_key && headers.contains_key("webhook-signature") {
        is_signed
    } else {
        has_token && (!request.with_key || request.allow_plain_token)
    };
    assert!(is_proven || !admitted, "let in without proof");
    if let Some(second) = request.signed_at.filter(|_| request.with_key) {
        assert_eq!(admitted, second.abs_diff(request.now_seconds) <= 300, "signed, but not let in, or late");
    }
});

fn sign(headers: &mut HeaderMap, second: u32, body: &[u8]) {
    let name = HeaderName::from_static;
    let timestamp = second.to_string();
    let id = headers.get("webhook-id").map(|id| id.as_bytes().to_vec()).unwrap_or_default();
    let signature = signer::sign(&KEY, &id, timestamp.as_bytes(), body);
    headers.insert(name("webhook-id"), HeaderValue::from_bytes(&id).expect("it was one before"));
    headers.insert(name("webhook-timestamp"), HeaderValue::from_str(&timestamp).expect("digits are fine"));
    headers.insert(name("webhook-signature"), HeaderValue::from_str(&signature).expect("base64 is fine"));
}
