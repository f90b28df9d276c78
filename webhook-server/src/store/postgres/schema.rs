//! The schema: creating it, bringing it up to date, and recognising it.
//!
//! An inbox is a schema whose table `meta` has the number of its migrations, and whose table `migration` has their digests.
//! A schema that differs in these is refused, never changed. Old and new programs run side by side during a deploy, so a
//! migration only adds; `readable_from` says which programs can still use what it made.

#[cfg(test)]
mod tests;

use std::time::Duration;

use sha2::{Digest, Sha256};
use thiserror::Error;

use super::connection::Connection;
use super::problem::Problem;
use crate::failpoint::failpoint;
use crate::report::format::hex;

/// The steps to the present schema. Steps are added; a released step is never edited.
pub(super) const MIGRATIONS: [Migration; 2] = [
    Migration { text: include_str!("migrations/1.sql"), readable_from: 1 },
    Migration { text: include_str!("migrations/2.sql"), readable_from: 1 },
];

/// How often migrations are tried while other instances apply them.
const TRIES: u32 = 40;

/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(250);

/// A step from one version of the schema to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Migration {
    pub(super) text: &'static str,
    /// The number of migrations that a program must know to use the schema after this step.
    pub(super) readable_from: i32,
}

/// What is wrong with a database's schema: the predicate of a sentence about it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum SchemaProblem {
    #[error("is not an inbox yet")]
    NotYet,
    #[error("has an older schema than this program")]
    Older,
    #[error("has a schema of this name that is not an inbox")]
    OfSomethingElse,
    #[error("was made by a newer version of this program (schema {version}, and this one knows {newest})")]
    Newer { version: i32, newest: usize },
    #[error("was made by another build of this program, and has a schema that this build does not know")]
    OtherBuild,
    #[error("was changed by another program, and lacks {}", .0.join(", "))]
    Lacks(Vec<String>),
}

/// What a schema contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Schema {
    /// No inbox. The schema itself may exist.
    None { exists: bool },
    /// An inbox, made by this many of the migrations.
    Version(usize),
}

/// The migrations of one schema.
#[derive(Clone, Copy, Debug)]
pub(super) struct Migrations<'m> {
    pub(super) of: &'m [Migration],
    /// The name of the schema.
    pub(super) schema: &'m str,
}

