//! In place of a store, in a program that was built without the feature `sqlite`: nothing can be opened.
//!
//! The functions are those of `sqlite/open.rs`, so that `location.rs` needs no other `cfg`.

use std::path::Path;
use std::sync::Arc;

use super::clock::StoreClock;
use super::{OpenError, Opening, Store};

pub(crate) fn open(_: &Path, _: &Opening) -> Result<Arc<dyn Store>, OpenError> {
    Err(OpenError::NotBuilt { feature: "sqlite" })
}

pub(crate) fn check(_: &Path, _: &Opening) -> Result<(), OpenError> {
    Err(OpenError::NotBuilt { feature: "sqlite" })
}

#[cfg(feature = "cli")]
pub(crate) fn inspect(_: &Path, _: &Opening) -> Result<super::Condition, OpenError> {
    Err(OpenError::NotBuilt { feature: "sqlite" })
}

pub(crate) fn open_to_read(_: &Path) -> Result<Arc<dyn Store>, OpenError> {
    Err(OpenError::NotBuilt { feature: "sqlite" })
}

pub(crate) fn open_in_memory(_: Option<StoreClock>) -> Result<Arc<dyn Store>, OpenError> {
    Err(OpenError::NotBuilt { feature: "sqlite" })
}

pub(crate) fn cautions(_: &Path) -> Vec<String> {
    Vec::new()
}
