//! Looks at an inbox's file without changing it: no lock is taken, and nothing is created.

use std::io;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::connection::open_reader;
use super::file::InboxFile;
use super::problem::{FileError, Problem};
use super::schema::Schema;
use crate::store::paths::{beside, directory};
use crate::store::{Condition, OpenError, Opening};

/// Finds out whether a start could open the file, also while a server has it.
///
/// # Errors
///
/// Fails if it could not.
pub(crate) fn inspect(path: &Path, opening: &Opening) -> Result<Condition, OpenError> {
    let file = InboxFile::at(path, opening)?;
    Ok(condition(&file)?)
}

fn condition(file: &InboxFile) -> Result<Condition, FileError> {
    let refused = |error| file.refused(Problem::Unwritable(error));
    may_write(directory(&file.path)).map_err(refused)?;
    if !file.path.exists() {
        return Ok(Condition::Absent);
    }
    may_write(&file.path).map_err(refused)?;
    // They belong to another user if that one ran a command.
    for beside in ["-lock", "-wal", "-shm"].map(|ending| beside(&file.path, ending)) {
        if beside.exists() {
            may_write(&beside).map_err(|error| file.refused(Problem::Unwritable(error).beside(&beside)))?;
        }
    }
    match open(&file.path).map_err(Problem::from).and_then(|db| Schema::of(&db)) {
        Ok(schema) if schema.is_current() => Ok(Condition::Current),
        Ok(_) => Ok(Condition::Older),
        Err(problem) => Err(file.refused(file.classify(problem))),
    }
}

/// Opens the file to read its schema. A reader of a database in WAL mode creates the log and its index, and leaves them behind;
/// where there is no log, the file is all there is.
fn open(path: &Path) -> rusqlite::Result<Connection> {
    if beside(path, "-wal").exists() {
        return open_reader(path);
    }
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(*byte))
            }
            other => uri.push_str(&format!("%{other:02x}")),
        }
    }
    uri.push_str("?immutable=1");
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(uri, flags)
}

/// Whether this user may write a file or a directory.
#[cfg(unix)]
fn may_write(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::access(path, rustix::fs::Access::WRITE_OK)?)
}

#[cfg(not(unix))]
fn may_write(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Such as after root has run a command: a start fails, too.
    #[test]
    fn a_file_beside_the_inbox_that_may_not_be_written_is_told() {
        if rustix::process::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("inbox.db");
        let opening = Opening { on_network_disk: true, ..Opening::default() };
        drop(crate::store::sqlite::open::open(&path, &opening).expect("it can be made"));
        let lock = beside(&path, "-lock");
        let forbid = std::fs::Permissions::from_mode(0o400);
        std::fs::set_permissions(&lock, forbid).expect("it is ours");
        let told = inspect(&path, &opening).expect_err("the lock cannot be taken").to_string();
        assert!(told.contains("inbox.db-lock cannot be written"), "{told}");
    }
}
