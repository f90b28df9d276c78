//! Reading everything out of an inbox's file, to move it to another store.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};

use super::file::InboxFile;
use super::recover;
use super::session::Session;
use crate::store::keys::stored_key;
use crate::store::moving::tables::{Cell, Kind, Row, Table};
use crate::store::{OpenError, Opening, Recovered};

/// How many rows are read at once, and how many bytes of them at most, unless one row alone has more.
const ROWS: usize = 500;
const BYTES: usize = 4 * 1024 * 1024;

/// An inbox in a file that no server has.
#[derive(Debug)]
pub(crate) struct Source {
    db: Connection,
    /// What a start would have taken over from a server that was killed.
    pub(crate) recovered: Recovered,
    // Unlocked after the connection is closed.
    _file: InboxFile,
}

impl Source {
    /// Opens the file, which must exist, and locks it. Tasks that a server was running when it was killed become what the
    /// next start would make of them.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be used, or if another process has it.
    pub(crate) fn open(path: &Path, opening: &Opening) -> Result<Self, OpenError> {
        let file = InboxFile::at(path, opening)?;
        let db = file.open().map_err(|problem| file.refused(problem))?;
        let recovering = || {
            let now = Session::begin(&db, None)?.stamp().now;
            let transaction = db.unchecked_transaction()?;
            let recovered = recover::take_over(&transaction, now)?;
            transaction.commit()?;
            Ok(recovered)
        };
        let recovered = recovering().map_err(|error: rusqlite::Error| file.refused(error.into()))?;
        Ok(Self { db, recovered, _file: file })
    }

    /// How many rows a table has.
    pub(crate) fn count(&self, table: &Table) -> rusqlite::Result<u64> {
        let (name, condition) = table.in_file;
        let count = format!("SELECT count(*) FROM {name} WHERE {}", condition.unwrap_or("true"));
        self.db.query_row(&count, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
    }

    /// The highest numbers that events and tasks ever had, also if their rows are deleted by now.
    pub(crate) fn numbers(&self) -> rusqlite::Result<[(&'static str, i64); 2]> {
        self.db.query_row("SELECT event, task FROM inbox_number", [], |row| {
            Ok([("event", row.get(0)?), ("task", row.get(1)?)])
        })
    }

    /// Reads the next rows with a number greater than `after`; all rows of a table that is small.
    pub(crate) fn rows(&self, table: &Table, after: i64) -> rusqlite::Result<Vec<Row>> {
        let (name, condition) = table.in_file;
        let columns: Vec<&str> = table.columns.iter().map(|column| column.in_file).collect();
        let condition = condition.unwrap_or("true");
        let columns = columns.join(", ");
        let (key, order) = if table.is_small {
            ("0", columns.as_str())
        } else {
            (table.columns[0].in_file, table.columns[0].in_file)
        };
        let select =
            format!("SELECT {columns} FROM {name} WHERE {key} > ?1 AND ({condition}) ORDER BY {order}");
        let mut select = self.db.prepare_cached(&select)?;
        let mut found = select.query(params![after])?;
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while (rows.len() < ROWS && bytes < BYTES || table.is_small)
            && let Some(row) = found.next()?
        {
            let cells = table.columns.iter().enumerate();
            let cells: Row = cells
                .map(|(at, column)| Ok(cell(row.get_ref(at)?, column.kind)?))
                .collect::<rusqlite::Result<_>>()?;
            bytes += cells.iter().map(size).sum::<usize>();
            rows.push(cells);
        }
        Ok(rows)
    }
}

/// A value as every store keeps it: texts have no NUL.
fn cell(value: ValueRef<'_>, kind: Kind) -> Result<Cell, rusqlite::types::FromSqlError> {
    Ok(match (value, kind) {
        (ValueRef::Null, _) => Cell::Null,
        (_, Kind::Number(_)) => Cell::Number(value.as_i64()?),
        (_, Kind::Bytes) => Cell::Bytes(value.as_bytes()?.to_vec()),
        (_, Kind::Key) => Cell::Text(stored_key(value.as_str()?.to_owned())),
        (_, Kind::Text) => Cell::Text(value.as_str()?.replace('\0', "")),
    })
}

fn size(cell: &Cell) -> usize {
    match cell {
        Cell::Null | Cell::Number(_) => size_of::<i64>(),
        Cell::Text(text) => text.len(),
        Cell::Bytes(bytes) => bytes.len(),
    }
}
