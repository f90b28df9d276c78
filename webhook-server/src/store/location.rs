//! Where an inbox is kept, and opening it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::clock::StoreClock;
use super::sqlite::Sqlite;
use super::sqlite::in_memory::InMemory;
use super::sqlite::on_disk::OnDisk;
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

/// Opens where the inbox is kept. Waits, and blocks its thread, while another process has it.
///
/// # Errors
///
/// Fails if the inbox cannot be used.
pub(crate) fn open(location: &InboxLocation, opening: &Opening) -> Result<Arc<dyn Store>, OpenError> {
    match location {
        InboxLocation::File(path) => Ok(Arc::new(Sqlite::<OnDisk>::open(path, opening)?)),
        InboxLocation::Memory => open_in_memory(None),
    }
}

/// Opens an empty inbox in memory. It goes by `clock`, or without one by the system's. Each operation is done when its
/// future is made: a test whose time is paused does not wait for a thread.
///
/// # Errors
///
/// Fails if SQLite cannot make a database in memory.
pub(crate) fn open_in_memory(clock: Option<StoreClock>) -> Result<Arc<dyn Store>, OpenError> {
    Ok(Arc::new(Sqlite::<InMemory>::in_memory(clock)?))
}

/// Looks whether the inbox could be opened, as far as that can be told without writing anything.
///
/// # Errors
///
/// Fails if the inbox cannot be used.
pub(crate) fn check(location: &InboxLocation, opening: &Opening) -> Result<(), OpenError> {
    match location {
        InboxLocation::File(path) => Sqlite::<OnDisk>::check(path, opening),
        InboxLocation::Memory => Ok(()),
    }
}

/// Opens where the inbox is kept, to be read only, whether a server has it or not.
///
/// # Errors
///
/// Fails if the inbox cannot be read.
pub(crate) fn open_to_read(path: &Path) -> Result<Arc<dyn Store>, OpenError> {
    Ok(Arc::new(Sqlite::<OnDisk>::open_to_read(path)?))
}
