//! How a handler's own transaction ends a run: in the transaction itself, where the inbox is in the same database.

#[cfg(feature = "sqlite")]
pub(super) mod apart;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(super) mod mark;

use super::{StoreFuture, Ticket};

/// What a store does for the transactions of handlers.
pub(crate) trait Transactions: Send + Sync {
    /// Returns the statements with which a handler's transaction ends a run of this instance.
    fn statements(&self) -> Statements;

    /// Returns what has become of a run whose handler's transaction may have committed its end.
    fn completion(&self, ticket: Ticket) -> StoreFuture<'_, Completion>;

    /// Returns what the database of handlers' pools is asked at the start.
    fn pool_checks(&self) -> StoreFuture<'_, Vec<PoolCheck>>;
}

/// The statements with which a handler's transaction ends a run. Their parameters are numbers.
#[derive(Clone, Debug)]
pub(crate) struct Statements {
    /// Marks the transaction as that of a run: `$1` is its task, `$2` its fence. The mark goes with the transaction.
    pub(crate) mark: String,
    /// Ends the run as done: `$1` is its task, `$2` its fence, `$3` the instance. Changes or returns one row; none if the
    /// ticket is no longer valid, or if the transaction is not marked.
    pub(crate) complete: String,
    /// Returns a row if the transaction is marked with this task, `$1`, and this fence, `$2`.
    pub(crate) is_marked: String,
    /// The present id of this instance.
    pub(crate) instance: i64,
}

/// What has become of a run whose handler's transaction may have committed its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completion {
    /// It was committed: the task is done.
    Committed,
    /// The transaction has not ended yet.
    Pending,
    /// It was not committed, and cannot be any more.
    RolledBack,
}

/// What a pool's database must answer.
#[derive(Clone, Debug)]
pub(crate) struct PoolCheck {
    /// Returns one row if all is well, and fails or returns none otherwise.
    pub(crate) statement: String,
    /// What is wrong then, and what to do.
    pub(crate) otherwise: &'static str,
}
