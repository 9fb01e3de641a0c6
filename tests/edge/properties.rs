//! Whatever comes: the reader never panics, and the door opens for the right key and for nothing else.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use escalator::webhook::{Delivery, Door};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, TestCaseError, any, prop, prop_assert, prop_assert_eq, prop_oneof};
use serde_json::Value;

use crate::payloads::ALL;
use crate::reader::read;
use crate::seeded::holds;
use crate::signatures::{KEY, SENT_AT, come_in, door, door_with, headers, signed};
use crate::signer::sign;

/// Either a glimpse whose ids a database can keep and whose labels the policy reads, or a reason.
fn is_read_or_refused(body: &[u8]) -> Result<(), TestCaseError> {
    match read(body) {
        Ok(seen) => {
            prop_assert!(i64::try_from(seen.issue.project_id).is_ok());
            prop_assert!(i64::try_from(seen.issue.iid).is_ok());
        }
        Err(reason) => prop_assert!(!reason.name().is_empty()),
    }
    Ok(())
}

#[test]
fn arbitrary_bytes_are_read_or_refused() {
    holds(2_000, &vec(any::<u8>(), 0..512), |body| is_read_or_refused(&body));
}

#[test]
fn real_payloads_with_damaged_bytes_are_read_or_refused() {
    holds(2_000, &(payload(), vec(damage(), 1..8)), |(mut body, damages)| {
        for damage in damages {
            damage.apply(&mut body);
        }
        is_read_or_refused(&body)
    });
}

#[test]
fn real_payloads_with_strange_values_are_read_or_refused() {
    let strategy = (payload(), vec((any::<prop::sample::Index>(), json()), 1..4));
    holds(2_000, &strategy, |(body, replacements)| {
        let mut body: Value = serde_json::from_slice(&body).unwrap();
        for (place, value) in replacements {
            let places = count(&body);
            let mut place = place.index(places);
            replace(&mut body, &mut place, &value);
        }
        is_read_or_refused(body.to_string().as_bytes())
    });
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    (0..ALL.len()).prop_map(|index| ALL[index].as_bytes().to_vec())
}

