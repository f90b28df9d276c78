//! Opening connections, with everything that is set on them.
//!
//! The settings are part of what the inbox promises: a log (`WAL`) so that readers never wait for the writer, and a sync of
//! each commit (`synchronous = FULL`) before it counts as written.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::problem::Problem;
use super::schema::Schema;

/// How long to wait while another program has the database locked.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The memory of the writer's cache of pages, in KiB. It holds what a commit of 256 events changes, if their bodies are of the
/// usual size; more costs memory and saves nothing, since new rows go to the ends of tables and indexes.
const CACHE_KIB: i32 = 2 * 1024;

/// Sets what does not depend on where the database is kept.
pub(super) fn configure(db: &mut Connection) -> rusqlite::Result<()> {
    db.set_prepared_statement_cache_capacity(64);
    // Otherwise the planner looks at the bound values, and compiles a statement again when they may have changed.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.pragma_update(None, "trusted_schema", false)
}

/// Opens a connection that only reads. It may be open beside the writer, also in another process.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let reader = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_ONLY))?;
    reader.busy_timeout(BUSY_TIMEOUT)?;
    Ok(reader)
}

/// SQLite's own mutexes and shared caches are not needed: each connection has one thread at a time.
fn flags(access: OpenFlags) -> OpenFlags {
    access | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// Opens the one connection that writes, and brings the schema up to date. The caller holds the lock.
pub(super) fn open_writer(path: &Path) -> Result<Connection, Problem> {
    let mut db = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
    configure(&mut db)?;
    db.busy_timeout(BUSY_TIMEOUT)?;
    let schema = Schema::of(&db)?;
    if schema == Schema::None {
        // These two can be chosen before the first page is written only.
        db.pragma_update(None, "page_size", 4096)?;
        db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    let mode: String = db.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Problem::NoLog { mode });
    }
    // A commit is on the disk when it returns.
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "mmap_size", 0)?;
    db.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // The writer makes the checkpoints itself, between its batches.
    db.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    db.pragma_update_and_check(None, "journal_size_limit", 64 * 1024 * 1024, |_| Ok(()))?;
    if !schema.is_current() {
        schema.bring_up_to_date(&mut db)?;
    }
    Ok(db)
}
