//! The paths of the inbox's file and of the files beside it. Nothing here is opened or created.

use std::fs::FileType;
use std::path::{Path, PathBuf};

/// The path with an ending added: files that belong to the inbox are beside it.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// The absolute path of the file that a path leads to, whether it exists or not.
pub(crate) fn real(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    // The system follows at most this many links.
    for _ in 0..40 {
        let Ok(target) = std::fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    match (directory(&path).canonicalize(), path.file_name()) {
        (Ok(directory), Some(name)) => directory.join(name),
        _ => path,
    }
}

/// The directory that contains a file.
pub(crate) fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether a socket was found at a path.
#[cfg(unix)]
pub(crate) fn is_socket(found: FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_socket(&found)
}

#[cfg(not(unix))]
pub(crate) fn is_socket(_: FileType) -> bool {
    false
}
