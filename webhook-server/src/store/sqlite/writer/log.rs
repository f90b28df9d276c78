//! SQLite's write-ahead log: when it is copied into the database.
//!
//! SQLite would copy the log (a checkpoint) after a commit and make that commit wait. The writer does it between batches
//! instead, and keeps the log file from growing without limit.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, ffi};
use tracing::warn;

use crate::failpoint::failpoint;
use crate::store::sqlite::connection::BUSY_TIMEOUT;

/// From how many log pages (of 4 KiB) the log is copied when there is nothing else to do, and from how many it is copied
/// in any case.
const CHECKPOINT_SOON: i32 = 4_000;
const CHECKPOINT_NOW: i32 = 16_000;

/// After how many commits the length is looked at. SQLite compiles each pragma anew whenever it runs.
const LOOK_EVERY: u32 = 8;

/// From how many log pages that cannot be copied there is a warning: half a gigabyte.
const LOG_ALARM: i32 = 128_000;

/// The state of the log.
#[derive(Default)]
pub(super) struct Log {
    /// Whether there was a warning that they cannot be copied.
    is_stuck: bool,
    /// Whether part of the log may not have reached the disk.
    is_doubtful: bool,
    /// How many commits there were since its length was looked at.
    commits: u32,
}

impl Log {
    /// Notes an error of a commit.
    pub(super) fn note(&mut self, error: &rusqlite::Error) {
        self.is_doubtful |= error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure);
    }

    /// Makes the log certain again, when the database was opened anew after an error.
    ///
    /// After a sync that failed, the system may believe that it wrote what is not on disk, and a log is worthless after a
    /// gap. So all of it is copied into the database, and the log starts over.
    pub(super) fn start_over(&mut self, db: &Connection) -> rusqlite::Result<()> {
        if self.is_doubtful {
            if checkpoint(db, Mode::Restart)?.is_busy {
                return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None));
            }
            self.is_doubtful = false;
        }
        Ok(())
    }

    /// Counts a commit. Returns whether the log was long enough to be copied at the last look. The file's size says
    /// nothing: it does not shrink.
    pub(super) fn is_long(&mut self, db: &Connection, is_quiet: bool) -> bool {
        self.commits += 1;
        if self.commits < LOOK_EVERY {
            return false;
        }
        self.commits = 0;
        // If its length is not known, copying it tells why.
        let pages = checkpoint(db, Mode::Noop).map_or(i32::MAX, |log| log.pages);
        pages > CHECKPOINT_NOW || pages > CHECKPOINT_SOON && is_quiet
    }

    /// Copies the log into the database, as far as no reader is in the way.
    pub(super) fn copy(&mut self, db: &Connection, path: &Path) {
        let uncopied = copy_now(db, Mode::Passive);
        failpoint("mid-checkpoint");
        let is_stuck = uncopied.is_some_and(|pages| pages > LOG_ALARM);
        if is_stuck && !self.is_stuck {
            let path = path.display();
            warn!(%path, "the inbox's log only grows: another program keeps a transaction open on this file; end it");
        }
        self.is_stuck = is_stuck;
    }

    /// Copies the log and makes its file empty.
    pub(super) fn empty(&mut self, db: &Connection, path: &Path) {
        self.copy(db, path);
        copy_now(db, Mode::Truncate);
    }
}

/// Copies the log without waiting. Returns how many pages could not be copied because a reader still needs the old ones.
fn copy_now(db: &Connection, mode: Mode) -> Option<i32> {
    // It can be done later: no write waits for a reader.
    let made = db.busy_timeout(Duration::ZERO).and_then(|()| checkpoint(db, mode));
    let made = db.busy_timeout(BUSY_TIMEOUT).and(made);
    match made {
        Ok(log) if log.is_busy => None,
        Ok(log) => Some(log.pages - log.copied),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => None,
        Err(error) => {
            warn!(%error, "the inbox's log could not be copied into its file");
            None
        }
    }
}

/// What a checkpoint does.
#[derive(Clone, Copy)]
enum Mode {
    /// Only looks.
    Noop,
    /// Copies what no reader needs.
    Passive,
    /// Copies everything, and makes the next commit start the log over.
    Restart,
    /// Copies everything, and makes the file empty.
    Truncate,
}

/// The log after a checkpoint, in pages. The pages are -1 if another connection was making a checkpoint.
struct LogState {
    /// Whether another connection was in the way.
    is_busy: bool,
    pages: i32,
    copied: i32,
}

/// Makes a checkpoint. By a pragma: `rusqlite` has moved its functions for the log from version to version.
fn checkpoint(db: &Connection, mode: Mode) -> rusqlite::Result<LogState> {
    let pragma = match mode {
        Mode::Noop => "PRAGMA wal_checkpoint(NOOP)",
        Mode::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
        Mode::Restart => "PRAGMA wal_checkpoint(RESTART)",
        Mode::Truncate => "PRAGMA wal_checkpoint(TRUNCATE)",
    };
    db.prepare_cached(pragma)?
        .query_row([], |row| Ok(LogState { is_busy: row.get(0)?, pages: row.get(1)?, copied: row.get(2)? }))
}
