//! Where an inbox is kept, and opening it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[cfg(not(feature = "sqlite"))]
use super::no_sqlite as backend;
#[cfg(feature = "sqlite")]
use super::sqlite::open as backend;
pub(crate) use backend::{open_in_memory, open_to_read};

use super::{OpenError, Store};

/// Where an inbox is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InboxLocation {
    /// In this SQLite file, which is made if it is not there.
    File(std::path::PathBuf),
    /// In memory, for tests: what is in it is lost with the process.
    Memory,
}

impl InboxLocation {
    /// Whether there is something already.
    pub(crate) fn exists(&self) -> bool {
        matches!(self, Self::File(path) if path.exists())
    }
}

/// How an inbox is opened.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    /// In bytes: below it, nothing is taken in.
    pub(crate) disk_floor: u64,
    /// Whether it may lie where several machines can write.
    pub(crate) on_network_disk: bool,
    /// How long to wait for another process that has it.
    pub(crate) patience: Duration,
}

/// Opens the inbox. Waits, and blocks its thread, while another process has it.
///
/// # Errors
///
/// Fails if the inbox cannot be used.
pub(crate) fn open(location: &InboxLocation, opening: &Opening) -> Result<Arc<dyn Store>, OpenError> {
    match location {
        InboxLocation::File(path) => backend::open(path, opening),
        InboxLocation::Memory => open_in_memory(None),
    }
}

/// Checks whether the inbox could be opened, as far as that can be told without writing anything.
///
/// # Errors
///
/// Fails if the inbox cannot be used.
pub(crate) fn check(location: &InboxLocation, opening: &Opening) -> Result<(), OpenError> {
    match location {
        InboxLocation::File(path) => backend::check(path, opening),
        InboxLocation::Memory => Ok(()),
    }
}

/// What an operator should know of an inbox that can be used all the same: a sentence for each.
pub(crate) fn cautions(path: &Path) -> Vec<String> {
    backend::cautions(path)
}
