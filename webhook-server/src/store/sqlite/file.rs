//! The file: opening it, or saying in one sentence why not.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use super::connection::configure;
use super::disk_space::is_full;
use super::file_systems::{self, Kind};
use super::lock::lock;
use super::paths::{beside, check, directory, open_or_make, real};
use super::schema::Schema;
use crate::store::OpenError;
use crate::store::Opening;

/// How long to wait for another program that has the database locked.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The first version without the bug that could corrupt a database when its log was reset.
/// (<https://www.sqlite.org/wal.html#walresetbug>)
const SQLITE_AT_LEAST: (i32, &str) = (3_051_003, "3.51.3");

/// An inbox's file.
#[derive(Debug)]
pub(super) struct InboxFile {
    pub(super) path: PathBuf,
    /// How long to wait for another process that has it.
    patience: Duration,
    held: Mutex<Held>,
}

/// What this process has of an inbox; nothing of one that it only reads.
#[derive(Debug, Default)]
struct Held {
    /// Locked for as long as this lives: the proof that no other process writes the file.
    lock: Option<File>,
    /// Whether the file was there, or was made. One that is gone since is not made again.
    is_made: bool,
}

impl InboxFile {
    /// Checks that an inbox may be at a path. Writes nothing.
    pub(super) fn at(path: &Path, opening: &Opening) -> Result<Self, OpenError> {
        let shown = path.display();
        let problem = |sentence: String| Err(OpenError::Unusable(sentence));
        if rusqlite::version_number() < SQLITE_AT_LEAST.0 {
            return problem(format!(
                "SQLite {} can corrupt an inbox: {} or newer is needed",
                rusqlite::version(),
                SQLITE_AT_LEAST.1
            ));
        }
        if path.is_dir() {
            return problem(format!("{shown} is a directory: name a file in it"));
        }
        if !directory(path).is_dir() {
            return problem(format!(
                "{shown} cannot be made: there is no directory {}, create it",
                directory(path).display()
            ));
        }
        // Two names of one file have one lock.
        let path = real(path);
        check(&path)?;
        if let Some((name, Kind::Shared)) = file_systems::of(directory(&path))
            && !opening.on_network_disk
        {
            return problem(format!(
                "{shown} is on a file system that other machines may share ({name}), where SQLite's log is not safe: \
                 choose a local disk; or, if this machine alone uses it and its locks work, allow it with \
                 --inbox-on-network-disk"
            ));
        }
        if is_mounted_alone(&path) {
            return problem(format!(
                "{shown} is mounted by itself, so its log would lie on another disk: mount its directory instead"
            ));
        }
        let orphan = beside(&path, "-wal");
        if !path.exists() && std::fs::metadata(&orphan).is_ok_and(|log| log.len() > 0) {
            return problem(format!(
                "{} holds events, but {shown}, to which it belongs, is gone: put both back, or move it away",
                orphan.display()
            ));
        }
        Ok(Self { path, patience: opening.patience, held: Mutex::default() })
    }

    /// Checks that there is an inbox to be read.
    pub(super) fn to_read(path: &Path) -> Result<Self, OpenError> {
        let file = Self { path: real(path), patience: Duration::ZERO, held: Mutex::default() };
        let schema = file.open_reader().map_err(Problem::Sqlite).and_then(|db| Schema::of(&db));
        match schema {
            Ok(schema) if schema.is_current() => Ok(file),
            Ok(_) => Err(file.refused(Problem::ours(
                "is not an inbox yet: `serve` makes it one, or brings it up to date",
            ))),
            Err(problem) => Err(file.refused(file.classify(problem))),
        }
    }

