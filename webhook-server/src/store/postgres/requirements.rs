//! What a server and a role must be like, so that what was acknowledged is not lost.

use std::fmt;

use super::connection::Connection;
use super::problem::Problem;

/// The oldest version of PostgreSQL that is supported, as `server_version_num` has it.
const OLDEST: i32 = 130_000;

/// The tables of which a program only reads the rows.
const ONLY_READ: [&str; 2] = ["meta", "migration"];

/// From which tasks get their numbers in the order of their handlers.
const TASK_NUMBERS: &str = "task_id_seq";

/// What a server or a role lacks: a sentence about the database, with what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unmet {
    Version(String),
    /// The setting of this name is off.
    Off(&'static str),
    SynchronousCommit(String),
    Isolation(String),
    Encoding(String),
    /// The tables that the role may not read or write.
    Rights(Vec<String>),
    /// The sequence that the role may not use.
    Sequence(&'static str),
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => {
                write!(f, "its server is PostgreSQL {version}: PostgreSQL 13 or newer is needed")
            }
            Self::Off(setting) => write!(
                f,
                "`{setting}` is off: the database is damaged when its machine fails; set {setting} = on in \
                 postgresql.conf"
            ),
            Self::SynchronousCommit(value) => write!(
                f,
                "`synchronous_commit` is {value}: acknowledged events can be lost when its server fails; run ALTER ROLE \
                 … SET synchronous_commit = on"
            ),
            Self::Isolation(value) => write!(
                f,
                "`default_transaction_isolation` is {value}: the inbox is written for read committed; run ALTER ROLE … \
                 SET default_transaction_isolation = 'read committed'"
            ),
            Self::Encoding(value) => {
                write!(f, "its encoding is {value}: create a database with ENCODING 'UTF8'")
            }
            Self::Rights(tables) => write!(
                f,
                "its role may not read and write {}: run GRANT SELECT, INSERT, UPDATE, DELETE ON … TO …",
                tables.join(", ")
            ),
            Self::Sequence(name) => {
                write!(f, "its role may not use {name}: run GRANT USAGE ON ALL SEQUENCES IN SCHEMA … TO …")
            }
        }
    }
}

/// Checks the server's settings. A setting that the server does not have is as it should be.
pub(super) async fn of_server(db: &Connection) -> Result<(), Problem> {
    let settings = "SELECT current_setting('server_version_num', true)::integer, current_setting('server_version', true), \
                           current_setting('fsync', true), current_setting('full_page_writes', true), \
                           current_setting('synchronous_commit', true), \
                           current_setting('default_transaction_isolation', true), \
                           current_setting('server_encoding', true)";
    let rows = db.query(settings, &[]).await?;
    let Some(row) = rows.first() else { return Ok(()) };
    let text = |at: usize| row.try_get::<_, Option<String>>(at);
    let mut unmet = Vec::new();
    if row.try_get::<_, Option<i32>>(0)?.is_some_and(|version| version < OLDEST) {
        unmet.push(Unmet::Version(text(1)?.unwrap_or_default()));
    }
    for (at, setting) in [(2, "fsync"), (3, "full_page_writes")] {
        if text(at)?.as_deref() == Some("off") {
            unmet.push(Unmet::Off(setting));
        }
    }
    unmet.extend(text(4)?.filter(|value| ["off", "local"].contains(&&**value)).map(Unmet::SynchronousCommit));
    unmet.extend(text(5)?.filter(|value| value != "read committed").map(Unmet::Isolation));
    unmet.extend(text(6)?.filter(|value| value != "UTF8").map(Unmet::Encoding));
    none_or(unmet)
}

/// Checks that the role may use all tables of the schema, and the sequence from which tasks get their numbers. The database
/// itself gives the numbers of other rows, for which no right is needed.
pub(super) async fn of_role(db: &Connection, schema: &str) -> Result<(), Problem> {
    let lacking = "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                   WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT (has_table_privilege(c.oid, 'SELECT') \
                       AND (c.relname::text = ANY ($2) OR has_table_privilege(c.oid, 'INSERT') \
                            AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))) \
                   ORDER BY 1";
    let rows = db.query(lacking, &[&schema, &ONLY_READ.as_slice()]).await?;
    let tables: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    let mut unmet = Vec::new();
    if !tables.is_empty() {
        unmet.push(Unmet::Rights(tables));
    }
    let may_use = "SELECT has_sequence_privilege(c.oid, 'USAGE') FROM pg_class c \
                   JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2";
    let rows = db.query(may_use, &[&schema, &TASK_NUMBERS]).await?;
    if !rows.first().map(|row| row.try_get(0)).transpose()?.unwrap_or(true) {
        unmet.push(Unmet::Sequence(TASK_NUMBERS));
    }
    none_or(unmet)
}

/// Warns if the instances that share the inbox, this one included, may together need more connections than the server has.
pub(super) async fn too_many_connections(db: &Connection, each: u32) -> Result<Option<String>, Problem> {
    let counts = "SELECT current_setting('max_connections', true)::bigint \
                         - current_setting('superuser_reserved_connections', true)::bigint, \
                         (SELECT count(*) FROM webhook.instance WHERE lease_until_ms > now_ms)";
    let rows = db.query(counts, &[]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (available, others): (Option<i64>, i64) = (row.try_get(0)?, row.try_get(1)?);
    let needed = others.saturating_add(1).saturating_mul(each.into());
    Ok(available.filter(|available| needed > *available).map(|available| {
        format!(
            "{} instances with {each} connections each need more than the {available} that the inbox's database accepts: \
             raise its max_connections, or lower inbox-connections",
            others.saturating_add(1)
        )
    }))
}

fn none_or(unmet: Vec<Unmet>) -> Result<(), Problem> {
    if unmet.is_empty() { Ok(()) } else { Err(Problem::Unmet(unmet)) }
}
