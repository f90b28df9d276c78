//! The one thread that writes: many jobs, one commit.
//!
//! A job waits while the commit before it is synced, and then goes with everything that came meanwhile: the running
//! sync is the window in which a batch gathers, so there is no timer, and one event alone waits for nothing.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::hooks::Wal;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tracing::{error, warn};

use super::disk_space::DiskSpace;
use super::file::{BUSY_TIMEOUT, InboxFile};
use super::recover::{Live, release_unknown};
use crate::store::StoreError;
use crate::store::failpoint::failpoint;

/// How many arrivals may wait for the writer, and how many bytes of bodies; what is more is refused, and Stripe sends it
/// again.
const MAX_ARRIVALS: usize = 1024;
const MAX_ARRIVING: u32 = 64 * 1024 * 1024;

/// How many arrivals, and how many bytes of bodies, go into one commit.
const BATCH_ARRIVALS: usize = 256;
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Log pages (8 KiB) from which the log is copied into the database when there is nothing else to do, and from which
/// it is copied whatever there is to do.
const CHECKPOINT_SOON: i32 = 2_000;
const CHECKPOINT_NOW: i32 = 8_000;

/// Log pages from which it is said that they cannot be copied: half a gigabyte.
const LOG_ALARM: i32 = 64_000;

/// How often an idle writer looks around, and after how long it empties the log file.
const TICK: Duration = Duration::from_secs(1);
const IDLE: Duration = Duration::from_secs(30);

/// Sends jobs to the thread, which ends when this is dropped and all jobs are done.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<Sender<Box<dyn Job>>>,
    arrivals: Arc<Semaphore>,
    arriving: Arc<Semaphore>,
    thread: Option<JoinHandle<()>>,
}

/// What a job is for: what may be refused, and what may wait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Urgency {
    /// An arrival, with so many bytes: refused if too many wait.
    Arrival { bytes: usize },
    /// Never refused.
    Task,
    /// Done when there is nothing else to do.
    Upkeep,
}

impl Writer {
    /// Starts the thread. Without a connection, it opens the file for the first job.
    pub(super) fn start(
        file: Arc<InboxFile>,
        db: Option<Connection>,
        room: Arc<DiskSpace>,
    ) -> std::io::Result<Self> {
        let (jobs, received) = channel();
        let thread = std::thread::Builder::new()
            .name("webhook-inbox".to_owned())
            .spawn(move || Thread::new(file, db, room, received).run_on())?;
        let arrivals = Arc::new(Semaphore::new(MAX_ARRIVALS));
        let arriving = Arc::new(Semaphore::new(MAX_ARRIVING as usize));
        Ok(Self { jobs: Some(jobs), arrivals, arriving, thread: Some(thread) })
    }

    /// Does nothing: every job fails.
    pub(super) fn none() -> Self {
        Self {
            jobs: None,
            arrivals: Arc::new(Semaphore::new(0)),
            arriving: Arc::new(Semaphore::new(0)),
            thread: None,
        }
    }

