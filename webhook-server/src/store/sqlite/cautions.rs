//! Warnings about an inbox that can be used all the same.
//!
//! They are logged at each start, or refuse it if the settings are `strict`. A server that must not start returns a `Problem` instead.

use std::path::{Path, PathBuf};

use super::file_systems::{self, Kind};
use crate::store::paths::{beside, directory, real};

/// Warns where events may be lost or read by others: a sentence for each.
pub(crate) fn cautions(path: &Path) -> Vec<String> {
    let path = real(path);
    let shown = path.display();
    let of_disk = match file_systems::of(directory(&path)) {
        Some((name, Kind::Memory)) => Some(format!(
            "{shown} is in memory ({name}): events that Stripe will not send again are lost when this machine restarts, \
             or the file system is unmounted; choose a disk"
        )),
        Some((name, Kind::Layer)) => Some(format!(
            "{shown} is in the writable layer of a container ({name}): events that Stripe will not send again are lost \
             when the container is removed or replaced; put the file on a volume"
        )),
        Some((name, Kind::Shared)) => Some(format!(
            "{shown} is on a file system that other machines may share ({name}): if two of them open it, events are lost"
        )),
        None => None,
    };
    of_disk.into_iter().chain(open_to_others(&path)).collect()
}

/// Warns of files with customers' data that other users of this machine may read or write.
#[cfg(unix)]
fn open_to_others(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let found = |file: &PathBuf| file.metadata().ok().filter(std::fs::Metadata::is_file);
    let mode = |file: &PathBuf| found(file).map_or(0, |found| found.permissions().mode() & 0o777);
    let files = ["", "-wal", "-shm"].map(|ending| beside(path, ending));
    let open: Vec<&PathBuf> = files.iter().filter(|file| mode(file) & 0o077 != 0).collect();
    let mode = mode(open.first()?);
    let files = open.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(" ");
    Some(format!(
        "{files}: the mode is {mode:04o}, so other users of this machine can read the events: run `chmod 600 {}*`",
        path.display()
    ))
}

#[cfg(not(unix))]
fn open_to_others(_path: &Path) -> Option<String> {
    None
}
