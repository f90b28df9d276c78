//! What happens to a task: it is claimed when it is due ([`worker`]), waits for a slot ([`slots`]), its handler is called
//! ([`attempt`]) on the application's runtime ([`hand_over`]), and how that ended is recorded ([`task`], [`disposition`]).
//!
//! A run has two ends. When the handler returns, its slot and its reservation are free for the next run. When the store has
//! recorded how it ended, the task is out of [`in_flight`], for which a shutdown waits.

pub(crate) mod attempt;
mod disposition;
pub(crate) mod hand_over;
pub(crate) mod in_flight;
pub(crate) mod inline;
mod lease;
pub(crate) mod panics;
pub(crate) mod slots;
pub(crate) mod task;
pub(crate) mod transaction;
pub(crate) mod worker;

#[cfg(any(test, fuzzing))]
pub(crate) mod test_handlers;
