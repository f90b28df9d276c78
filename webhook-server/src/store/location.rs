//! Where an inbox is kept, and opening it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::clock::StoreClock;
use super::{OpenError, Store, memory, sqlite};

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

/// Opens where the inbox is kept. Waits, and blocks its thread, while another process has it.
///
/// # Errors
///
/// Says in one sentence why it cannot be used.
pub(crate) fn open(location: &InboxLocation, opening: &Opening) -> Result<Arc<dyn Store>, OpenError> {
    match location {
        InboxLocation::File(path) => Ok(Arc::new(sqlite::Sqlite::open(Path::new(path), opening)?)),
        InboxLocation::Memory => Ok(Arc::new(memory::Memory::new(StoreClock::system(0)))),
    }
}

/// Looks whether the inbox could be opened, as far as that can be told without writing anything.
///
/// # Errors
///
/// Says in one sentence why it cannot be used.
pub(crate) fn check(location: &InboxLocation, opening: &Opening) -> Result<(), OpenError> {
    match location {
        InboxLocation::File(path) => sqlite::Sqlite::check(path, opening),
        InboxLocation::Memory => Ok(()),
    }
}

/// Opens where the inbox is kept, to be read only, whether a server has it or not.
///
/// # Errors
///
/// Says in one sentence why it cannot be read.
pub(crate) fn open_to_read(path: &Path) -> Result<Arc<dyn Store>, OpenError> {
    Ok(Arc::new(sqlite::Sqlite::open_to_read(path)?))
}
