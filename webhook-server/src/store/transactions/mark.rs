//! The mark by which a run recognises its own transaction.
//!
//! A mark ends with its transaction. So a handler that ends the transaction itself loses the mark, and is found out.

/// Marks the transaction. (A setting that began with the schema's name would be replaced by the store in PostgreSQL.)
pub(in crate::store) const MARK: &str =
    "SELECT set_config('webhook_run.ticket', $1::bigint::text || ':' || $2::bigint::text, true)";

/// Returns a row if the transaction is marked.
pub(in crate::store) const IS_MARKED: &str = "SELECT 1 WHERE current_setting('webhook_run.ticket', true) = $1::bigint::text || ':' || $2::bigint::text";
