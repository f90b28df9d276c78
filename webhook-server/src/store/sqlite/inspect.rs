//! Looks at an inbox's file without changing it: no lock is taken, and nothing is created.

use std::io;
use std::path::Path;

use super::file::InboxFile;
use super::problem::{FileError, Problem};
use super::schema::Schema;
use crate::store::paths::directory;
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
    match file.open_reader().map_err(Problem::from).and_then(|db| Schema::of(&db)) {
        Ok(schema) if schema.is_current() => Ok(Condition::Current),
        Ok(_) => Ok(Condition::Older),
        Err(problem) => Err(file.refused(file.classify(problem))),
    }
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
