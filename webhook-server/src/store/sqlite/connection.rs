//! What every connection that writes has set.

use rusqlite::Connection;
use rusqlite::config::DbConfig;

/// Sets what does not depend on where the database is kept.
pub(super) fn configure(db: &mut Connection) -> rusqlite::Result<()> {
    db.set_prepared_statement_cache_capacity(64);
    // Otherwise the planner looks at the bound values, and compiles a statement again when they may have changed.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.pragma_update(None, "trusted_schema", false)
}
