//! Where an inbox is kept, and opening it.
//!
//! This is the only place that chooses a store. Another kind of store is another [`InboxLocation`] and another arm of
//! [`open`] and [`check`].

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[cfg(not(feature = "sqlite"))]
use super::no_sqlite as backend;
#[cfg(feature = "sqlite")]
use super::sqlite::open as backend;
pub(crate) use backend::{open_in_memory, open_to_read};

use super::{OpenError, Store};

/// What the setting `inbox` must be.
pub(crate) const A_FILE: &str = "a file's name or :memory:";

/// Where an inbox is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InboxLocation {
    /// In this SQLite file, which is created if it does not exist.
    File(std::path::PathBuf),
    /// In memory, for tests and development: it is lost when the process ends.
    Memory,
}

impl InboxLocation {
    /// Checks that there is a name, and that it is not the URL of a database, whose password would be shown as a part of
    /// the file's name.
    ///
    /// # Errors
    ///
    /// Says what it must be instead.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self {
            Self::File(path) if path.as_os_str().is_empty() || path.to_string_lossy().contains("://") => {
                Err(A_FILE.to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Whether the file exists already.
    pub(crate) fn exists(&self) -> bool {
        matches!(self, Self::File(path) if path.exists())
    }
}

/// How an inbox is opened.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    /// Free space on the disk, in bytes, below which events are refused.
    pub(crate) disk_floor: u64,
    /// Whether the file may lie on a file system that other machines may share.
    pub(crate) on_network_disk: bool,
    /// How long to wait while another process has the inbox open.
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

/// Checks whether the inbox could be opened, as far as that can be known without writing anything.
///
/// # Errors
///
/// Fails if the inbox cannot be used.
pub(crate) fn check(location: &InboxLocation, opening: &Opening) -> Result<(), OpenError> {
    match location {
        InboxLocation::File(path) => backend::check(path, opening),
        InboxLocation::Memory => open_in_memory(None).map(drop),
    }
}

/// In which condition a start would find an inbox.
#[cfg(feature = "cli")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// There is none: a start creates it.
    Absent,
    /// A start brings its schema up to date.
    Older,
    Current,
}

/// Looks at the inbox without changing anything, also while a server has it.
///
/// # Errors
///
/// Fails if a start could not open it.
#[cfg(feature = "cli")]
pub(crate) fn inspect(location: &InboxLocation, opening: &Opening) -> Result<Condition, OpenError> {
    match location {
        InboxLocation::File(path) => backend::inspect(path, opening),
        InboxLocation::Memory => Ok(Condition::Absent),
    }
}

/// What an operator should know of an inbox that can be used all the same: a sentence for each.
pub(crate) fn cautions(path: &Path) -> Vec<String> {
    backend::cautions(path)
}