    /// Does a job in a transaction, and returns when that is on the disk; before that, notes which runs it began or
    /// ended.
    ///
    /// Cancel safety: the job is done all the same.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        urgency: Urgency,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        note: impl FnOnce(&T, &mut Live) + Send + 'static,
    ) -> Result<T, StoreError> {
        let permits = match urgency {
            Urgency::Arrival { bytes } => {
                // One that is longer than all room there is takes all of it.
                let bytes = u32::try_from(bytes).unwrap_or(MAX_ARRIVING).min(MAX_ARRIVING);
                let arrival = Arc::clone(&self.arrivals).try_acquire_owned();
                let arriving = Arc::clone(&self.arriving).try_acquire_many_owned(bytes);
                Some([arrival.map_err(|_| StoreError::Busy)?, arriving.map_err(|_| StoreError::Busy)?])
            }
            Urgency::Task | Urgency::Upkeep => None,
        };
        let (reply, answer) = oneshot::channel();
        let job = Call { urgency, _permits: permits, work: Some(work), note, value: None, reply };
        let ended = || StoreError::Broken("its writer has panicked or ended".to_owned());
        let jobs = self.jobs.as_ref().ok_or_else(ended)?;
        jobs.send(Box::new(job)).map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

impl Drop for Writer {
    /// Waits for the jobs that were sent, so that a program that goes on knows its file closed.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Something to write, and whoever waits for it.
trait Job: Send {
    fn urgency(&self) -> Urgency;
    fn run(&mut self, db: &Connection) -> rusqlite::Result<()>;
    fn answer(self: Box<Self>, committed: Result<(), StoreError>, live: &mut Live);
}

struct Call<F, N, T> {
    urgency: Urgency,
    _permits: Option<[OwnedSemaphorePermit; 2]>,
    work: Option<F>,
    note: N,
    value: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F, N> Job for Call<F, N, T>
where
    T: Send,
    F: FnOnce(&Connection) -> rusqlite::Result<T> + Send,
    N: FnOnce(&T, &mut Live) + Send,
{
    fn urgency(&self) -> Urgency {
        self.urgency
    }

    fn run(&mut self, db: &Connection) -> rusqlite::Result<()> {
        if let Some(work) = self.work.take() {
            self.value = Some(work(db)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>, live: &mut Live) {
        let Self { value, note, reply, .. } = *self;
        let missing = || StoreError::Broken("it did not come to this write".to_owned());
        let answer = committed.and_then(|()| value.ok_or_else(missing));
        if let Ok(value) = &answer {
            note(value, live);
        }
        // Whoever asked may have stopped waiting.
        let _ = reply.send(answer);
    }
}

struct Thread {
    file: Arc<InboxFile>,
    /// `None` after an error that leaves its state unknown.
    db: Option<Connection>,
    room: Arc<DiskSpace>,
    received: Receiver<Box<dyn Job>>,
    live: Live,
    /// Whether part of the log may not have reached the disk.
    log_is_doubtful: bool,
    /// Pages in the log after the last commit.
    frames: Arc<AtomicI32>,
    /// Whether it was said that they cannot be copied.
    log_is_stuck: bool,
    waiting: Waiting,
}

/// Jobs that were received and are not yet in a batch.
#[derive(Default)]
struct Waiting {
    tasks: VecDeque<Box<dyn Job>>,
    arrivals: VecDeque<Box<dyn Job>>,
    /// Waits until there is nothing else.
    upkeep: VecDeque<Box<dyn Job>>,
}

impl Waiting {
    fn push(&mut self, job: Box<dyn Job>) {
        match job.urgency() {
            Urgency::Arrival { .. } => self.arrivals.push_back(job),
            Urgency::Task => self.tasks.push_back(job),
            Urgency::Upkeep => self.upkeep.push_back(job),
        }
    }

    /// Whether nobody waits for anything but upkeep.
    fn is_quiet(&self) -> bool {
        self.tasks.is_empty() && self.arrivals.is_empty()
    }

    /// What goes into the next commit: first all that claims and ends tasks, so that what is stored is handled as fast as
    /// more arrives, and then arrivals, so that these do not wait either. Of tasks, no more are in hand than have a place.
    fn batch(&mut self) -> Vec<Box<dyn Job>> {
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

impl Thread {
    fn new(
        file: Arc<InboxFile>,
        db: Option<Connection>,
        room: Arc<DiskSpace>,
        received: Receiver<Box<dyn Job>>,
    ) -> Self {
        let mut thread = Self {
            file,
            db: None,
            room,
            received,
            live: Live::new(),
            log_is_doubtful: false,
            frames: Arc::default(),
            log_is_stuck: false,
            waiting: Waiting::default(),
        };
        thread.db = db.and_then(|db| thread.counting(db).ok());
        thread
    }

    /// Runs to the end of the jobs. A panic is a defect of ours; it must cost no more than the batch at hand.
    fn run_on(mut self) {
        while catch_unwind(AssertUnwindSafe(|| self.run())).is_err() {
            error!("writing to the inbox panicked");
            self.db = None;
            std::thread::sleep(TICK);
        }
    }

    fn run(&mut self) {
        let mut active_at = Instant::now();
        let mut log_is_empty = false;
        loop {
            self.receive();
            let batch = self.waiting.batch();
            if batch.is_empty() {
                match self.received.recv_timeout(TICK) {
                    Ok(job) => self.waiting.push(job),
                    Err(RecvTimeoutError::Timeout) if active_at.elapsed() >= IDLE && !log_is_empty => {
                        self.empty_log();
                        log_is_empty = true;
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            } else {
                self.write(batch);
                self.receive();
                let frames = self.frames.load(Ordering::Relaxed);
                if frames > CHECKPOINT_NOW || frames > CHECKPOINT_SOON && self.waiting.is_quiet() {
                    self.copy_log();
                }
                (active_at, log_is_empty) = (Instant::now(), false);
            }
            self.room.look();
        }
        self.empty_log();
    }

    /// Takes every job that was sent.
    fn receive(&mut self) {
        while let Ok(job) = self.received.try_recv() {
            self.waiting.push(job);
        }
    }

    fn write(&mut self, mut batch: Vec<Box<dyn Job>>) {
        let (results, whole) = self.commit(&mut batch);
        failpoint!("after-commit");
        let results = results.into_iter().map(Some).chain(std::iter::repeat(None));
        for (job, own) in batch.into_iter().zip(results) {
            job.answer(whole.clone().and_then(|()| own.unwrap_or(Ok(()))), &mut self.live);
        }
    }

    /// Runs the jobs in one transaction, each behind a savepoint so that one that fails takes nothing with it.
    /// Returns how each went, and whether any of it is on the disk.
    fn commit(
        &mut self,
        batch: &mut [Box<dyn Job>],
    ) -> (Vec<Result<(), StoreError>>, Result<(), StoreError>) {
        let mut results = Vec::with_capacity(batch.len());
        let committed = self.connection().and_then(|db| {
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for job in batch {
                step(&transaction, "SAVEPOINT job")?;
                let done = job.run(&transaction);
                if let Err(error) = &done {
                    // Some errors end the whole transaction, and with it the jobs before this one.
                    if transaction.is_autocommit() {
                        return done;
                    }
                    step(&transaction, "ROLLBACK TO job")?;
                    results.push(Err(translate(error)));
                } else {
                    results.push(Ok(()));
                }
                step(&transaction, "RELEASE job")?;
            }
            failpoint!("before-commit");
            transaction.commit()
        });
        if let Err(error) = &committed {
            // Whether a failed commit took place is known when the file is opened again.
            self.db = None;
            self.log_is_doubtful |= error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure);
            warn!(%error, "the inbox could not be written");
        }
        let full = |error: &StoreError| matches!(error, StoreError::DiskFull);
        let committed = committed.map_err(|error| translate(&error));
        if committed.as_ref().is_err_and(full)
            || results.iter().flat_map(|result| result.as_ref().err()).any(full)
        {
            self.room.ran_out();
        }
        (results, committed)
    }

    fn connection(&mut self) -> rusqlite::Result<&mut Connection> {
        if self.db.is_none() {
            let db = self.counting(self.file.reopen()?)?;
            if self.log_is_doubtful {
                // After a sync that failed, the system may take for written what is not on the disk, and a log with a
                // gap is worth nothing behind it. So all of it goes into the database, and the log begins anew.
                db.wal_checkpoint_v2(None::<&str>, CheckpointMode::RESTART)?;
                self.log_is_doubtful = false;
            }
            // A commit that failed may have taken place: then it began runs of which nobody was told.
            release_unknown(&db, &self.live)?;
            self.db = Some(db);
        }
        self.db.as_mut().ok_or(rusqlite::Error::InvalidQuery)
    }

    /// Has the length of the log noted at each commit. The file's own length says nothing: it stays long.
    fn counting(&self, mut db: Connection) -> rusqlite::Result<Connection> {
        let frames = Arc::clone(&self.frames);
        db.wal_hook(Some(move |_: &mut Wal, pages| {
            frames.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(db)
    }

    /// Copies the log into the database, as far as no reader is in the way.
    fn copy_log(&mut self) {
        let uncopied = self.checkpoint(CheckpointMode::PASSIVE);
        failpoint!("mid-checkpoint");
        let is_stuck = uncopied.is_some_and(|pages| pages > LOG_ALARM);
        if is_stuck && !self.log_is_stuck {
            let path = self.file.path.display();
            warn!(%path, "the inbox's log only grows: another program has a transaction open on this file, end that");
        }
        self.log_is_stuck = is_stuck;
    }

    fn empty_log(&mut self) {
        self.copy_log();
        self.checkpoint(CheckpointMode::TRUNCATE);
    }

    /// Returns how many pages could not be copied, because a reader still needs what the database has in their place.
    fn checkpoint(&self, mode: CheckpointMode) -> Option<i32> {
        let db = self.db.as_ref()?;
        // What cannot be done now can be done later: whoever writes need not wait for a reader.
        let made = db.busy_timeout(Duration::ZERO).and_then(|()| db.wal_checkpoint_v2(None::<&str>, mode));
        let made = db.busy_timeout(BUSY_TIMEOUT).and(made);
        match made {
            Ok((pages, copied)) => Some(pages - copied),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => None,
            Err(error) => {
                warn!(%error, "the inbox's log could not be copied into its file");
                None
            }
        }
    }
}

/// Does a step of a transaction, with a statement that is compiled once.
fn step(transaction: &Connection, sql: &str) -> rusqlite::Result<()> {
    transaction.prepare_cached(sql)?.execute([]).map(drop)
}

pub(super) fn translate(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::DiskFull,
        _ => StoreError::Broken(error.to_string()),
    }
}
