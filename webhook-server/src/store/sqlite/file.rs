//! The inbox's file: checking and opening it.
//!
//! In order: [`InboxFile::at`] checks the path and writes nothing; [`InboxFile::open`] locks, creates and migrates. If that
//! fails and would fail again, the files that it created are removed: a start that was refused leaves nothing behind.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, ffi};

use super::connection::{open_reader, open_writer};
use super::disk_space::is_full;
use super::file_systems::{self, Kind};
use super::lock::lock;
use super::paths::{check, open_or_make};
use super::problem::{FileError, Problem};
use super::schema::{Schema, SchemaProblem};
use crate::store::Opening;
use crate::store::paths::{beside, directory, real};

/// The first version without the bug that could corrupt a database when its log was reset.
/// (<https://www.sqlite.org/wal.html#walresetbug>) Versions before 3.51.0 also lack `wal_checkpoint(NOOP)`.
pub(super) const SQLITE_AT_LEAST: (i32, &str) = (3_051_003, "3.51.3");

/// An inbox's file.
#[derive(Debug)]
pub(super) struct InboxFile {
    pub(super) path: PathBuf,
    /// How long to wait while another process has the file open.
    patience: Duration,
    held: Mutex<Held>,
}

/// What this process holds of an inbox; nothing if it only reads.
#[derive(Debug, Default)]
struct Held {
    /// Locked as long as this value lives, which proves that no other process writes the file.
    lock: Option<File>,
    /// Whether the file existed or was created. If it disappears later, it is not created again.
    is_made: bool,
}

impl InboxFile {
    /// Checks that an inbox may be at a path. Writes nothing.
    ///
    /// # Errors
    ///
    /// Fails if the path, its file system or a file beside it does not allow an inbox.
    pub(super) fn at(path: &Path, opening: &Opening) -> Result<Self, FileError> {
        let refuse = |problem| Err(FileError::new(path, problem));
        if let Err(problem) = safe_sqlite(rusqlite::version_number(), rusqlite::version()) {
            return refuse(problem);
        }
        if path.is_dir() {
            return refuse(Problem::IsDirectory);
        }
        if !directory(path).is_dir() {
            return refuse(Problem::NoDirectory(directory(path).to_owned()));
        }
        // All names of a file share one lock.
        let path = real(path);
        check(&path).map_err(|problem| FileError::new(&path, problem))?;
        let refuse = |problem| Err(FileError::new(&path, problem));
        if let Some((name, Kind::Shared)) = file_systems::of(directory(&path))
            && !opening.on_network_disk
        {
            return refuse(Problem::Shared(name));
        }
        if is_mounted_alone(&path) {
            return refuse(Problem::MountedAlone);
        }
        let orphan = beside(&path, "-wal");
        if !path.exists() && std::fs::metadata(&orphan).is_ok_and(|log| log.len() > 0) {
            return refuse(Problem::LogAlone { inbox: path.clone() }.beside(&orphan));
        }
        Ok(Self { path, patience: opening.patience, held: Mutex::default() })
    }

    /// Checks that there is an inbox to read, with the schema of this program. Takes no lock.
    pub(super) fn to_read(path: &Path) -> Result<Self, FileError> {
        let file = Self { path: real(path), patience: Duration::ZERO, held: Mutex::default() };
        let schema = file.open_reader().map_err(Problem::from).and_then(|db| Schema::of(&db));
        match schema {
            Ok(schema) if schema.is_current() => Ok(file),
            Ok(_) => Err(file.refused(Problem::Schema(SchemaProblem::NotYet))),
            Err(problem) => Err(file.refused(file.classify(problem))),
        }
    }

    /// Opens the connection that writes: locks and creates the file if necessary, and brings its schema up to date. If
    /// that fails, and would fail again, the files that were created for it are removed.
    pub(super) fn open(&self) -> Result<Connection, Problem> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut made = Vec::new();
        let opened = self.open_noting(&mut held, &mut made).map_err(|problem| self.classify(problem));
        let will_fail_again = |problem: &Problem| !matches!(problem, Problem::Full | Problem::InUse { .. });
        if opened.as_ref().is_err_and(will_fail_again) && !made.is_empty() {
            for path in made {
                let _ = std::fs::remove_file(path);
            }
            // Unlocked last: another process that waits for the lock then sees that its file is gone.
            *held = Held::default();
        }
        opened
    }

    /// Adds the files that it creates to `made`.
    fn open_noting(&self, held: &mut Held, made: &mut Vec<PathBuf>) -> Result<Connection, Problem> {
        if held.lock.is_none() {
            held.lock = Some(lock(&self.path, self.patience, made)?);
        }
        if !held.is_made {
            let (_, is_new) = open_or_make(&self.path).map_err(Problem::unwritable)?;
            if is_new {
                made.extend(["", "-wal", "-shm"].map(|ending| beside(&self.path, ending)));
            }
            held.is_made = true;
        }
        open_writer(&self.path)
    }

    /// Recognises a full disk also where SQLite reports it otherwise: it cannot create its log, or the log's index.
    pub(super) fn classify(&self, problem: Problem) -> Problem {
        let (Problem::Sqlite(error) | Problem::Refused(error)) = &problem else { return problem };
        let may_be_full =
            matches!(error.sqlite_error_code(), Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen));
        if may_be_full && is_full(directory(&self.path)) { Problem::Full } else { problem }
    }

    /// Opens it again after an error.
    pub(super) fn reopen(&self) -> rusqlite::Result<Connection> {
        self.open().map_err(|problem| match problem {
            Problem::NotADatabase(error)
            | Problem::Damaged(error)
            | Problem::Locked(error)
            | Problem::Refused(error)
            | Problem::Sqlite(error) => error,
            Problem::Full => rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), None),
            other => {
                let why = self.refused(other).to_string();
                rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_ERROR), Some(why))
            }
        })
    }

    /// Whether this process has the lock.
    pub(super) fn is_locked(&self) -> bool {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).lock.is_some()
    }

    /// Opens a connection that only reads.
    pub(super) fn open_reader(&self) -> rusqlite::Result<Connection> {
        open_reader(&self.path)
    }

    /// The problem as an error about this file.
    pub(super) fn refused(&self, problem: Problem) -> FileError {
        FileError::new(&self.path, problem)
    }
}

/// Checks the SQLite that the program is linked with. It is the bundled one, unless the build was told to use another.
pub(super) fn safe_sqlite(number: i32, name: &'static str) -> Result<(), Problem> {
    if number < SQLITE_AT_LEAST.0 { Err(Problem::OldSqlite { linked: name }) } else { Ok(()) }
}

/// Whether a file is a mount of its own, such as a container's volume that names a file, so that the files beside it are
/// on another disk.
#[cfg(target_os = "linux")]
fn is_mounted_alone(path: &Path) -> bool {
    use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
    let found = |path: &Path| statx(CWD, path, AtFlags::empty(), StatxFlags::MNT_ID).ok();
    let (Some(file), Some(directory)) = (found(path), found(directory(path))) else { return false };
    // The layers of an overlay have different devices but one mount.
    let device = |found: &rustix::fs::Statx| (found.stx_dev_major, found.stx_dev_minor);
    file.stx_mnt_id != directory.stx_mnt_id && device(&file) != device(&directory)
}

#[cfg(not(target_os = "linux"))]
fn is_mounted_alone(_path: &Path) -> bool {
    false
}
