//! The schema: creating it, bringing it up to date, and recognising it.
//!
//! An inbox is a SQLite database with this program's application id in its header, the number of its migrations in
//! `user_version`, and their digests in `inbox_migration`. A file that differs in any of these is refused, never changed.

use std::collections::BTreeSet;

use rusqlite::{Connection, TransactionBehavior, params};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::problem::Problem;
use crate::failpoint::failpoint;

/// Marks a database as an inbox, in its header: "whbx".
const APPLICATION_ID: i32 = 0x7768_6278;

/// The steps to the present schema. Steps are added; a released step is never edited.
const MIGRATIONS: [&str; 2] = [include_str!("migrations/1.sql"), include_str!("migrations/2.sql")];

/// What is wrong with a database's schema: the predicate of a sentence about it.
#[derive(Debug, Error)]
pub(crate) enum SchemaProblem {
    #[error("is not an inbox yet")]
    NotYet,
    #[error("is another program's database")]
    OfSomethingElse,
    #[error("was written by a newer version of this program (schema {version}, and this one knows {newest})")]
    Newer { version: i32, newest: usize },
    #[error("was made by another build of this program, and has a schema that this build does not know")]
    OtherBuild,
    #[error("was changed by another program, and lacks {}", .0.join(", "))]
    Lacks(Vec<String>),
}

/// What a database contains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Schema {
    /// Nothing.
    None,
    /// An inbox, made by this many of the migrations.
    Version(usize),
}

impl Schema {
    /// Recognises what a database contains, by its header and its tables.
    ///
    /// # Errors
    ///
    /// Fails if the schema is not one that this program's migrations make.
    pub(super) fn of(db: &Connection) -> Result<Self, Problem> {
        // In one transaction: another process may be applying migrations.
        let db = &*db.unchecked_transaction()?;
        let number = |pragma| db.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
        let (marked, version) = (number("application_id")?, number("user_version")?);
        if marked != APPLICATION_ID {
            // An interrupted first start may have left a header and nothing else.
            let tables: i32 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
            return match (marked, version, tables) {
                (0, 0, 0) => Ok(Self::None),
                _ => Err(Problem::Schema(SchemaProblem::OfSomethingElse)),
            };
        }
        let newest = MIGRATIONS.len();
        let applied = usize::try_from(version).unwrap_or(usize::MAX);
        if applied > newest {
            return Err(Problem::Schema(SchemaProblem::Newer { version, newest }));
        }
        same_migrations(db, applied)?;
        nothing_missing(db, applied)?;
        Ok(Self::Version(applied))
    }

    /// Whether all migrations are applied.
    pub(super) fn is_current(self) -> bool {
        self == Self::Version(MIGRATIONS.len())
    }

    /// Applies the missing migrations, all or none.
    pub(super) fn bring_up_to_date(self, db: &mut Connection) -> rusqlite::Result<()> {
        let applied = match self {
            Self::None => 0,
            Self::Version(applied) => applied,
        };
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (number, migration) in (1_i32..).zip(MIGRATIONS).skip(applied) {
            transaction.execute_batch(migration)?;
            let insert = "INSERT INTO inbox_migration (number, sha256) VALUES (?1, ?2)";
            transaction.execute(insert, params![number, digest(migration)])?;
            failpoint("mid-migration");
            transaction.pragma_update(None, "user_version", number)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.commit()
    }
}

/// The SHA-256 of a migration's text.
fn digest(migration: &str) -> [u8; 32] {
    Sha256::digest(migration).into()
}

/// Checks that the migrations applied to a file are this program's, word for word.
fn same_migrations(db: &Connection, applied: usize) -> Result<(), Problem> {
    let is_recorded = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'inbox_migration'";
    let recorded: Vec<Vec<u8>> = match db.query_row(is_recorded, [], |row| row.get(0))? {
        0 => Vec::new(),
        _ => db
            .prepare("SELECT sha256 FROM inbox_migration ORDER BY number")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?,
    };
    let own = MIGRATIONS.iter().take(applied).map(|migration| digest(migration).to_vec());
    if own.eq(recorded) {
        return Ok(());
    }
    Err(Problem::Schema(SchemaProblem::OtherBuild))
}

/// Checks that no table, column or index of the migrations is missing. Others may be there: tools that copy a database
/// add tables, and an operator may add an index.
fn nothing_missing(db: &Connection, applied: usize) -> Result<(), Problem> {
    let made = Connection::open_in_memory()?;
    for migration in MIGRATIONS.iter().take(applied) {
        made.execute_batch(migration)?;
    }
    let found = parts(db)?;
    let missing: Vec<String> = parts(&made)?.into_iter().filter(|part| !found.contains(part)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Problem::Schema(SchemaProblem::Lacks(missing)))
}

/// Names the tables, indexes and columns of an inbox.
fn parts(db: &Connection) -> rusqlite::Result<BTreeSet<String>> {
    let named = r"SELECT type || ' ' || name FROM sqlite_schema WHERE name LIKE 'inbox\_%' ESCAPE '\'
        UNION ALL
        SELECT 'column ' || s.name || '.' || c.name FROM sqlite_schema s JOIN pragma_table_xinfo(s.name) c
        WHERE s.type = 'table' AND s.name LIKE 'inbox\_%' ESCAPE '\'";
    db.prepare(named)?.query_map([], |row| row.get(0))?.collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// As `sha256sum` writes them.
    const RECORDED: &str = include_str!("migrations/SHA256SUMS");

    #[test]
    fn no_migration_that_was_released_is_edited() {
        let made: BTreeSet<String> = (1..)
            .zip(MIGRATIONS)
            .map(|(number, text)| {
                let digest = Bytes::copy_from_slice(&digest(text));
                format!("{digest:x}  {number}.sql")
            })
            .collect();
        assert_eq!(
            made,
            RECORDED.lines().map(str::to_owned).collect(),
            "files that were made with the old text would be refused. Leave it as it was and add a migration, for which \
             `sha256sum *.sql > SHA256SUMS` in its folder adds a line; the others stay the same once they are released"
        );
    }
    #[test]
    fn an_inbox_of_an_earlier_version_gets_what_it_lacks() {
        let mut db = Connection::open_in_memory().expect("it is in memory");
        db.execute_batch(MIGRATIONS[0]).expect("it is a schema");
        db.execute("INSERT INTO inbox_migration VALUES (1, ?1)", [digest(MIGRATIONS[0])])
            .expect("it can be written");
        db.execute_batch("INSERT INTO inbox_quarantine VALUES (1, x'', 0, 1, '', x'')")
            .expect("it can be written");
        db.pragma_update(None, "user_version", 1).expect("it can be written");
        db.pragma_update(None, "application_id", APPLICATION_ID).expect("it can be written");
        let schema = Schema::of(&db).expect("it is an inbox");
        assert_eq!(schema, Schema::Version(1));
        schema.bring_up_to_date(&mut db).expect("it can be written");
        assert!(Schema::of(&db).expect("it is an inbox").is_current());
        let kept = db.query_row("SELECT count(*) FROM inbox_quarantine", [], |row| row.get(0));
        assert_eq!(kept, Ok(1));
    }
}
