//! How much a store has to do: what is on the way into it, and what a commit took.

use std::time::Duration;

/// What was handed to a store and is not stored yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Arriving {
    /// Events, and bodies that are not events.
    pub(crate) count: usize,
    /// The bytes of their bodies.
    pub(crate) bytes: usize,
}

/// A transaction that was committed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Commit {
    /// How many writes shared it.
    pub(crate) writes: usize,
    /// From its beginning to the end of its sync.
    pub(crate) took: Duration,
}

/// Is told of each commit that stores what arrives. Must not block.
pub(crate) type CommitWatcher = Box<dyn Fn(Commit) + Send + Sync>;

/// A time of the store's as a duration; zero if its clock went back.
pub(super) fn millis(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}
