//! What happens to a task: it is claimed, run, and its end is recorded.

pub(crate) mod attempt;
pub(crate) mod inline;
pub(crate) mod panics;
pub(crate) mod slots;
pub(crate) mod worker;
