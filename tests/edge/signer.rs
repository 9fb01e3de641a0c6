//! Signs deliveries without any code of Escalator: HMAC-SHA256 written out after RFC 2104.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The block of SHA-256.
const BLOCK_BYTES: usize = 64;

/// A signing token for this key.
pub fn token(key: &[u8]) -> String {
    format!("whsec_{}", STANDARD.encode(key))
}

/// The signature of a delivery, as it stands in `webhook-signature`.
pub fn sign(key: &[u8], id: &[u8], timestamp: &[u8], body: &[u8]) -> String {
    let message = [id, b".", timestamp, b".", body].concat();
    format!("v1,{}", STANDARD.encode(hmac(key, &message)))
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0; BLOCK_BYTES];
    if key.len() > BLOCK_BYTES {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

/// RFC 4231, test case 2.
#[test]
fn the_signer_knows_hmac() {
    let mac = hmac(b"Jefe", b"what do ya want for nothing?");
    assert_eq!(mac[..8], [0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e]);
}
