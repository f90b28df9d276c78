//! Which jobs go into the next commit.

use std::collections::VecDeque;

use super::job::{Job, Urgency};

/// How many arrivals, and how many bytes of bodies, go into one commit.
const BATCH_ARRIVALS: usize = 256;
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Jobs that were received and are not yet in a batch.
#[derive(Default)]
pub(super) struct Waiting {
    /// Claims, ends of runs and operations.
    tasks: VecDeque<Box<dyn Job>>,
    /// New events and quarantined bodies.
    arrivals: VecDeque<Box<dyn Job>>,
    /// Waits until there is nothing else.
    upkeep: VecDeque<Box<dyn Job>>,
}

impl Waiting {
    /// Puts a job in its queue.
    pub(super) fn push(&mut self, job: Box<dyn Job>) {
        match job.urgency() {
            Urgency::Arrival { .. } => self.arrivals.push_back(job),
            Urgency::Task => self.tasks.push_back(job),
            Urgency::Upkeep => self.upkeep.push_back(job),
        }
    }

    /// How many jobs wait, without upkeep.
    pub(super) fn len(&self) -> usize {
        self.tasks.len() + self.arrivals.len()
    }

    /// Whether nothing but upkeep waits.
    pub(super) fn is_quiet(&self) -> bool {
        self.len() == 0
    }

    /// Takes what goes into the next commit: first everything that claims or ends tasks, so that stored events are
    /// handled as fast as new ones arrive; then arrivals, which do not wait either. The slots bound the first part.
    pub(super) fn batch(&mut self) -> Vec<Box<dyn Job>> {
        if self.is_quiet() {
            return self.upkeep.pop_front().into_iter().collect();
        }
        let mut batch: Vec<_> = self.tasks.drain(..).collect();
        let (all, mut bytes) = (batch.len() + BATCH_ARRIVALS, 0);
        while batch.len() < all
            && bytes < BATCH_BYTES
            && let Some(job) = self.arrivals.pop_front()
        {
            if let Urgency::Arrival { bytes: more } = job.urgency() {
                bytes += more;
            }
            batch.push(job);
        }
        batch
    }
}
