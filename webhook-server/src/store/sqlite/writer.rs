//! The writer: one thread has the only connection that writes, and commits many jobs at once.
//!
//! A job waits while the previous commit is synced, and then goes into one commit with everything that has arrived
//! meanwhile. The running sync is the time in which a batch gathers, so there is no timer. Before each commit, the thread
//! lets others run that wait for its CPU; a lone event waits for nothing else.

mod answers;
mod batch;
mod cpu;
mod job;
mod log;
mod thread;

use std::fmt;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot};

use self::answers::Answers;
pub(crate) use self::job::Urgency;
use self::job::{Call, Job};
use self::thread::Thread;
use super::disk_space::DiskSpace;
use super::file::InboxFile;
use super::recover::Live;
use crate::store::{Arriving, CommitWatcher, StoreError};

/// How many arrivals may wait for the writer, and how many bytes of bodies. Beyond that they are refused, and Stripe
/// sends them again.
const MAX_ARRIVALS: usize = 1024;
const MAX_ARRIVING: u32 = 64 * 1024 * 1024;

/// Sends jobs to the thread, which ends when this is dropped and all jobs are done.
pub(super) struct Writer {
    /// `None` for a store that only reads.
    jobs: Option<Sender<Box<dyn Job>>>,
    /// Limits how many arrivals wait.
    arrivals: Arc<Semaphore>,
    /// Limits the bytes of the bodies that wait.
    arriving: Arc<Semaphore>,
    answers: Arc<Answers>,
    /// Told of each commit.
    watcher: Arc<OnceLock<CommitWatcher>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. Without a connection, it opens the file for the first job.
    pub(super) fn start(
        file: Arc<InboxFile>,
        db: Option<Connection>,
        disk_space: Arc<DiskSpace>,
    ) -> std::io::Result<Self> {
        let (jobs, received) = channel();
        let answers = Arc::new(Answers::default());
        let watcher = Arc::new(OnceLock::new());
        let (given, told) = (Arc::clone(&answers), Arc::clone(&watcher));
        let thread = std::thread::Builder::new()
            .name("webhook-inbox".to_owned())
            .spawn(move || Thread::new(file, db, disk_space, received, (given, told)).run_on())?;
        let arrivals = Arc::new(Semaphore::new(MAX_ARRIVALS));
        let arriving = Arc::new(Semaphore::new(MAX_ARRIVING as usize));
        Ok(Self { jobs: Some(jobs), arrivals, arriving, answers, watcher, thread: Some(thread) })
    }

    /// A writer without a thread, for a store that only reads: every job fails.
    pub(super) fn none() -> Self {
        Self {
            jobs: None,
            arrivals: Arc::new(Semaphore::new(0)),
            arriving: Arc::new(Semaphore::new(0)),
            answers: Arc::default(),
            watcher: Arc::default(),
            thread: None,
        }
    }

    /// What waits to be written. A writer without a thread has no places, so nothing waits there.
    pub(super) fn arriving(&self) -> Arriving {
        let taken = |most: usize, left: &Semaphore| most.saturating_sub(left.available_permits());
        match self.thread {
            Some(_) => Arriving {
                count: taken(MAX_ARRIVALS, &self.arrivals),
                bytes: taken(MAX_ARRIVING as usize, &self.arriving),
            },
            None => Arriving::default(),
        }
    }

    /// Has this told of each commit.
    pub(super) fn watch_commits(&self, watcher: CommitWatcher) {
        // Only the first one is told.
        let _ = self.watcher.set(watcher);
    }

    /// Runs a job in a transaction and returns when it is on disk. First notes which runs it began or ended. `work` is
    /// called again if its transaction was rolled back because another job failed.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Busy`] if too many arrivals wait, and if the job or the commit fails.
    ///
    /// Cancel safety: the job is done all the same.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        urgency: Urgency,
        work: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
        note: impl FnOnce(&T, &mut Live) + Send + 'static,
    ) -> Result<T, StoreError> {
        let permits = match urgency {
            Urgency::Arrival { bytes } => {
                // A body that is longer than the limit takes all of it.
                let bytes = u32::try_from(bytes).unwrap_or(MAX_ARRIVING).min(MAX_ARRIVING);
                let arrival = Arc::clone(&self.arrivals).try_acquire_owned();
                let arriving = Arc::clone(&self.arriving).try_acquire_many_owned(bytes);
                Some([arrival.map_err(|_| StoreError::Busy)?, arriving.map_err(|_| StoreError::Busy)?])
            }
            Urgency::Task | Urgency::Upkeep => None,
        };
        let (reply, answer) = oneshot::channel();
        let job = Call::new(urgency, permits, work, note, reply);
        let ended = || StoreError::broken("its writer has panicked or ended");
        let jobs = self.jobs.as_ref().ok_or_else(ended)?;
        jobs.send(Box::new(job)).map_err(|_| ended())?;
        let answer = answer.await;
        self.answers.pass_on();
        answer.map_err(|_| ended())?
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("arriving", &self.arriving()).finish_non_exhaustive()
    }
}

impl Drop for Writer {
    /// Waits for the jobs that were sent, so that the file is closed when a program continues without the store.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
