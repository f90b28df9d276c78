//! The answers of a commit: given by the first caller that learns its own.
//!
//! Waking a thread is a system call, also for a thread that was just woken. So the writer wakes one caller, and that one wakes
//! the others, most of which wait on its own thread. After letting other threads run, the writer gives the remaining answers
//! itself, so that at most one answer waits for a caller that gives it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::cpu::Cpu;
use super::job::Job;

/// Jobs that are committed, or have failed, and whose callers do not know yet.
#[derive(Default)]
pub(super) struct Answers(Mutex<VecDeque<Box<dyn Job>>>);

impl Answers {
    /// Answers the first job, and leaves the others to its caller for a moment.
    pub(super) fn give(&self, batch: Vec<Box<dyn Job>>, cpu: &mut Cpu) {
        let mut batch = batch.into_iter();
        let Some(first) = batch.next() else { return };
        let is_alone = batch.len() == 0;
        if !is_alone {
            self.left().extend(batch);
        }
        first.answer();
        if !is_alone {
            cpu.lend(|| self.left().is_empty());
            self.pass_on();
        }
    }

    /// Gives the answers that are left.
    pub(super) fn pass_on(&self) {
        while let Some(job) = self.next() {
            job.answer();
        }
    }

    fn next(&self) -> Option<Box<dyn Job>> {
        self.left().pop_front()
    }

    fn left(&self) -> MutexGuard<'_, VecDeque<Box<dyn Job>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").finish_non_exhaustive()
    }
}
