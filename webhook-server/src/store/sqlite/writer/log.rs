//! SQLite's write-ahead log: when it is copied into the database.
//!
//! SQLite would copy the log (a checkpoint) after a commit and make that commit wait. The writer does it between batches
//! instead, and keeps the log file from growing without limit.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use rusqlite::hooks::Wal;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ErrorCode};
use tracing::warn;

use crate::failpoint::failpoint;
use crate::store::sqlite::connection::BUSY_TIMEOUT;

/// From how many log pages (of 8 KiB) the log is copied when there is nothing else to do, and from how many it is copied
/// in any case.
const CHECKPOINT_SOON: i32 = 2_000;
const CHECKPOINT_NOW: i32 = 8_000;

/// From how many log pages that cannot be copied there is a warning: half a gigabyte.
const LOG_ALARM: i32 = 64_000;

/// The state of the log.
#[derive(Default)]
pub(super) struct Log {
    /// Pages in the log after the last commit.
    pages: Arc<AtomicI32>,
    /// Whether there was a warning that they cannot be copied.
    is_stuck: bool,
    /// Whether part of the log may not have reached the disk.
    is_doubtful: bool,
}

impl Log {
    /// Notes the length of the log at each commit. The file's size says nothing: it does not shrink.
    pub(super) fn watch(&self, db: &mut Connection) -> rusqlite::Result<()> {
        let noted = Arc::clone(&self.pages);
        db.wal_hook(Some(move |_: &mut Wal, pages| {
            noted.store(pages, Ordering::Relaxed);
            Ok(())
        }))
    }

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
            db.wal_checkpoint_v2(None::<&str>, CheckpointMode::RESTART)?;
            self.is_doubtful = false;
        }
        Ok(())
    }

    /// Whether the log is long enough to be copied now.
    pub(super) fn is_long(&self, is_quiet: bool) -> bool {
        let pages = self.pages.load(Ordering::Relaxed);
        pages > CHECKPOINT_NOW || pages > CHECKPOINT_SOON && is_quiet
    }

    /// Copies the log into the database, as far as no reader is in the way.
    pub(super) fn copy(&mut self, db: &Connection, path: &Path) {
        let uncopied = checkpoint(db, CheckpointMode::PASSIVE);
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
        checkpoint(db, CheckpointMode::TRUNCATE);
    }
}

/// Returns how many pages could not be copied because a reader still needs the old ones.
fn checkpoint(db: &Connection, mode: CheckpointMode) -> Option<i32> {
    // It can be done later: no write waits for a reader.
    let made = db.busy_timeout(Duration::ZERO).and_then(|()| db.wal_checkpoint_v2(None::<&str>, mode));
    let made = db.busy_timeout(BUSY_TIMEOUT).and(made);
    match made {
        Ok((pages, copied)) => Some(pages - copied),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => None,
        Err(error) => {
            warn!(%error, "the inbox's log could not be copied into its file");
            None
        }
    }
}
