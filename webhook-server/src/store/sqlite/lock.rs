//! The lock: only one process writes an inbox.
//!
//! It is an advisory lock of the operating system on the file `…-lock`, which the system releases when the process ends,
//! however that happens. The process id in the file is only for messages.

#[cfg(unix)]
use std::fs::Metadata;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tracing::info;

use super::paths::open_or_make;
use super::problem::{Problem, name_of};
use crate::store::paths::beside;

/// The pause between two tries.
const EVERY: Duration = Duration::from_millis(50);

/// More than the digits of any process id.
const LONGEST_ID: u64 = 32;

/// Takes the lock, which is held as long as the returned file is open. Blocks its thread for up to `patience` while another
/// process has it. Adds the lock's file to `made` if it creates it.
///
/// # Errors
///
/// Fails if another process still has the lock, and names it.
pub(super) fn lock(path: &Path, patience: Duration, made: &mut Vec<PathBuf>) -> Result<File, Problem> {
    let lock_path = beside(path, "-lock");
    let since = Instant::now();
    let mut was_said = false;
    let mut lock = loop {
        let (mut lock, is_new) =
            open_or_make(&lock_path).map_err(|error| Problem::unwritable(error).beside(&lock_path))?;
        match lock.try_lock() {
            // Unless a failed start has removed its file meanwhile.
            Ok(()) if is_at(&lock, &lock_path) => {
                made.extend(is_new.then(|| lock_path.clone()));
                break lock;
            }
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if since.elapsed() < patience => {
                if !was_said {
                    info!(
                        "waiting for {} to finish and release {}, for at most {}",
                        name_of(holder(&mut lock)),
                        path.display(),
                        humantime::format_duration(patience)
                    );
                    was_said = true;
                }
                std::thread::sleep(EVERY.min(patience));
            }
            Err(TryLockError::WouldBlock) => return Err(Problem::InUse { process: holder(&mut lock) }),
            Err(TryLockError::Error(error)) => {
                return Err(Problem::Unlockable(error).beside(&lock_path));
            }
        }
    };
    let written = read(&mut lock).map_err(|error| Problem::Unreadable(error).beside(&lock_path))?;
    if written.trim().bytes().any(|byte| !byte.is_ascii_digit()) {
        return Err(Problem::NotALock.beside(&lock_path));
    }
    // The process id is for people only; the lock is what counts.
    let _ = lock.set_len(0).and_then(|()| lock.rewind());
    let _ = write!(lock, "{}", std::process::id());
    Ok(lock)
}

/// Whether an open file is the one at a path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let same = |a: &Metadata, b: &Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    match (file.metadata(), path.metadata()) {
        (Ok(open), Ok(found)) => same(&open, &found),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> bool {
    true
}

/// Reads as much of the file as a process id can be long.
fn read(lock: &mut File) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    lock.rewind()?;
    lock.take(LONGEST_ID).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The process that has the lock, if its file names it.
fn holder(lock: &mut File) -> Option<u32> {
    read(lock).unwrap_or_default().trim().parse().ok()
}
