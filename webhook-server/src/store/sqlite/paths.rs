//! Opens the inbox's files, and checks what is at their paths.
//!
//! What is opened here may contain customers' data, so files are private (0600) and links are not followed.

use std::fs::{File, FileType, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;

use super::problem::Problem;
use crate::store::paths::{beside, is_socket};

/// Opens for writing without following a link at the end of the path. What is created is readable by this user only.
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

/// Opens a file to read and write, or creates it, and returns whether it did. Only a file that was created here may be
/// removed when the start fails: on a disk with errors, a file that could not be seen may exist all the same.
pub(super) fn open_or_make(path: &Path) -> std::io::Result<(File, bool)> {
    match private().read(true).create_new(true).open(path) {
        Ok(made) => Ok((made, true)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            // If it has disappeared meanwhile, it is created after all.
            private().read(true).create(true).open(path).map(|found| (found, false))
        }
        Err(error) => Err(error),
    }
}

/// Checks that nothing else is at the inbox's paths: through a link, another file would be written, and a server that
/// replaces its socket would delete another file.
pub(super) fn check(path: &Path) -> Result<(), Problem> {
    for ending in ["", "-wal", "-shm", "-lock", "-reserve"] {
        check_one(&beside(path, ending), "a regular file", |found| found.is_file())?;
    }
    check_one(&beside(path, "-control"), "a socket", is_socket)
}

/// A path where nothing is, or where the wanted kind of file is, is fine.
fn check_one(path: &Path, wanted: &'static str, is_wanted: impl Fn(FileType) -> bool) -> Result<(), Problem> {
    let found = match path.symlink_metadata() {
        Ok(found) if !is_wanted(found.file_type()) => found,
        Ok(_) | Err(_) => return Ok(()),
    };
    Err(Problem::NotOurs { wanted, is_link: found.is_symlink() }.beside(path))
}
