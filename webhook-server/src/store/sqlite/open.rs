//! Opening an inbox that SQLite keeps.

use std::path::Path;
use std::sync::Arc;

use super::Sqlite;
pub(crate) use super::cautions::cautions;
use super::in_memory::InMemory;
#[cfg(feature = "cli")]
pub(crate) use super::inspect::inspect;
use super::on_disk::OnDisk;
use crate::store::clock::StoreClock;
use crate::store::{OpenError, Opening, Store};

/// Opens the inbox in a file, or creates it. Waits, and blocks its thread, while another process has it.
pub(crate) fn open(path: &Path, opening: &Opening) -> Result<Arc<dyn Store>, OpenError> {
    Ok(Arc::new(Sqlite::<OnDisk>::open(path, opening)?))
}

/// Checks whether the file could be opened, as far as that can be known without writing anything.
pub(crate) fn check(path: &Path, opening: &Opening) -> Result<(), OpenError> {
    Sqlite::<OnDisk>::check(path, opening)
}

/// Opens the inbox in a file to read only, whether a server has it or not.
pub(crate) fn open_to_read(path: &Path) -> Result<Arc<dyn Store>, OpenError> {
    Ok(Arc::new(Sqlite::<OnDisk>::open_to_read(path)?))
}

/// Opens an empty inbox in memory. It uses `clock`, or the system's clock if there is none. Each operation is done when its
/// future is made: a test whose time is paused does not wait for a thread.
pub(crate) fn open_in_memory(clock: Option<StoreClock>) -> Result<Arc<dyn Store>, OpenError> {
    Ok(Arc::new(Sqlite::<InMemory>::in_memory(clock)?))
}
