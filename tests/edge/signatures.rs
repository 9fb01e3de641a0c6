//! Proof by Standard Webhooks signature: the door with the time passed in, and once over HTTP by the real clock.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use escalator::clock::{self, Millis};
use escalator::config::values::Secret;
use escalator::config::{Credentials, SigningKey};
use escalator::webhook::{Delivery, Door, Refusal};
use serde_json::Value;

use crate::app::{App, SIGNING_TOKENS};
use crate::payloads::EPIC;
use crate::signer::{self, sign};

pub const KEY: [u8; 32] = [1; 32];
const OLD_KEY: [u8; 32] = [2; 32];
const STRANGE_KEY: [u8; 32] = [3; 32];
pub const SENT_AT: i64 = 1_700_000_000;

/// A door with these signing keys and no secret token.
pub fn door(keys: &[&[u8]]) -> Door {
    door_with(keys, &[], false)
}

pub fn door_with(keys: &[&[u8]], secret_tokens: &[&str], allow_plain_token: bool) -> Door {
    Door::new(Credentials {
        secret_tokens: secret_tokens.iter().map(|token| Secret::new(token)).collect(),
        signing_keys: keys.iter().map(|key| SigningKey::from_token(&signer::token(key)).unwrap()).collect(),
        allow_plain_token,
    })
}

/// What a door says to a request at this second of the clock.
pub fn come_in(door: &Door, headers: &HeaderMap, body: &[u8], second: i64) -> Result<Delivery, Refusal> {
    let proof = door.check_headers(headers, Millis(second * 1000))?;
    door.admit(&proof, Bytes::copy_from_slice(body))
}

