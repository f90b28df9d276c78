//! Where an inbox is kept, and opening it.
//!
//! This is the only place that chooses a store. Another kind of store is another [`InboxLocation`] and another arm of
//! [`open`] and [`check`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

#[cfg(not(feature = "postgres"))]
use super::no_postgres as database;
#[cfg(not(feature = "sqlite"))]
use super::no_sqlite as backend;
#[cfg(feature = "postgres")]
use super::postgres::open as database;
#[cfg(feature = "sqlite")]
use super::sqlite::open as backend;
pub(crate) use backend::{open_in_memory, open_to_read};

use super::{OpenError, Store};
use crate::report::format::masked;

/// What the setting `inbox` must be.
pub(crate) const LOCATION: &str =
    "a file's name, :memory: or the URL of a database of PostgreSQL (postgres://…)";

/// How the URL of a database begins.
pub(crate) const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// Where an inbox is kept.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InboxLocation {
    /// In this SQLite file, which is created if it does not exist.
    File(std::path::PathBuf),
    /// In memory, for tests and development: it is lost when the process ends.
    Memory,
    /// In the database with this URL, such as `postgres://user:password@host/database`. Several instances may share it.
    /// Needs the feature `postgres`.
    Postgres(String),
}

/// Shows no password.
impl fmt::Debug for InboxLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Memory => f.write_str("Memory"),
            Self::Postgres(url) => f.debug_tuple("Postgres").field(&masked(url)).finish(),
        }
    }
}

impl InboxLocation {
    /// The location that a text means.
    pub(crate) fn of(text: &std::ffi::OsStr) -> Self {
        match text.to_str() {
            Some(MEMORY) => Self::Memory,
            Some(url) if SCHEMES.iter().any(|scheme| url.starts_with(scheme)) => {
                Self::Postgres(url.to_owned())
            }
            _ => Self::File(text.into()),
        }
    }

    /// The location as a message shows it: a file's name, `:memory:`, or a URL without its password.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Memory => MEMORY.to_owned(),
            Self::Postgres(url) => masked(url),
        }
    }

    /// Checks that there is a name, and that it is not the address of a database in another form, whose password would
    /// be shown as a part of the file's name.
    ///
    /// # Errors
    ///
    /// Says what it must be instead.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self {
            Self::File(path) if !is_file_name(&path.to_string_lossy()) => Err(LOCATION.to_owned()),
            Self::Postgres(url) => database::check_url(url),
            _ => Ok(()),
        }
    }

    /// Whether the URL contains a password.
    pub(crate) fn has_password(&self) -> bool {
        let Self::Postgres(url) = self else { return false };
        let rest = SCHEMES.iter().find_map(|scheme| url.strip_prefix(scheme)).unwrap_or_default();
        let (before, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let login = before.rsplit_once('@').map_or("", |(login, _)| login);
        login.contains(':') || parameters.split('&').any(|parameter| parameter.starts_with("password="))
    }

    /// Whether the file exists already.
    pub(crate) fn exists(&self) -> bool {
        matches!(self, Self::File(path) if path.exists())
    }
}

/// Whether a text can be meant as the name of a file, and not as the address of a database.
fn is_file_name(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let is_address = lower.contains("://")
        || ["postgres:", "postgresql:"].iter().any(|scheme| lower.starts_with(scheme))
        || lower.contains("password=");
    !text.is_empty() && !is_address
}

/// How an inbox is opened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Opening {
    /// Free space on the disk, in bytes, below which events are refused.
    pub(crate) disk_floor: u64,
    /// Whether the file may lie on a file system that other machines may share.
    pub(crate) on_network_disk: bool,
    /// How long to wait while another process has the inbox open.
    pub(crate) patience: Duration,
    /// The name of the inbox's schema in a database.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "a file has no schema"))]
    pub(crate) schema: String,
    /// Whether a schema that is older than this program is brought up to date.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "a file is always brought up to date"))]
    pub(crate) migrates: bool,
    /// The maximum number of connections to a database.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "a file has no connections"))]
    pub(crate) connections: u32,
    /// How long an instance keeps its tasks without showing that it is alive.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "a file has one instance"))]
    pub(crate) lease: Duration,
    /// How long the tasks of a handler that no live instance has wait before they are parked.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "a file has one instance"))]
    pub(crate) missing_handler: Duration,
    /// Whether events are to be received. If not, a database that is away is not opened.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "a file is never away"))]
    pub(crate) serves: bool,
    /// How many handlers run at once, for operators who list the instances.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "a file has one instance"))]
    pub(crate) slots: u32,
}

const MEMORY: &str = ":memory:";

/// Opens the inbox. Waits, and blocks its thread, while another process has it. To receive events, a database that is away is
/// opened all the same; its operations fail until it is back.
///
/// # Errors
///
/// Fails if the inbox cannot be used.
pub(crate) fn open(location: &InboxLocation, opening: &Opening) -> Result<Arc<dyn Store>, OpenError> {
    match location {
        InboxLocation::File(path) => backend::open(path, opening),
        InboxLocation::Memory => open_in_memory(None),
        InboxLocation::Postgres(url) => database::open(url, opening),
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
        InboxLocation::Postgres(url) => database::check(url, opening),
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
    /// The database cannot be reached at present.
    Away,
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
        InboxLocation::Postgres(url) => Ok(database::inspect(url, opening)?.unwrap_or(Condition::Away)),
    }
}

/// Brings the schema of a database up to date. Returns whether it was behind; `None` if the inbox is not in a database.
///
/// # Errors
///
/// Fails if the database cannot be reached or used.
#[cfg(feature = "cli")]
pub(crate) async fn migrate(location: &InboxLocation, opening: &Opening) -> Result<Option<bool>, OpenError> {
    match location {
        InboxLocation::Postgres(url) => database::migrate(url, opening).await.map(Some),
        InboxLocation::File(_) | InboxLocation::Memory => Ok(None),
    }
}

/// The SQL that would bring the schema of a database up to date; `None` if the inbox is not in a database.
///
/// # Errors
///
/// Fails if the database cannot be reached or used.
#[cfg(feature = "cli")]
pub(crate) async fn migration_script(
    location: &InboxLocation,
    opening: &Opening,
) -> Result<Option<String>, OpenError> {
    match location {
        InboxLocation::Postgres(url) => database::migration_script(url, opening).await.map(Some),
        InboxLocation::File(_) | InboxLocation::Memory => Ok(None),
    }
}

/// What an operator should know of an inbox that can be used all the same: a sentence for each.
pub(crate) fn cautions(location: &InboxLocation) -> Vec<String> {
    match location {
        InboxLocation::File(path) => backend::cautions(path),
        InboxLocation::Memory => Vec::new(),
        InboxLocation::Postgres(url) => database::cautions(url),
    }
}
