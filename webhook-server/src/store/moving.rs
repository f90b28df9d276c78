//! Moving an inbox from a file into a database: everything, in one transaction.
//!
//! The file's lock is held meanwhile, and no instance can join in the database, so nothing changes while rows are copied.
//! If the move ends early, for whatever reason, the database is as it was before: it is run again from the beginning. If
//! only the answer to the commit was lost, the next move finds that everything is there.
//!
//! Ids stay what they were, because operators have noted them down, and tickets and attempts name them. Before the commit, the
//! rows of both sides are read once more, counted and hashed.

pub(crate) mod tables;
#[cfg(test)]
mod tests;

use sha2::{Digest, Sha256};
use thiserror::Error;

use self::tables::{Cell, Row, TABLES, Table};
use super::postgres::{Problem, take_in::Target};
use super::sqlite::read_out::Source;
use crate::failpoint::failpoint;

/// Why an inbox was not moved. The file has everything that it had.
#[derive(Debug, Error)]
pub(crate) enum MoveError {
    #[error("the file cannot be read")]
    File(#[from] rusqlite::Error),
    #[error("the database failed")]
    Database(#[source] Problem),
    #[error("the database did not confirm the last step")]
    Unconfirmed(#[source] Problem),
    #[error("the database does not accept a row of {table} between {after} and {last}")]
    Refused { table: &'static str, after: i64, last: i64, source: Problem },
    #[error("instances use the database: {}", .0.join(", "))]
    InUse(Vec<String>),
    #[error("the database holds another inbox")]
    NotEmpty,
    #[error("{table} differs after it was copied")]
    Differs { table: &'static str },
}

/// What the database has now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    /// How many rows each of the [`TABLES`] has.
    pub(crate) rows: Vec<(&'static str, u64)>,
    /// The SHA-256 of all rows, the same on both sides.
    pub(crate) digest: [u8; 32],
    /// Whether an earlier move had copied everything already.
    pub(crate) was_there: bool,
}

/// Copies everything, and makes sure that it is all there. Calls `advance` with the number of rows that were copied or
/// compared.
///
/// # Errors
///
/// Fails if it is not all there. Then the database has nothing of it, unless its commit was not confirmed.
pub(crate) async fn move_all(
    source: &mut Source,
    target: &Target,
    mut advance: impl FnMut(usize) + Send,
) -> Result<Moved, MoveError> {
    target.begin().await.map_err(MoveError::Database)?;
    let instances = target.instances().await.map_err(MoveError::Database)?;
    if !instances.is_empty() {
        return Err(MoveError::InUse(instances));
    }
    if !target.is_empty().await.map_err(MoveError::Database)? {
        // Perhaps an earlier move, whose commit was not confirmed.
        let same = compare(source, target, advance).await;
        return match same {
            Ok(moved) => Ok(Moved { was_there: true, ..moved }),
            Err(MoveError::Differs { .. }) => Err(MoveError::NotEmpty),
            Err(error) => Err(error),
        };
    }
    for table in &TABLES {
        copy(source, target, table, &mut advance).await?;
    }
    let numbers = source.numbers()?;
    target.count_on(&numbers).await.map_err(MoveError::Database)?;
    let moved = compare(source, target, advance).await?;
    failpoint("before-move-commit");
    target.commit().await.map_err(MoveError::Unconfirmed)?;
    failpoint("after-move-commit");
    target.analyze().await;
    Ok(moved)
}

/// Copies one table.
async fn copy(
    source: &mut Source,
    target: &Target,
    table: &'static Table,
    advance: &mut (impl FnMut(usize) + Send),
) -> Result<(), MoveError> {
    let mut after = i64::MIN;
    loop {
        let rows = source.rows(table, after)?;
        let Some(last) = table.last_of(&rows) else { return Ok(()) };
        failpoint("mid-move");
        target.insert(table, &rows).await.map_err(|problem| match problem {
            Problem::Refused(_) => MoveError::Refused { table: table.name, after, last, source: problem },
            problem => MoveError::Database(problem),
        })?;
        advance(rows.len());
        after = last;
    }
}

/// Counts and hashes the rows of both sides.
///
/// # Errors
///
/// Fails if they differ.
async fn compare(
    source: &mut Source,
    target: &Target,
    mut advance: impl FnMut(usize) + Send,
) -> Result<Moved, MoveError> {
    let mut moved = Moved::default();
    let mut digests = [Sha256::new(), Sha256::new()];
    for table in &TABLES {
        let (mut after, mut count) = (i64::MIN, 0);
        loop {
            let expected = source.rows(table, after)?;
            let last = table.last_of(&expected);
            // After the last row of the file, there is none in the database.
            let found = target.rows(table, (after, last.unwrap_or(i64::MAX)), expected.len()).await;
            let found = found.map_err(MoveError::Database)?;
            for (digest, rows) in digests.iter_mut().zip([&expected, &found]) {
                rows.iter().for_each(|row| add(digest, row));
            }
            let are_same = digests[0].clone().finalize() == digests[1].clone().finalize();
            if expected.len() != found.len() || !are_same {
                return Err(MoveError::Differs { table: table.name });
            }
            count += expected.len() as u64;
            advance(expected.len());
            match last {
                Some(last) if last < i64::MAX => after = last,
                _ => break,
            }
        }
        moved.rows.push((table.name, count));
    }
    let [digest, _] = digests;
    moved.digest = digest.finalize().into();
    Ok(moved)
}

/// Adds a row to a digest, so that no two rows look the same.
fn add(digest: &mut Sha256, row: &Row) {
    for cell in row {
        let (kind, bytes): (u8, &[u8]) = match cell {
            Cell::Null => (0, &[]),
            Cell::Number(number) => (1, &number.to_be_bytes()),
            Cell::Text(text) => (2, text.as_bytes()),
            Cell::Bytes(bytes) => (3, bytes),
        };
        digest.update([kind]);
        digest.update((bytes.len() as u64).to_be_bytes());
        digest.update(bytes);
    }
}