impl Migrations<'_> {
    /// Makes sure that the schema is one that this program can use, and applies the migrations that it lacks if it may.
    ///
    /// # Errors
    ///
    /// Fails if the schema is of something else or of a newer program, or lacks something.
    pub(super) async fn ensure(&self, db: &Connection, may_migrate: bool) -> Result<(), Problem> {
        let schema = self.look(db).await?;
        let schema = match schema {
            Schema::Version(version) if version >= self.of.len() => schema,
            Schema::None { .. } if !may_migrate => return Err(SchemaProblem::NotYet.into()),
            Schema::Version(_) if !may_migrate => return Err(SchemaProblem::Older.into()),
            _ => self.bring_up_to_date(db).await?,
        };
        self.nothing_missing(db, schema).await
    }

    /// Recognises what the schema contains.
    ///
    /// # Errors
    ///
    /// Fails if it is not one that these migrations make, or that a program with them can use.
    pub(super) async fn look(&self, db: &Connection) -> Result<Schema, Problem> {
        let names = "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1), \
                            EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                                    WHERE n.nspname = $1 AND c.relname = 'meta')";
        let rows = db.query(names, &[&self.schema]).await?;
        let (exists, has_meta) = match rows.first() {
            Some(row) => (row.try_get(0)?, row.try_get(1)?),
            None => (false, false),
        };
        if !has_meta {
            return Ok(Schema::None { exists });
        }
        // In one statement: another instance may apply a migration meanwhile.
        let applied = "SELECT version, readable_from, ARRAY(SELECT sha256 FROM webhook.migration ORDER BY number) \
                       FROM webhook.meta";
        let rows = db.query(applied, &[]).await;
        let rows = rows.map_err(|problem| match problem {
            Problem::Unusable(cause) if cause.has_code("42703") => SchemaProblem::OfSomethingElse.into(),
            problem => problem,
        })?;
        let Some(row) = rows.first() else { return Err(SchemaProblem::OfSomethingElse.into()) };
        let (version, readable_from): (i32, i32) = (row.try_get(0)?, row.try_get(1)?);
        let newest = self.of.len();
        if usize::try_from(readable_from).unwrap_or(usize::MAX) > newest {
            return Err(SchemaProblem::Newer { version, newest }.into());
        }
        let applied = usize::try_from(version).unwrap_or(usize::MAX);
        let recorded: Vec<Vec<u8>> = row.try_get(2)?;
        let own = self.of.iter().take(applied).map(|migration| digest(migration.text).to_vec());
        if recorded.len() != applied || !own.zip(&recorded).all(|(own, recorded)| own == *recorded) {
            return Err(SchemaProblem::OtherBuild.into());
        }
        Ok(Schema::Version(applied))
    }

    /// Applies the missing migrations, each in a transaction, and returns what the schema contains then. Other instances
    /// may do the same at the same time.
    pub(super) async fn bring_up_to_date(&self, db: &Connection) -> Result<Schema, Problem> {
        let mut tries = 0;
        loop {
            let schema = self.look(db).await?;
            let applied = match schema {
                Schema::None { exists } => self.create(db, exists).await,
                Schema::Version(version) if version < self.of.len() => self.add(db, version).await,
                Schema::Version(_) => return Ok(schema),
            };
            let Err(problem) = applied else { continue };
            if problem.ends_connection() {
                return Err(problem);
            }
            db.batch("ROLLBACK").await?;
            tries += 1;
            match problem {
                // Another instance was faster, or is at it.
                Problem::Taken(_) | Problem::Collided(_) | Problem::Cancelled(_) if tries < TRIES => {
                    tokio::time::sleep(PAUSE).await;
                }
                Problem::Taken(_) => return Err(SchemaProblem::OfSomethingElse.into()),
                problem => return Err(problem),
            }
        }
    }

    /// The statements that apply the migrations which `schema` lacks, each in a transaction. A person may run them, too.
    pub(super) fn script(&self, schema: Schema) -> String {
        let (applied, create) = match schema {
            Schema::None { exists } => (0, !exists),
            Schema::Version(version) => (version, false),
        };
        let numbered = (1_usize..).zip(self.of).skip(applied);
        let steps = numbered.map(|(number, migration)| {
            let first =
                if create && number == 1 { format!("{};\n", self.create_schema()) } else { String::new() };
            format!("{BEGIN}{first}{}{}", migration.text, recorded(number, migration))
        });
        steps.collect()
    }

    /// Applies the first migration. There is nothing to lock yet: of several instances, one succeeds, and the others find
    /// that what they make is there already.
    async fn create(&self, db: &Connection, exists: bool) -> Result<(), Problem> {
        let Some(first) = self.of.first() else { return Ok(()) };
        db.batch(BEGIN).await?;
        if !exists {
            db.batch(&self.create_schema()).await?;
        }
        db.batch(first.text).await?;
        failpoint("mid-migration");
        db.batch(&recorded(1, first)).await
    }

    /// Applies the migration after `version`, unless another instance has done so meanwhile.
    async fn add(&self, db: &Connection, version: usize) -> Result<(), Problem> {
        let Some(next) = self.of.get(version) else { return Ok(()) };
        db.batch(BEGIN).await?;
        let rows = db.query("SELECT version FROM webhook.meta FOR UPDATE", &[]).await?;
        let present: Option<i32> = rows.first().map(|row| row.try_get(0)).transpose()?;
        if present.and_then(|present| usize::try_from(present).ok()) != Some(version) {
            return db.batch("ROLLBACK").await;
        }
        db.batch(next.text).await?;
        failpoint("mid-migration");
        db.batch(&recorded(version + 1, next)).await
    }

    fn create_schema(&self) -> String {
        format!("CREATE SCHEMA \"{}\"", self.schema)
    }

    /// Checks that no table or index of the migrations is missing. Others may be there.
    async fn nothing_missing(&self, db: &Connection, schema: Schema) -> Result<(), Problem> {
        let Schema::Version(applied) = schema else { return Ok(()) };
        let found = "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                     LEFT JOIN pg_index i ON i.indexrelid = c.oid \
                     WHERE n.nspname = $1 AND coalesce(i.indisvalid, true)";
        let rows = db.query(found, &[&self.schema]).await?;
        let found: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        let made = self.of.iter().take(applied).flat_map(|migration| parts(migration.text));
        let missing: Vec<String> = made
            .filter(|(_, name)| !found.iter().any(|found| found == name))
            .map(|(kind, name)| format!("{kind} {name}"))
            .collect();
        if missing.is_empty() { Ok(()) } else { Err(SchemaProblem::Lacks(missing).into()) }
    }
}

/// Begins a migration. One that waits long for a lock would stop everything that waits for it.
const BEGIN: &str = "BEGIN;\nSET LOCAL lock_timeout = '2s';\n";

/// The end of a migration: notes it, and commits.
fn recorded(number: usize, migration: &Migration) -> String {
    let digest = hex(&digest(migration.text));
    format!(
        "INSERT INTO webhook.migration (number, sha256) VALUES ({number}, decode('{digest}', 'hex'));\n\
         UPDATE webhook.meta SET version = {number}, readable_from = {};\nCOMMIT;\n",
        migration.readable_from
    )
}

/// The SHA-256 of a migration's text.
fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// The tables and indexes that a migration makes: what each is, and its name.
fn parts(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    text.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["CREATE", "TABLE", name, ..] => Some(("table", name.strip_prefix("webhook.")?)),
            ["CREATE", "INDEX", name, ..] | ["CREATE", "UNIQUE", "INDEX", name, ..] => Some(("index", name)),
            _ => None,
        }
    })
}
