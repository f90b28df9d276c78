//! An independent HMAC, so that the crate's own is compared with something.

use sha2::{Digest, Sha256};

/// HMAC-SHA256 after RFC 2104, section 2.
pub(crate) fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let padded = |pad: u8| block.map(|byte| byte ^ pad);
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The `v1` of a body, for any text of `t`.
pub(crate) fn v1(key: &str, timestamp: &str, body: &[u8]) -> String {
    hex(&hmac(key.as_bytes(), &[timestamp.as_bytes(), b".", body].concat()))
}