    /// Opens the one connection that writes: locks the file and makes it, if that is not done, and brings its schema up to
    /// date. If that fails, and will fail again, what was made for it is removed.
    pub(super) fn open(&self) -> Result<Connection, Problem> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut made = Vec::new();
        let opened = self.open_noting(&mut held, &mut made).map_err(|problem| self.classify(problem));
        if matches!(opened, Err(Problem::Ours(_) | Problem::Other(_) | Problem::Sqlite(_)))
            && !made.is_empty()
        {
            for path in made {
                let _ = std::fs::remove_file(path);
            }
            // Unlocked last: who waits for the lock sees that its file is gone.
            *held = Held::default();
        }
        opened
    }

    /// Notes the files that it makes.
    fn open_noting(&self, held: &mut Held, made: &mut Vec<PathBuf>) -> Result<Connection, Problem> {
        if held.lock.is_none() {
            held.lock = Some(lock(&self.path, self.patience, made)?);
        }
        if !held.is_made {
            let (_, is_new) = open_or_make(&self.path).map_err(|error| {
                let sentence = format!("{} cannot be written: {error}", self.path.display());
                Problem::of_system(&error, sentence)
            })?;
            if is_new {
                made.extend(["", "-wal", "-shm"].map(|ending| beside(&self.path, ending)));
            }
            held.is_made = true;
        }
        open_writer(&self.path)
    }

    /// Tells a disk that is full from other errors, also where SQLite says it in other words: it cannot make its log, or
    /// the index of that.
    pub(super) fn classify(&self, problem: Problem) -> Problem {
        let Problem::Sqlite(error) = &problem else { return problem };
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Problem::Full,
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) if is_full(directory(&self.path)) => {
                Problem::Full
            }
            _ => problem,
        }
    }

    /// Opens it again after an error.
    pub(super) fn reopen(&self) -> rusqlite::Result<Connection> {
        self.open().map_err(|problem| match problem {
            Problem::Sqlite(error) => error,
            Problem::Full => rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), None),
            other => {
                let sentence = self.refused(other).to_string();
                rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_ERROR), Some(sentence))
            }
        })
    }

    /// Whether this process is the one that may write it.
    pub(super) fn is_locked(&self) -> bool {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).lock.is_some()
    }

    /// Opens a connection that only reads.
    pub(super) fn open_reader(&self) -> rusqlite::Result<Connection> {
        let reader = Connection::open_with_flags(&self.path, flags(OpenFlags::SQLITE_OPEN_READ_ONLY))?;
        reader.busy_timeout(BUSY_TIMEOUT)?;
        Ok(reader)
    }

    /// The problem as a sentence about this file.
    pub(super) fn refused(&self, problem: Problem) -> OpenError {
        let shown = self.path.display();
        match problem {
            Problem::Full => OpenError::Unusable(format!(
                "{shown} cannot be opened: the disk is full, and SQLite needs room for its log"
            )),
            Problem::Taken(sentence) => OpenError::Taken(sentence),
            Problem::Ours(what) => OpenError::Unusable(format!("{shown} {what}")),
            Problem::Other(sentence) => OpenError::Unusable(sentence),
            Problem::Sqlite(error) => OpenError::Unusable(format!("{shown} {}", explain(&error))),
        }
    }
}

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

/// Whether a file is a mount of its own, such as a container's volume that names a file, and what lies beside it is on
/// another disk.
#[cfg(target_os = "linux")]
fn is_mounted_alone(path: &Path) -> bool {
    use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
    let found = |path: &Path| statx(CWD, path, AtFlags::empty(), StatxFlags::MNT_ID).ok();
    let (Some(file), Some(directory)) = (found(path), found(directory(path))) else { return false };
    // The layers of an overlay have devices of their own, and one mount.
    let device = |found: &rustix::fs::Statx| (found.stx_dev_major, found.stx_dev_minor);
    file.stx_mnt_id != directory.stx_mnt_id && device(&file) != device(&directory)
}

#[cfg(not(target_os = "linux"))]
fn is_mounted_alone(_path: &Path) -> bool {
    false
}

/// SQLite's own mutexes and shared caches are not needed: each connection has one thread at a time.
fn flags(access: OpenFlags) -> OpenFlags {
    access | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn open_writer(path: &Path) -> Result<Connection, Problem> {
    let mut db = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
    configure(&mut db)?;
    db.busy_timeout(BUSY_TIMEOUT)?;
    let schema = Schema::of(&db)?;
    if schema == Schema::None {
        // These two can be chosen before the first page is written only.
        db.pragma_update(None, "page_size", 8192)?;
        db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    let mode: String = db.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Problem::Ours(format!(
            "cannot use a write-ahead log here (SQLite stays in mode {mode})"
        )));
    }
    // A commit is on the disk when it returns.
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "mmap_size", 0)?;
    // The writer makes the checkpoints itself, between its batches.
    db.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    db.pragma_update_and_check(None, "journal_size_limit", 64 * 1024 * 1024, |_| Ok(()))?;
    if !schema.is_current() {
        schema.bring_up_to_date(&mut db)?;
    }
    Ok(db)
}

/// What went wrong, and what to do about it.
fn explain(error: &rusqlite::Error) -> String {
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
