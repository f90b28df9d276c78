//! How much a store has to do: what waits in it, what is on the way into it, and what a commit took.

use std::time::Duration;

use super::{ParkReason, State, Stats};

/// What is not done in an inbox. Reading it takes as long as there is much of it, however much is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backlog {
    /// Tasks that run when they are due.
    pub(crate) ready: u64,
    pub(crate) running: u64,
    /// Tasks that run when their lane is free.
    pub(crate) blocked: u64,
    /// By handler and reason, in that order.
    pub(crate) parked: Vec<ParkedTasks>,
    /// How long the oldest due task has been due.
    pub(crate) oldest_due: Option<Duration>,
    /// Quarantined bodies.
    pub(crate) quarantined: u64,
}

/// The tasks of a handler that are parked for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParkedTasks {
    pub(crate) handler: String,
    pub(crate) why: ParkReason,
    pub(crate) tasks: u64,
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

impl Backlog {
    /// The backlog among all that is counted, for a store whose inbox is small.
    pub(super) fn of(stats: &Stats) -> Self {
        let tasks = |state| stats.handlers.iter().filter(|row| row.state == state).map(|row| row.tasks).sum();
        let parked = stats.handlers.iter().filter(|row| row.state == State::Parked);
        let parked = parked.filter_map(|row| {
            Some(ParkedTasks { handler: row.handler.clone(), why: row.why?, tasks: row.tasks })
        });
        Self {
            ready: tasks(State::Ready),
            running: tasks(State::Running),
            blocked: tasks(State::Blocked),
            parked: parked.collect(),
            oldest_due: stats.oldest_due_ms.map(millis),
            quarantined: stats.quarantined,
        }
    }
}

/// A time of the store's as a duration; zero if its clock went back.
pub(super) fn millis(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}
