//! The names of the inbox's files, and what may lie there.

use std::fs::{File, FileType, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::problem::Problem;

/// `name` with another ending: what belongs to the file lies beside it.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// The file that a path leads to, whether it is there or not, however the working directory may change.
pub(crate) fn real(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    // The system follows no more links than that.
    for _ in 0..40 {
        let Ok(target) = std::fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    match (directory(&path).canonicalize(), path.file_name()) {
        (Ok(directory), Some(name)) => directory.join(name),
        _ => path,
    }
}

/// The directory that a file lies in.
pub(super) fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

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

#[cfg(unix)]
pub(crate) fn is_socket(found: FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_socket(&found)
}

#[cfg(not(unix))]
pub(crate) fn is_socket(_: FileType) -> bool {
    false
}
