//! Keys that every store's indexes accept, whatever is in an event.
//!
//! An object's id, and the field by which a handler orders its tasks, may be any text. PostgreSQL keeps no NUL, and no index
//! of it keeps more than a third of a page (2,704 bytes).

use std::sync::Arc;

use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{NewEvent, StoreError};
use crate::report::format::hex;

/// The longest key that is kept as it is, in bytes. The text of a key's scope stands beside it in an index.
const LONGEST: usize = 1024;

/// A key as it is stored: one that is too long, or has a NUL, is replaced by its digest. Equal keys stay equal, and different
/// ones different.
pub(crate) fn stored_key(key: String) -> String {
    if key.len() <= LONGEST && !key.contains('\0') {
        return key;
    }
    format!("sha256:{}", hex(&Sha256::digest(&key)))
}

/// Why an event cannot be kept.
#[derive(Clone, Copy, Debug, Error)]
enum Unkeepable {
    #[error("`{0}` contains U+0000")]
    Nul(&'static str),
    #[error("`{0}` is longer than {LONGEST} bytes")]
    Long(&'static str),
}

/// The object that an event is about.
const OBJECT: &str = "data.object.id";

/// Checks that every store can keep an event. The texts that are not checked are names of ours, or the event's id and type,
/// which are short and plain.
///
/// # Errors
///
/// Fails with [`StoreError::Refused`].
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(super) fn keepable(event: &NewEvent) -> Result<(), StoreError> {
    let envelope = &*event.envelope;
    let texts =
        [(OBJECT, &event.object_id), ("account", &envelope.account), ("api_version", &envelope.api_version)];
    for (name, text) in texts.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?))) {
        let why = match text {
            text if text.contains('\0') => Unkeepable::Nul(name),
            // It is part of the event's identity, by which an index finds it.
            text if name == OBJECT && text.len() > LONGEST => Unkeepable::Long(name),
            _ => continue,
        };
        return Err(StoreError::Refused(Arc::new(why)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_no_index_keeps_is_replaced_by_its_digest() {
        for key in ["", "|pi_1", "acct_1|höher", &"x".repeat(LONGEST)] {
            assert_eq!(stored_key(key.to_owned()), key);
        }
        assert_eq!(
            stored_key("\0".to_owned()),
            "sha256:6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        );
        let long = stored_key("x".repeat(LONGEST + 1));
        assert_eq!(long.len(), "sha256:".len() + 64);
        assert_ne!(long, stored_key("x".repeat(LONGEST + 2)));
    }
}
