//! Room on the disk: below a floor nothing is taken in, so that what was taken in can still be finished.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use super::paths::private;
use crate::store::paths::{beside, directory};

/// The size of the file that is given up when the disk is full.
const RESERVE: u64 = 1024 * 1024;

/// How often the room is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Watches the room on a disk, and keeps some in reserve.
#[derive(Debug)]
pub(super) struct DiskSpace {
    directory: PathBuf,
    reserve: PathBuf,
    /// In bytes.
    floor: u64,
    /// How many bytes are free, if that is too little; [`ENOUGH`] if not.
    low: AtomicU64,
    looked_at: Mutex<Option<Instant>>,
    /// Whether the inbox is this process's: before that, there is nothing to be kept in reserve.
    is_ours: AtomicBool,
}

const ENOUGH: u64 = u64::MAX;

impl DiskSpace {
    pub(super) fn new(path: &Path, floor: u64) -> Self {
        Self {
            directory: directory(path).to_owned(),
            reserve: beside(path, "-reserve"),
            floor,
            low: AtomicU64::new(ENOUGH),
            looked_at: Mutex::new(None),
            is_ours: AtomicBool::new(false),
        }
    }

    /// Begins to watch, and to keep some in reserve.
    pub(super) fn watch(&self) {
        self.is_ours.store(true, Ordering::Relaxed);
    }

    /// How many bytes are free, if that is too little to take anything in.
    pub(super) fn too_little(&self) -> Option<u64> {
        Some(self.low.load(Ordering::Relaxed)).filter(|free| *free != ENOUGH)
    }

    /// Notes that the disk is full.
    pub(super) fn is_out(&self) {
        if self.low.swap(0, Ordering::Relaxed) == ENOUGH {
            error!("the inbox's disk is full: events are refused with 503 until there is room again");
        }
    }

    /// Notes that a write found the disk full, and frees the reserve, for the ends of runs.
    pub(super) fn ran_out(&self) {
        self.is_out();
        // It may be gone already, from the last time.
        let _ = std::fs::remove_file(&self.reserve);
    }

    /// Looks at the room, if that was not just done.
    pub(super) fn look(&self) {
        if !self.is_ours.load(Ordering::Relaxed) {
            return;
        }
        let Ok(mut looked_at) = self.looked_at.lock() else { return };
        if looked_at.is_some_and(|at| at.elapsed() < EVERY) {
            return;
        }
        *looked_at = Some(Instant::now());
        let Some(free) = free_bytes(&self.directory) else { return };
        let missing = if self.has_reserve() { 0 } else { RESERVE };
        if free < self.floor.saturating_add(2 * missing) {
            if self.low.swap(free, Ordering::Relaxed) == ENOUGH {
                let floor = self.floor;
                warn!(
                    free,
                    floor, "the inbox's disk is low: events are refused with 503 until there is room again"
                );
            }
            return;
        }
        if missing > 0 && self.make_reserve().is_err() {
            // No room for the reserve is no room.
            self.low.store(free, Ordering::Relaxed);
            let _ = std::fs::remove_file(&self.reserve);
            return;
        }
        if self.low.swap(ENOUGH, Ordering::Relaxed) != ENOUGH {
            info!(free, "the inbox's disk has room again");
        }
    }

    /// Whether it is there, and all of it.
    pub(super) fn has_reserve(&self) -> bool {
        self.reserve.symlink_metadata().is_ok_and(|found| found.is_file() && found.len() >= RESERVE)
    }

    fn make_reserve(&self) -> std::io::Result<()> {
        // Part of one, from a start that was cut short, is made anew; a link there is not followed.
        let _ = std::fs::remove_file(&self.reserve);
        let mut file = private().create_new(true).open(&self.reserve)?;
        let zeros = vec![0; 64 * 1024];
        for _ in 0..RESERVE / zeros.len() as u64 {
            file.write_all(&zeros)?;
        }
        file.sync_all()
    }
}

/// Whether a directory's disk has no room to open a database: SQLite needs some for its log and the index of that.
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
