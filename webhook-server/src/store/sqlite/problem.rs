//! Why a file cannot be opened, or a statement failed.

use std::io::ErrorKind;

use rusqlite::ErrorCode;

use crate::store::StoreError;

/// Why a file cannot be opened.
#[derive(Debug)]
pub(super) enum Problem {
    /// There is no room on the disk. That may change.
    Full,
    /// Another process has it: a sentence.
    Taken(String),
    /// The predicate of a sentence about the file.
    Ours(String),
    /// A sentence.
    Other(String),
    Sqlite(rusqlite::Error),
}

impl Problem {
    pub(super) fn ours(what: impl Into<String>) -> Self {
        Self::Ours(what.into())
    }

    /// What the system refused, for want of room or for the reason that the sentence gives.
    pub(super) fn of_system(error: &std::io::Error, sentence: String) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Other(sentence),
        }
    }
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// What went wrong, and what to do about it.
pub(super) fn explain(error: &rusqlite::Error) -> String {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => "is no SQLite database, or its header is damaged: \
             restore it from a backup, or move it away to begin an empty inbox"
            .to_owned(),
        Some(ErrorCode::DatabaseCorrupt) => {
            "is damaged, or cannot be read from its disk: restore it from a backup, or recover what is left with \
             `sqlite3 … .recover`"
                .to_owned()
        }
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            format!("cannot be written ({error}): give this user the right to write it and its directory")
        }
        Some(ErrorCode::DatabaseBusy) => {
            "is in use by another program, such as a shell that has a transaction open: end that".to_owned()
        }
        _ => format!("cannot be used: {error}"),
    }
}

/// What an error of a statement means to the store's caller.
pub(super) fn store_error(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::DiskFull,
        _ => StoreError::Broken(error.to_string()),
    }
}
