//! The door: only a proven sender's body becomes a [`Delivery`].
//!
//! Headers first, so that a stranger's body is not even read; then, where a signature is asked for, the body.

use actix_web::http::header::HeaderMap;
use actix_web::web::Bytes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::clock::Millis;
use crate::config::{Credentials, SigningKey};

/// How far a delivery's timestamp may be from our clock: what the reference libraries of Standard Webhooks use.
const TOLERANCE_SECONDS: i64 = 300;
/// More signatures than this on one delivery are not looked at.
const MOST_SIGNATURES: usize = 16;

/// Why a delivery is refused with 401. Said in logs and metrics, never to the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Neither a token nor a signature.
    NoProof,
    /// The secret token is not one of ours.
    WrongToken,
    /// A signature is required, and there is only a token.
    Unsigned,
    /// The signature headers are incomplete or not well-formed.
    Malformed,
    /// The timestamp is too old or too new: a replay, or a clock that is wrong.
    OutOfTime,
    /// No signature fits.
    WrongSignature,
}

impl Refusal {
    /// One word for it, for metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoProof => "no_proof",
            Self::WrongToken => "wrong_token",
            Self::Unsigned => "unsigned",
            Self::Malformed => "malformed_signature",
            Self::OutOfTime => "out_of_time",
            Self::WrongSignature => "wrong_signature",
        }
    }
}

/// A body that GitLab is proven to have sent. Only [`Door::admit`] makes one.
#[derive(Debug)]
pub struct Delivery {
    body: Bytes,
}

impl Delivery {
    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

/// What the headers prove.
#[derive(Debug, PartialEq, Eq)]
pub enum HeaderProof {
    /// A secret token of ours: enough.
    Token,
    /// A claim that the body must still bear out.
    Signature(SignatureClaim),
}

/// The headers of a signed delivery, as raw bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct SignatureClaim {
    id: Vec<u8>,
    timestamp: Vec<u8>,
    signatures: Vec<Vec<u8>>,
}

/// Decides who may come in.
#[derive(Debug, Clone)]
pub struct Door {
    credentials: Credentials,
}

impl Door {
    /// A door with these locks.
    #[must_use]
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials }
    }

    /// What the headers prove, before anything of the body is read.
    ///
    /// A delivery with a signature stands or falls with it; a bare token is enough only where no signing token is
    /// configured, or `webhook.allow_plain_token` says so.
    ///
    /// # Errors
    /// The [`Refusal`].
    pub fn check_headers(&self, headers: &HeaderMap, now: Millis) -> Result<HeaderProof, Refusal> {
        let signed = headers.contains_key("webhook-signature");
        let signing = !self.credentials.signing_keys.is_empty();
        if signing && signed {
            return claim(headers, now).map(HeaderProof::Signature);
        }
        let token = headers.get("x-gitlab-token").map(actix_web::http::header::HeaderValue::as_bytes);
        if signing && !self.credentials.allow_plain_token {
            return Err(if token.is_some() { Refusal::Unsigned } else { Refusal::NoProof });
        }
        match token {
            None => Err(Refusal::NoProof),
            Some(token) if self.knows(token) => Ok(HeaderProof::Token),
            Some(_) => Err(Refusal::WrongToken),
        }
    }

    /// Admits a body that the proof covers.
    ///
    /// # Errors
    /// [`Refusal::WrongSignature`] if no key of ours made any of the signatures.
    pub fn admit(&self, proof: &HeaderProof, body: Bytes) -> Result<Delivery, Refusal> {
        let proven = match proof {
            HeaderProof::Token => true,
            HeaderProof::Signature(claim) => {
                self.credentials.signing_keys.iter().any(|key| claim.is_made_by(key, &body))
            }
        };
        if proven { Ok(Delivery { body }) } else { Err(Refusal::WrongSignature) }
    }

    /// Compares with every token, so that the time tells neither which one fits nor how much of it.
    fn knows(&self, token: &[u8]) -> bool {
        let found = self
            .credentials
            .secret_tokens
            .iter()
            .map(|known| known.expose().as_bytes().ct_eq(token))
            .fold(subtle::Choice::from(0), |found, fits| found | fits);
        found.into()
    }
}

impl SignatureClaim {
    /// Whether the key signs `id.timestamp.body` as one of the signatures claims.
    fn is_made_by(&self, key: &SigningKey, body: &[u8]) -> bool {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.bytes()) else {
            return false;
        };
        for part in [&self.id, b".".as_slice(), &self.timestamp, b".", body] {
            mac.update(part);
        }
        let expected = mac.finalize().into_bytes();
        self.signatures.iter().any(|signature| signature.as_slice().ct_eq(expected.as_slice()).into())
    }
}

fn claim(headers: &HeaderMap, now: Millis) -> Result<SignatureClaim, Refusal> {
    let raw = |name: &str| headers.get(name).map(|value| value.as_bytes().to_vec());
    let (Some(id), Some(timestamp), Some(list)) =
        (raw("webhook-id"), raw("webhook-timestamp"), raw("webhook-signature"))
    else {
        return Err(Refusal::Malformed);
    };
    let seconds: i64 = std::str::from_utf8(&timestamp)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .ok_or(Refusal::Malformed)?;
    if (now.0 / 1000).saturating_sub(seconds).saturating_abs() > TOLERANCE_SECONDS {
        return Err(Refusal::OutOfTime);
    }
    let signatures: Vec<_> = list
        .split(|byte| *byte == b' ')
        .filter_map(|entry| entry.strip_prefix(b"v1,"))
        .take(MOST_SIGNATURES)
        .filter_map(|signature| STANDARD.decode(signature).ok())
        .collect();
    if signatures.is_empty() {
        return Err(Refusal::Malformed);
    }
    Ok(SignatureClaim { id, timestamp, signatures })
}
