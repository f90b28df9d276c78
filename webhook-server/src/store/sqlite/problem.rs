//! Why a file cannot be opened, or a statement failed.
//!
//! A [`Problem`] is the predicate of a sentence whose subject is the file: "/srv/inbox.db is a directory". What to do
//! about it is in `report/unusable.rs`.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use thiserror::Error;

use super::file::SQLITE_AT_LEAST;
use super::schema::SchemaProblem;
use crate::store::StoreError;

/// Why an inbox's file, or a file beside it, cannot be used.
#[derive(Debug)]
pub(crate) struct FileError {
    /// The inbox, or the file beside it that has the problem.
    pub(crate) file: PathBuf,
    pub(crate) problem: Problem,
}

impl FileError {
    /// A problem with a file beside the inbox becomes an error about that file.
    pub(super) fn new(file: &Path, problem: Problem) -> Self {
        match problem {
            Problem::Beside { file, problem } => Self { file, problem: *problem },
            problem => Self { file: file.to_owned(), problem },
        }
    }

    /// Whether another process has the file open, perhaps only for a moment.
    pub(crate) fn is_in_use(&self) -> bool {
        matches!(self.problem, Problem::InUse { .. })
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.file.display(), self.problem)
    }
}

impl Error for FileError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.problem.source()
    }
}

/// What is wrong with a file: the predicate of a sentence about it.
#[derive(Debug, Error)]
pub(crate) enum Problem {
    /// The only problem that may pass by itself.
    #[error("cannot be opened: the disk is full, and SQLite needs space for its log")]
    Full,
    #[error("is in use by {}", name_of(*.process))]
    InUse {
        /// The id of the process that has it, if it is known.
        process: Option<u32>,
    },
    #[error(
        "needs SQLite {} or newer, and this program is linked with {linked}, which can corrupt a database when it resets \
         the write-ahead log",
        SQLITE_AT_LEAST.1
    )]
    OldSqlite { linked: &'static str },
    #[error("is a directory")]
    IsDirectory,
    #[error("cannot be created: there is no directory {}", .0.display())]
    NoDirectory(PathBuf),
    #[error("is on a file system that other machines may share ({0}), where SQLite's log is not safe")]
    Shared(&'static str),
    #[error("is mounted by itself, so its log would lie on another disk")]
    MountedAlone,
    #[error("contains events, but {}, to which it belongs, does not exist", .inbox.display())]
    LogAlone { inbox: PathBuf },
    #[error("is not {wanted}{}", if *.is_link { " but a symbolic link" } else { "" })]
    NotOurs { wanted: &'static str, is_link: bool },
    #[error("was not written by a server")]
    NotALock,
    #[error("cannot be written")]
    Unwritable(#[source] io::Error),
    #[error("cannot be read")]
    Unreadable(#[source] io::Error),
    #[error("cannot be locked")]
    Unlockable(#[source] io::Error),
    #[error("cannot be used: could not start the thread that writes it")]
    NoThread(#[source] io::Error),
    #[error("cannot use a write-ahead log here (SQLite stays in mode {mode})")]
    NoLog { mode: String },
    #[error(transparent)]
    Schema(SchemaProblem),
    #[error("is not a SQLite database, or its header is damaged")]
    NotADatabase(rusqlite::Error),
    #[error("is damaged, or cannot be read from its disk")]
    Damaged(rusqlite::Error),
    #[error("is in use by another program, such as a shell that has a transaction open")]
    Locked(rusqlite::Error),
    #[error("cannot be written")]
    Refused(#[source] rusqlite::Error),
    #[error("cannot be used")]
    Sqlite(#[source] rusqlite::Error),
    /// The problem is with a file beside the inbox.
    #[error("cannot be used: {} {problem}", .file.display())]
    Beside { file: PathBuf, problem: Box<Self> },
}

/// A process, as messages name it.
pub(super) fn name_of(process: Option<u32>) -> String {
    process.map_or_else(|| "another process".to_owned(), |id| format!("process {id}"))
}

impl Problem {
    /// Returns this problem as one of a file beside the inbox.
    pub(super) fn beside(self, file: &Path) -> Self {
        match self {
            // Whichever file shows it, the whole disk is full.
            Self::Full => Self::Full,
            problem => Self::Beside { file: file.to_owned(), problem: Box::new(problem) },
        }
    }

    /// The problem of a write that the system refused.
    pub(super) fn unwritable(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Unwritable(error),
        }
    }
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotADatabase(error),
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged(error),
            Some(ErrorCode::DatabaseBusy) => Self::Locked(error),
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::Refused(error)
            }
            _ => Self::Sqlite(error),
        }
    }
}

/// Converts an error of a statement for the store's caller.
pub(super) fn store_error(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::DiskFull,
        _ => StoreError::broken(error),
    }
}
