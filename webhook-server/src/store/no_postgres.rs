//! In place of the store in PostgreSQL, in a program that was built without the feature `postgres`: the check of the settings
//! refuses a URL, and nothing can be opened.
//!
//! The functions are those of `postgres/open.rs`, so that `location.rs` needs no other `cfg`.

use std::sync::Arc;

use super::{OpenError, Opening, Store};

/// What is said of a URL.
const NOT_BUILT: &str = "a file's name or :memory:, because this program was built without the feature `postgres` of \
                         `webhook-server`";

pub(crate) fn check_url(_: &str) -> Result<(), String> {
    Err(NOT_BUILT.to_owned())
}

pub(crate) fn open(_: &str, _: &Opening) -> Result<Arc<dyn Store>, OpenError> {
    Err(OpenError::NotBuilt { feature: "postgres" })
}

pub(crate) fn check(_: &str, _: &Opening) -> Result<(), OpenError> {
    Err(OpenError::NotBuilt { feature: "postgres" })
}

#[cfg(feature = "cli")]
pub(crate) fn inspect(_: &str, _: &Opening) -> Result<Option<super::Condition>, OpenError> {
    Err(OpenError::NotBuilt { feature: "postgres" })
}

#[cfg(feature = "cli")]
pub(crate) async fn migrate(_: &str, _: &Opening) -> Result<bool, OpenError> {
    Err(OpenError::NotBuilt { feature: "postgres" })
}

#[cfg(feature = "cli")]
pub(crate) async fn migration_script(_: &str, _: &Opening) -> Result<String, OpenError> {
    Err(OpenError::NotBuilt { feature: "postgres" })
}

pub(crate) fn cautions(_: &str) -> Vec<String> {
    Vec::new()
}
