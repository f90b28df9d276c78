//! Free-space guard: below a threshold new events are refused, so that accepted ones can still complete.
//!
//! Two means: arrivals are refused below the floor, and a reserve file of 1 MiB is deleted when a write finds the disk
//! full, which leaves room to record how runs ended. The reserve is made again when there is space.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use super::paths::private;
use crate::store::paths::{beside, directory};

/// The size of the reserve file, which is deleted when the disk is full.
const RESERVE: u64 = 1024 * 1024;

/// How often the free space is checked.
const EVERY: Duration = Duration::from_secs(1);

/// Watches the free space on a disk, and keeps some in reserve.
#[derive(Debug)]
pub(super) struct DiskSpace {
    directory: PathBuf,
    reserve: PathBuf,
    /// The threshold, in bytes.
    floor: u64,
    /// The number of free bytes if it is below the threshold; otherwise [`ENOUGH`].
    low: AtomicU64,
    checked_at: Mutex<Option<Instant>>,
    /// Whether this process has the inbox. Before that, no reserve is kept.
    is_ours: AtomicBool,
}

const ENOUGH: u64 = u64::MAX;

impl DiskSpace {
    /// `floor` is in bytes. Nothing is checked before [`watch`](Self::watch).
    pub(super) fn new(path: &Path, floor: u64) -> Self {
        Self {
            directory: directory(path).to_owned(),
            reserve: beside(path, "-reserve"),
            floor,
            low: AtomicU64::new(ENOUGH),
            checked_at: Mutex::new(None),
            is_ours: AtomicBool::new(false),
        }
    }

    /// Starts to watch, and to keep a reserve.
    pub(super) fn watch(&self) {
        self.is_ours.store(true, Ordering::Relaxed);
    }

    /// Returns the number of free bytes if it is too small to accept events; `None` if there is enough.
    pub(super) fn shortage(&self) -> Option<u64> {
        Some(self.low.load(Ordering::Relaxed)).filter(|free| *free != ENOUGH)
    }

    /// Notes that the disk is full.
    pub(super) fn note_full(&self) {
        if self.low.swap(0, Ordering::Relaxed) == ENOUGH {
            error!("the inbox's disk is full: events are refused with 503 until space is freed");
        }
    }

    /// Notes that a write failed on a full disk, and frees the reserve, so that the ends of runs can be stored.
    pub(super) fn free_reserve(&self) {
        self.note_full();
        // It may have been freed before.
        let _ = std::fs::remove_file(&self.reserve);
    }

    /// Checks the free space, unless that was just done.
    pub(super) fn check(&self) {
        if !self.is_ours.load(Ordering::Relaxed) {
            return;
        }
        let Ok(mut checked_at) = self.checked_at.lock() else { return };
        if checked_at.is_some_and(|at| at.elapsed() < EVERY) {
            return;
        }
        *checked_at = Some(Instant::now());
        let Some(free) = free_bytes(&self.directory) else { return };
        let missing = if self.has_reserve() { 0 } else { RESERVE };
        if free < self.floor.saturating_add(2 * missing) {
            if self.low.swap(free, Ordering::Relaxed) == ENOUGH {
                let floor = self.floor;
                warn!(
                    free,
                    floor, "the inbox's disk is low: events are refused with 503 until space is freed"
                );
            }
            return;
        }
        if missing > 0 && self.make_reserve().is_err() {
            // Without space for the reserve, there is no space.
            self.low.store(free, Ordering::Relaxed);
            let _ = std::fs::remove_file(&self.reserve);
            return;
        }
        if self.low.swap(ENOUGH, Ordering::Relaxed) != ENOUGH {
            info!(free, "the inbox's disk has space again");
        }
    }

    /// Whether the whole reserve is there.
    pub(super) fn has_reserve(&self) -> bool {
        self.reserve.symlink_metadata().is_ok_and(|found| found.is_file() && found.len() >= RESERVE)
    }

    /// Writes the reserve file with real zeros, so that it occupies its space.
    fn make_reserve(&self) -> std::io::Result<()> {
        // What an interrupted start left is replaced; a link there is not followed.
        let _ = std::fs::remove_file(&self.reserve);
        let mut file = private().create_new(true).open(&self.reserve)?;
        let zeros = vec![0; 64 * 1024];
        for _ in 0..RESERVE / zeros.len() as u64 {
            file.write_all(&zeros)?;
        }
        file.sync_all()
    }
}

/// Whether a directory's disk is too full to open a database: SQLite needs space for its log and the log's index.
#[cfg(unix)]
pub(super) fn is_full(directory: &Path) -> bool {
    const NEEDED: u64 = 1024 * 1024;
    rustix::fs::statvfs(directory).is_ok_and(|found| {
        // Some file systems have no fixed number of files.
        let has_no_file_left = found.f_files > 0 && found.f_favail == 0;
        has_no_file_left || found.f_bavail.saturating_mul(found.f_frsize) < NEEDED
    })
}

#[cfg(not(unix))]
pub(super) fn is_full(_directory: &Path) -> bool {
    false
}

#[cfg(unix)]
fn free_bytes(directory: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(directory).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_directory: &Path) -> Option<u64> {
    None
}