/// What can happen to bytes on their way.
#[derive(Debug, Clone)]
enum Damage {
    Set(prop::sample::Index, u8),
    Cut(prop::sample::Index, usize),
    Insert(prop::sample::Index, Vec<u8>),
    Double(prop::sample::Index, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = any::<prop::sample::Index>;
    let structure = prop::sample::select(b"{}[]\",:0-e.\\n".to_vec());
    prop_oneof![
        (place(), prop_oneof![any::<u8>(), structure]).prop_map(|(at, byte)| Damage::Set(at, byte)),
        (place(), 0..64_usize).prop_map(|(at, length)| Damage::Cut(at, length)),
        (place(), vec(any::<u8>(), 0..16)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (place(), 0..256_usize).prop_map(|(at, length)| Damage::Double(at, length)),
    ]
}

impl Damage {
    fn apply(&self, body: &mut Vec<u8>) {
        if body.is_empty() {
            return;
        }
        let range = |at: &prop::sample::Index, length: usize| {
            let start = at.index(body.len());
            start..body.len().min(start + length)
        };
        match self {
            Self::Set(at, byte) => {
                let at = at.index(body.len());
                body[at] = *byte;
            }
            Self::Cut(at, length) => {
                let range = range(at, *length);
                body.drain(range);
            }
            Self::Insert(at, bytes) => {
                let at = at.index(body.len());
                body.splice(at..at, bytes.iter().copied());
            }
            Self::Double(at, length) => {
                let range = range(at, *length);
                let copy = body[range.clone()].to_vec();
                body.splice(range.end..range.end, copy);
            }
        }
    }
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec!["issue", "note", "Incident", "outage", "closed", "a::b"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let names =
            prop::sample::select(vec!["id", "iid", "title", "labels", "previous", "project_id", "type", "x"]);
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((names, inner), 0..4).prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}

/// How many values there are, inner ones included.
fn count(value: &Value) -> usize {
    1 + children(value).map(count).sum::<usize>()
}

fn children(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Object(fields) => Box::new(fields.values()),
        Value::Array(entries) => Box::new(entries.iter()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Box::new(std::iter::empty()),
    }
}

/// Replaces the value at a place of the count.
fn replace(value: &mut Value, place: &mut usize, by: &Value) -> bool {
    if *place == 0 {
        *value = by.clone();
        return true;
    }
    *place -= 1;
    match value {
        Value::Object(fields) => fields.values_mut().any(|inner| replace(inner, place, by)),
        Value::Array(entries) => entries.iter_mut().any(|inner| replace(inner, place, by)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// A header's value that may stand in a request: any byte but controls.
fn header_value() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![32..=126_u8, 128..=255_u8], 0..48)
}

fn any_proof() -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
    let timestamp = prop_oneof![
        header_value(),
        (SENT_AT - 400..SENT_AT + 400).prop_map(|second| second.to_string().into_bytes()),
    ];
    let signature = prop_oneof![
        header_value(),
        vec(any::<u8>(), 0..48).prop_map(|bytes| {
            use base64::Engine as _;
            format!("v1,{}", base64::engine::general_purpose::STANDARD.encode(bytes)).into_bytes()
        }),
    ];
    let entry = prop_oneof![
        header_value().prop_map(|value| ("x-gitlab-token", value)),
        header_value().prop_map(|value| ("webhook-id", value)),
        timestamp.prop_map(|value| ("webhook-timestamp", value)),
        signature.prop_map(|value| ("webhook-signature", value)),
    ];
    vec(entry, 0..8)
}

fn appended(pairs: &[(&'static str, Vec<u8>)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap());
    }
    headers
}

fn doors() -> [Door; 3] {
    let token = "a secret token that no generator guesses";
    [door(&[&KEY]), door_with(&[&KEY], &[token], true), door_with(&[], &[token], false)]
}

#[test]
fn arbitrary_headers_and_bodies_are_never_let_in() {
    let doors = doors();
    holds(3_000, &(any_proof(), vec(any::<u8>(), 0..64)), |(proof, body)| {
        let headers = appended(&proof);
        for door in &doors {
            prop_assert!(come_in(door, &headers, &body, SENT_AT).is_err());
        }
        Ok(())
    });
}

/// A delivery as its sender means it.
#[derive(Debug, Clone, PartialEq)]
struct Sent {
    id: Vec<u8>,
    second: i64,
    body: Vec<u8>,
}

impl Sent {
    fn timestamp(&self) -> Vec<u8> {
        self.second.to_string().into_bytes()
    }

    fn signature(&self, key: &[u8]) -> String {
        sign(key, &self.id, &self.timestamp(), &self.body)
    }

    /// Comes to the door with a signature that may be another's.
    fn come_in(&self, door: &Door, signatures: &str) -> Option<Delivery> {
        come_in(door, &signed(&self.id, &self.timestamp(), signatures), &self.body, SENT_AT).ok()
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    (header_value(), SENT_AT - 300..=SENT_AT + 300, vec(any::<u8>(), 0..256))
        .prop_map(|(id, second, body)| Sent { id, second, body })
}

#[test]
fn a_signed_delivery_is_always_let_in() {
    let noise = prop_oneof![Just("v2,AAAA"), Just("v1,AAAA"), Just("v1,"), Just(""), Just("nonsense")];
    let strategy = (sent(), vec(any::<u8>(), 24..=64), vec(noise.clone(), 0..8), vec(noise, 0..8));
    holds(2_000, &strategy, |(sent, key, before, after)| {
        let signature = sent.signature(&key);
        let list = [before, vec![signature.as_str()], after].concat().join(" ");
        let delivery = sent.come_in(&door(&[&KEY, &key]), &list);
        prop_assert_eq!(delivery.as_ref().map(Delivery::body), Some(sent.body.as_slice()));
        Ok(())
    });
}

#[test]
fn another_key_never_lets_anything_in() {
    let strategy = (sent(), vec(any::<u8>(), 24..=64));
    holds(2_000, &strategy, |(sent, key)| {
        prop_assert!(key == KEY || sent.come_in(&door(&[&KEY]), &sent.signature(&key)).is_none());
        Ok(())
    });
}

#[test]
fn a_signature_is_good_for_one_delivery_only() {
    holds(2_000, &(sent(), sent(), 0..3_u8), |(one, other, part)| {
        let mut altered = one.clone();
        match part {
            0 => altered.id = other.id,
            1 => altered.second = other.second,
            _ => altered.body = other.body,
        }
        prop_assert!(altered == one || altered.come_in(&door(&[&KEY]), &one.signature(&KEY)).is_none());
        Ok(())
    });
}

#[test]
fn the_right_token_lets_in_and_every_other_does_not() {
    holds(2_000, &(header_value(), header_value()), |(known, sent)| {
        let Ok(known) = String::from_utf8(known) else { return Ok(()) };
        let door = door_with(&[], &[&known], false);
        let come =
            |token: &[u8]| come_in(&door, &headers(&[("x-gitlab-token", token)]), b"{}", SENT_AT).is_ok();
        prop_assert!(come(known.as_bytes()));
        prop_assert_eq!(come(&sent), sent == known.as_bytes());
        Ok(())
    });
}
