//! The names of the inbox's files, and what may lie there.

use std::fs::{FileType, OpenOptions};
use std::path::{Path, PathBuf};

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

/// Checks that nothing lies at the inbox's names that is not the inbox's: through a link, another file would be
/// written, and a server that replaces its socket would delete what is none.
pub(super) fn check(path: &Path) -> Result<(), String> {
    for ending in ["", "-wal", "-shm", "-lock", "-reserve", "-control"] {
        let path = beside(path, ending);
        let Ok(found) = path.symlink_metadata() else { continue };
        let wanted = if ending == "-control" { "a socket" } else { "a regular file" };
        if (ending == "-control" && !is_socket(found.file_type()))
            || (ending != "-control" && !found.is_file())
        {
            let kind = if found.is_symlink() { " but a symbolic link" } else { "" };
            return Err(format!("{} is not {wanted}{kind}: move it away", path.display()));
        }
    }
    Ok(())
}

#[cfg(unix)]
pub(crate) fn is_socket(found: FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_socket(&found)
}

#[cfg(not(unix))]
pub(crate) fn is_socket(_: FileType) -> bool {
    false
}

/// Warns of files with customers' data that other users of this machine may read or write.
#[cfg(unix)]
pub(super) fn open_to_others(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let open: Vec<(PathBuf, u32)> = ["", "-wal", "-shm"]
        .into_iter()
        .map(|ending| beside(path, ending))
        .filter_map(|file| Some((file.metadata().ok()?.permissions().mode() & 0o777, file)))
        .filter(|(mode, _)| mode & 0o077 != 0)
        .map(|(mode, file)| (file, mode))
        .collect();
    let (_, mode) = open.first()?;
    let files: Vec<String> = open.iter().map(|(file, _)| file.display().to_string()).collect();
    let files = files.join(" ");
    Some(format!(
        "{files}: the mode is {mode:04o}, so other users of this machine can get at the events' bodies: run \
         `chmod 600 {files}`"
    ))
}

#[cfg(not(unix))]
pub(super) fn open_to_others(_path: &Path) -> Option<String> {
    None
}
