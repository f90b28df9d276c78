//! A job: something to write, and the caller that waits for it.

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::store::StoreError;
use crate::store::sqlite::recover::Live;

/// What a job is for, which decides whether it may be refused or may wait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Urgency {
    /// An arrival, with the bytes of its body: refused if too many wait.
    Arrival { bytes: usize },
    /// Never refused.
    Task,
    /// Done when there is nothing else to do.
    Upkeep,
}

/// Something to write, and the caller that waits for it.
pub(super) trait Job: Send {
    /// Which queue it waits in.
    fn urgency(&self) -> Urgency;

    /// Writes it, within a transaction. Called again if that transaction was rolled back for another job's sake.
    fn run(&mut self, db: &Connection) -> rusqlite::Result<()>;

    /// Learns whether it is on disk, and notes which runs it began or ended.
    fn settle(&mut self, committed: Result<(), StoreError>, live: &mut Live);

    /// Tells the caller what became of it.
    fn answer(self: Box<Self>);
}

/// A job as two closures.
pub(super) struct Call<F, N, T> {
    urgency: Urgency,
    /// For an arrival: its places in the queue, which are free again when it is answered.
    permits: Option<[OwnedSemaphorePermit; 2]>,
    /// What to write.
    work: F,
    /// Notes which runs the job started or ended, once it is committed.
    note: Option<N>,
    /// What `work` returned the last time, or why it is not on disk.
    value: Option<Result<T, StoreError>>,
    /// The caller, who may have stopped waiting.
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, N, T> Call<F, N, T> {
    pub(super) fn new(
        urgency: Urgency,
        permits: Option<[OwnedSemaphorePermit; 2]>,
        work: F,
        note: N,
        reply: oneshot::Sender<Result<T, StoreError>>,
    ) -> Self {
        Self { urgency, permits, work, note: Some(note), value: None, reply }
    }
}

impl<F, N, T> Job for Call<F, N, T>
where
    T: Send,
    F: Fn(&Connection) -> rusqlite::Result<T> + Send,
    N: FnOnce(&T, &mut Live) + Send,
{
    fn urgency(&self) -> Urgency {
        self.urgency
    }

    fn run(&mut self, db: &Connection) -> rusqlite::Result<()> {
        self.value = None;
        self.value = Some(Ok((self.work)(db)?));
        Ok(())
    }

    fn settle(&mut self, committed: Result<(), StoreError>, live: &mut Live) {
        match (committed, &self.value, self.note.take()) {
            (Ok(()), Some(Ok(value)), Some(note)) => note(value, live),
            (Ok(()), ..) => {}
            (Err(error), ..) => self.value = Some(Err(error)),
        }
    }

    fn answer(self: Box<Self>) {
        let Self { value, reply, permits, .. } = *self;
        // When the caller knows, there is capacity for its next job.
        drop(permits);
        let missing = || Err(StoreError::broken("the transaction ended before this write"));
        // The caller may have stopped waiting.
        let _ = reply.send(value.unwrap_or_else(missing));
    }
}