pub fn headers(pairs: &[(&'static str, &[u8])]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap()))
        .collect()
}

/// The headers of a signed delivery.
pub fn signed(id: &[u8], timestamp: &[u8], signatures: &str) -> HeaderMap {
    headers(&[
        ("webhook-id", id),
        ("webhook-timestamp", timestamp),
        ("webhook-signature", signatures.as_bytes()),
    ])
}

/// A delivery `msg_1` of [`SENT_AT`], signed with this key.
fn delivery(key: &[u8]) -> HeaderMap {
    signed(b"msg_1", timestamp().as_bytes(), &signature(key))
}

fn timestamp() -> String {
    SENT_AT.to_string()
}

fn signature(key: &[u8]) -> String {
    sign(key, b"msg_1", timestamp().as_bytes(), BODY)
}

const BODY: &[u8] = b"{}";

#[test]
fn what_other_implementations_signed_comes_in() {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("../vectors/standard_webhooks.json")).unwrap();
    assert!(vectors.len() >= 16);
    for vector in &vectors {
        let text = |name: &str| vector[name].as_str().unwrap();
        let (second, body) = (vector["timestamp"].as_i64().unwrap(), STANDARD.decode(text("body")).unwrap());
        let key = SigningKey::from_token(text("token")).unwrap();
        let door = Door::new(Credentials {
            secret_tokens: vec![],
            signing_keys: vec![key],
            allow_plain_token: false,
        });
        let headers = signed(text("id").as_bytes(), second.to_string().as_bytes(), text("signature"));

        let admitted = come_in(&door, &headers, &body, second);
        assert_eq!(admitted.unwrap().body(), body, "{}", text("name"));
        let altered = [body.as_slice(), b" "].concat();
        assert_eq!(come_in(&door, &headers, &altered, second).unwrap_err(), Refusal::WrongSignature);
    }
}

#[test]
fn while_rotating_both_keys_are_good_and_a_third_is_not() {
    let door = door(&[&KEY, &OLD_KEY]);
    for key in [&KEY, &OLD_KEY] {
        assert!(come_in(&door, &delivery(key), BODY, SENT_AT).is_ok());
    }
    let strange = come_in(&door, &delivery(&STRANGE_KEY), BODY, SENT_AT);
    assert_eq!(strange.unwrap_err(), Refusal::WrongSignature);
}

#[test]
fn one_good_signature_among_several_is_enough() {
    let (good, strange) = (signature(&KEY), signature(&STRANGE_KEY));
    for list in [
        format!("{strange} {good}"),
        format!("{good} {strange}"),
        format!("v2,whatever {good}"),
        format!("v1a,AAAA {good}"),
        format!("v1,not-base64! {good}"),
        format!("  {good}  "),
        [vec![strange.as_str(); 15], vec![&good]].concat().join(" "),
    ] {
        let headers = signed(b"msg_1", timestamp().as_bytes(), &list);
        assert!(come_in(&door(&[&KEY]), &headers, BODY, SENT_AT).is_ok(), "{list}");
    }
}

#[test]
fn signatures_of_unknown_versions_prove_nothing() {
    let good = signature(&KEY);
    let bare = good.strip_prefix("v1,").unwrap();
    for list in [
        format!("v2,{bare}"),
        format!("V1,{bare}"),
        format!("v1a,{bare}"),
        format!("v1{bare}"),
        format!(",{bare}"),
        bare.to_owned(),
        "v1,".to_owned(),
        "v1".to_owned(),
        String::new(),
        "v1,%%%".to_owned(),
    ] {
        let headers = signed(b"msg_1", timestamp().as_bytes(), &list);
        let refusal = come_in(&door(&[&KEY]), &headers, BODY, SENT_AT).unwrap_err();
        assert!(matches!(refusal, Refusal::Malformed | Refusal::WrongSignature), "{list}: {refusal:?}");
    }
}

#[test]
fn a_part_of_a_signature_is_no_signature() {
    let good = signature(&KEY);
    let bytes = STANDARD.decode(good.strip_prefix("v1,").unwrap()).unwrap();
    for part in [&bytes[..31], &bytes[1..], &[bytes.as_slice(), &[0]].concat(), &[][..]] {
        let headers = signed(b"msg_1", timestamp().as_bytes(), &format!("v1,{}", STANDARD.encode(part)));
        assert!(come_in(&door(&[&KEY]), &headers, BODY, SENT_AT).is_err());
    }
}

#[test]
fn more_signatures_than_anybody_sends_are_not_looked_at() {
    let list = [vec![signature(&STRANGE_KEY); 16], vec![signature(&KEY)]].concat().join(" ");
    let headers = signed(b"msg_1", timestamp().as_bytes(), &list);
    let refusal = come_in(&door(&[&KEY]), &headers, BODY, SENT_AT).unwrap_err();
    assert_eq!(refusal, Refusal::WrongSignature);
}

#[test]
fn a_delivery_is_good_for_five_minutes_around_our_clock() {
    let door = door(&[&KEY]);
    for (seconds_later, good) in [
        (0, true),
        (300, true),
        (301, false),
        (-300, true),
        (-301, false),
        (86_400, false),
        (-SENT_AT, false),
    ] {
        let admitted = come_in(&door, &delivery(&KEY), BODY, SENT_AT + seconds_later);
        assert_eq!(admitted.is_ok(), good, "{seconds_later} s later");
        if let Err(refusal) = admitted {
            assert_eq!(refusal, Refusal::OutOfTime);
        }
    }
}

#[test]
fn a_timestamp_is_digits_and_nothing_else() {
    let door = door(&[&KEY]);
    for text in [
        "",
        " ",
        "-1700000000",
        "+1700000000",
        "1700000000.0",
        "1.7e9",
        "0x65",
        "1700000000s",
        "1700000000000",
        "９",
        "9223372036854775807",
        "9223372036854775808",
        "99999999999999999999999999",
        "2023-11-14T22:13:20Z",
    ] {
        let headers = signed(b"msg_1", text.as_bytes(), &sign(&KEY, b"msg_1", text.as_bytes(), BODY));
        let refusal = come_in(&door, &headers, BODY, SENT_AT).unwrap_err();
        assert!(matches!(refusal, Refusal::Malformed | Refusal::OutOfTime), "{text:?}: {refusal:?}");
    }
}

#[test]
fn an_extreme_clock_refuses_and_does_not_overflow() {
    for text in ["0", "9223372036854775807"] {
        let headers = signed(b"msg_1", text.as_bytes(), &sign(&KEY, b"msg_1", text.as_bytes(), BODY));
        for now in [i64::MIN, i64::MAX] {
            assert!(door(&[&KEY]).check_headers(&headers, Millis(now)).is_err(), "{text} at {now}");
        }
    }
}

#[test]
fn a_missing_header_refuses_the_delivery() {
    for missing in ["webhook-id", "webhook-timestamp"] {
        let mut headers = delivery(&KEY);
        headers.remove(missing);
        let refusal = come_in(&door(&[&KEY]), &headers, BODY, SENT_AT).unwrap_err();
        assert_eq!(refusal, Refusal::Malformed, "{missing}");
    }
    let mut headers = delivery(&KEY);
    headers.remove("webhook-signature");
    assert_eq!(come_in(&door(&[&KEY]), &headers, BODY, SENT_AT).unwrap_err(), Refusal::NoProof);
}

#[test]
fn whatever_is_signed_cannot_be_altered() {
    let door = door(&[&KEY]);
    let refusal = |id: &str, timestamp: &str, body: &[u8]| {
        let headers = signed(id.as_bytes(), timestamp.as_bytes(), &signature(&KEY));
        come_in(&door, &headers, body, SENT_AT).unwrap_err()
    };
    assert_eq!(refusal("msg_2", &timestamp(), BODY), Refusal::WrongSignature);
    assert_eq!(refusal("msg_1", &(SENT_AT + 1).to_string(), BODY), Refusal::WrongSignature);
    assert_eq!(refusal("msg_1", &format!("0{SENT_AT}"), BODY), Refusal::WrongSignature);
    assert_eq!(refusal("msg_1", &timestamp(), b"{} "), Refusal::WrongSignature);
    assert_eq!(refusal("msg_1", &timestamp(), b""), Refusal::WrongSignature);
    // What the dots separate cannot move from one part to another.
    assert!(matches!(refusal("msg_1.1700000000", &timestamp(), BODY), Refusal::WrongSignature));
}

#[test]
fn the_headers_decide_before_the_body_is_known() {
    let strict = door_with(&[&KEY], &["token"], false);
    let at = Millis(SENT_AT * 1000);
    let with_token = headers(&[("x-gitlab-token", b"token")]);
    assert_eq!(strict.check_headers(&with_token, at).unwrap_err(), Refusal::Unsigned);
    assert_eq!(strict.check_headers(&headers(&[]), at).unwrap_err(), Refusal::NoProof);

    let migrating = door_with(&[&KEY], &["token"], true);
    assert!(migrating.check_headers(&with_token, at).is_ok());
    let wrong = headers(&[("x-gitlab-token", b"other")]);
    assert_eq!(migrating.check_headers(&wrong, at).unwrap_err(), Refusal::WrongToken);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_a_signed_delivery_comes_in_and_an_unsigned_or_old_one_does_not() {
    let app =
        App::with(&[(SIGNING_TOKENS, &format!("{},{}", signer::token(&OLD_KEY), signer::token(&KEY)))]).await;
    let now = clock::now().0 / 1000;
    for (key, age_seconds, status) in
        [(&KEY, 0, 200), (&OLD_KEY, 0, 200), (&STRANGE_KEY, 0, 401), (&KEY, 3600, 401), (&KEY, -3600, 401)]
    {
        let timestamp = (now - age_seconds).to_string();
        let signature = sign(key, b"msg_1", timestamp.as_bytes(), EPIC.as_bytes());
        let headers = [
            ("webhook-id", "msg_1"),
            ("webhook-timestamp", timestamp.as_str()),
            ("webhook-signature", &signature),
        ];
        assert_eq!(app.post(&headers, EPIC).await.status, status, "{age_seconds} s old");
        assert_eq!(app.post(&headers, format!("{EPIC} ")).await.status, 401, "altered on the way");
    }
    assert_eq!(app.post(&[], EPIC).await.status, 401);
    app.service.stop().await;
}
