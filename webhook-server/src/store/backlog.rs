//! How much a store has to do: what waits in it, what is on the way into it, and what a commit took.

use std::time::Duration;

use super::{HandlerStats, SecretRow, State};

/// What waits for a run or for a person. Unlike [`Stats`](super::Stats), it is read in a time that does not grow with what is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backlog {
    /// Quarantined bodies.
    pub(crate) quarantined: u64,
    /// How long the oldest due task has been due, in milliseconds.
    pub(crate) oldest_due_ms: Option<i64>,
    /// One row for each handler, state and reason that occurs, of the tasks that are open or parked.
    pub(crate) handlers: Vec<HandlerStats>,
    /// The secrets, as in [`Stats`](super::Stats).
    pub(crate) secrets: Vec<SecretRow>,
}

impl Backlog {
    /// How many tasks are in a state.
    pub(crate) fn tasks(&self, state: State) -> u64 {
        self.handlers.iter().filter(|row| row.state == state).map(|row| row.tasks).sum()
    }
}

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
