//! What may lie at the names of the inbox's files, and how they are opened.

use std::fs::{File, FileType, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;

use super::problem::Problem;
use crate::store::paths::{beside, is_socket};

/// Opens for writing, and follows no link at the end of the path; what is made is for this user alone.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        #[expect(clippy::cast_possible_wrap, reason = "the flags of `open` are small")]
        options.mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32);
    }
    options
}

/// Opens a file to read and write, or makes it; says whether it made it. Only what was made here may be removed when the
/// start fails: that a file was not seen a moment before tells nothing, where a disk answers with errors.
pub(super) fn open_or_make(path: &Path) -> std::io::Result<(File, bool)> {
    match private().read(true).create_new(true).open(path) {
        Ok(made) => Ok((made, true)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            // If it is gone again by now, it is made after all.
            private().read(true).create(true).open(path).map(|found| (found, false))
        }
        Err(error) => Err(error),
    }
}

/// Checks that what lies at the inbox's names is the inbox's: through a link, another file would be written, and a server
/// that replaces its socket would delete a file.
pub(super) fn check(path: &Path) -> Result<(), Problem> {
    for ending in ["", "-wal", "-shm", "-lock", "-reserve"] {
        check_one(&beside(path, ending), "a regular file", |found| found.is_file())?;
    }
    check_one(&beside(path, "-control"), "a socket", is_socket)
}

fn check_one(path: &Path, wanted: &'static str, is_wanted: impl Fn(FileType) -> bool) -> Result<(), Problem> {
    let found = match path.symlink_metadata() {
        Ok(found) if !is_wanted(found.file_type()) => found,
        Ok(_) | Err(_) => return Ok(()),
    };
    Err(Problem::NotOurs { wanted, is_link: found.is_symlink() }.beside(path))
}
