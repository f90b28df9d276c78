//! The file: opening it, or saying in one sentence why not.

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
/// (<https://www.sqlite.org/wal.html#walresetbug>)
pub(super) const SQLITE_AT_LEAST: (i32, &str) = (3_051_003, "3.51.3");

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
    pub(super) fn at(path: &Path, opening: &Opening) -> Result<Self, FileError> {
        let refuse = |problem| Err(FileError::new(path, problem));
        if rusqlite::version_number() < SQLITE_AT_LEAST.0 {
            return refuse(Problem::OldSqlite);
        }
        if path.is_dir() {
            return refuse(Problem::IsDirectory);
        }
        if !directory(path).is_dir() {
            return refuse(Problem::NoDirectory(directory(path).to_owned()));
        }
        // Two names of one file have one lock.
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

    /// Checks that there is an inbox to be read.
    pub(super) fn to_read(path: &Path) -> Result<Self, FileError> {
        let file = Self { path: real(path), patience: Duration::ZERO, held: Mutex::default() };
        let schema = file.open_reader().map_err(Problem::from).and_then(|db| Schema::of(&db));
        match schema {
            Ok(schema) if schema.is_current() => Ok(file),
            Ok(_) => Err(file.refused(Problem::Schema(SchemaProblem::NotYet))),
            Err(problem) => Err(file.refused(file.classify(problem))),
        }
    }

    /// Opens the one connection that writes: locks the file and makes it, if that is not done, and brings its schema up to
    /// date. If that fails, and will fail again, what was made for it is removed.
    pub(super) fn open(&self) -> Result<Connection, Problem> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut made = Vec::new();
        let opened = self.open_noting(&mut held, &mut made).map_err(|problem| self.classify(problem));
        let will_fail_again = |problem: &Problem| !matches!(problem, Problem::Full | Problem::InUse { .. });
        if opened.as_ref().is_err_and(will_fail_again) && !made.is_empty() {
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
            let (_, is_new) = open_or_make(&self.path).map_err(Problem::unwritable)?;
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

    /// Whether this process is the one that may write it.
    pub(super) fn is_locked(&self) -> bool {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).lock.is_some()
    }

    /// Opens a connection that only reads.
    pub(super) fn open_reader(&self) -> rusqlite::Result<Connection> {
        open_reader(&self.path)
    }

    /// The problem as one of this file.
    pub(super) fn refused(&self, problem: Problem) -> FileError {
        FileError::new(&self.path, problem)
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
