//! The answers of a commit: given by the first caller that learns its own.
//!
//! Waking a thread is a system call, also for a thread that was just woken. So the writer wakes one caller, and that one wakes
//! the others, most of which wait on its own thread. The writer gives the answers itself that are left when it has let other
//! threads run, so an answer waits for no caller.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::job::Job;

/// Jobs that are committed, or have failed, and whose callers do not know yet.
#[derive(Default)]
pub(super) struct Answers(Mutex<Vec<Box<dyn Job>>>);

impl Answers {
    /// Answers the first job, and leaves the others to its caller for a moment.
    pub(super) fn give(&self, batch: Vec<Box<dyn Job>>) {
        let mut batch = batch.into_iter();
        let Some(first) = batch.next() else { return };
        let is_alone = batch.len() == 0;
        if !is_alone {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(batch);
        }
        first.answer();
        if !is_alone {
            std::thread::yield_now();
            self.pass_on();
        }
    }

    /// Gives the answers that are left.
    pub(super) fn pass_on(&self) {
        let left = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        left.into_iter().for_each(Job::answer);
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").finish_non_exhaustive()
    }
}
