//! The thread that writes.
//!
//! It takes the jobs that wait, commits them in one transaction, and answers them; then it copies the log if that is
//! due, and checks the disk. After an error that leaves the state of the database unknown, it drops the connection and
//! opens the file again for the next batch.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};
use tracing::{error, info, warn};

use super::answers::Answers;
use super::batch::Waiting;
use super::cpu::Cpu;
use super::job::Job;
use super::log::Log;
use crate::failpoint::failpoint;
use crate::report::format::rounded;
use crate::store::sqlite::disk_space::DiskSpace;
use crate::store::sqlite::file::InboxFile;
use crate::store::sqlite::problem::store_error;
use crate::store::sqlite::recover::{Live, release_unknown};
use crate::store::{Commit, CommitWatcher, StoreError};

/// How often an idle writer wakes up, and after which idle time it empties the log file.
const TICK: Duration = Duration::from_secs(1);
const IDLE: Duration = Duration::from_secs(30);

/// How often at most the CPU is lent to other threads before a commit, as long as jobs arrive meanwhile.
const LOANS: usize = 4;

/// The thread's state. Only this thread has the connection that writes.
pub(super) struct Thread {
    file: Arc<InboxFile>,
    /// `None` after an error that leaves its state unknown.
    db: Option<Connection>,
    disk_space: Arc<DiskSpace>,
    /// Where jobs come from. When all senders are gone, the thread ends.
    received: Receiver<Box<dyn Job>>,
    answers: Arc<Answers>,
    /// Told of each commit.
    watcher: Arc<OnceLock<CommitWatcher>>,
    /// The runs that were reported to the worker and have not ended.
    live: Live,
    log: Log,
    /// Since when every commit has failed.
    fails_since: Option<Instant>,
    /// Jobs that were received and are in no batch yet.
    waiting: Waiting,
    cpu: Cpu,
}

impl Thread {
    pub(super) fn new(
        file: Arc<InboxFile>,
        db: Option<Connection>,
        disk_space: Arc<DiskSpace>,
        received: Receiver<Box<dyn Job>>,
        (answers, watcher): (Arc<Answers>, Arc<OnceLock<CommitWatcher>>),
    ) -> Self {
        let (live, log, waiting) = (Live::new(), Log::default(), Waiting::default());
        Self {
            file,
            db,
            disk_space,
            received,
            answers,
            watcher,
            live,
            log,
            fails_since: None,
            waiting,
            cpu: Cpu::default(),
        }
    }

    /// Runs until there are no more jobs. A panic is a bug in this crate; it must not cost more than the current batch.
    pub(super) fn run_on(mut self) {
        while catch_unwind(AssertUnwindSafe(|| self.run())).is_err() {
            error!("writing to the inbox panicked");
            self.db = None;
            std::thread::sleep(TICK);
        }
    }

    /// Works until all senders are gone.
    fn run(&mut self) {
        let mut active_at = Instant::now();
        let mut log_is_empty = false;
        loop {
            self.gather();
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
                if let Some(db) = &self.db
                    && self.log.is_long(db, self.waiting.is_quiet())
                {
                    self.log.copy(db, &self.file.path);
                }
                (active_at, log_is_empty) = (Instant::now(), false);
            }
            self.disk_space.check();
        }
        self.empty_log();
    }

    /// Takes every job that was sent. While more arrive, lets threads that wait for this CPU send theirs, too: on a busy
    /// machine, this makes a batch larger and cheaper.
    fn gather(&mut self) {
        self.receive();
        let Self { cpu, received, waiting, .. } = self;
        for _ in 0..LOANS {
            let before = waiting.len();
            let brought = || {
                received.try_iter().for_each(|job| waiting.push(job));
                waiting.len() > before
            };
            if before == 0 || !cpu.lend(brought) {
                return;
            }
        }
    }

    /// Takes every job that was sent.
    fn receive(&mut self) {
        self.received.try_iter().for_each(|job| self.waiting.push(job));
    }

    /// Commits a batch and answers each job: with its own error, or with that of the whole commit.
    fn write(&mut self, mut batch: Vec<Box<dyn Job>>) {
        let began = Instant::now();
        let (results, whole) = self.commit(&mut batch);
        failpoint("after-commit");
        let results = results.into_iter().map(Some).chain(std::iter::repeat(None));
        for (job, own) in batch.iter_mut().zip(results) {
            job.settle(whole.clone().and_then(|()| own.unwrap_or(Ok(()))), &mut self.live);
        }
        if whole.is_ok()
            && let Some(told) = self.watcher.get()
        {
            told(Commit { writes: batch.len(), took: began.elapsed() });
        }
        self.answers.give(batch, &mut self.cpu);
    }

    /// Commits a batch in one transaction. Returns how each job went, and whether any of it is on disk.
    fn commit(
        &mut self,
        batch: &mut [Box<dyn Job>],
    ) -> (Vec<Result<(), StoreError>>, Result<(), StoreError>) {
        let mut results = Vec::new();
        let committed = self.connection().and_then(|db| {
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let transaction = if run_together(&transaction, batch)? {
                results.resize(batch.len(), Ok(()));
                transaction
            } else {
                transaction.rollback()?;
                let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
                run_apart(&transaction, batch, &mut results)?;
                transaction
            };
            failpoint("before-commit");
            transaction.commit()
        });
        if let Err(error) = &committed {
            // Whether a failed commit took place is known when the file is opened again.
            self.db = None;
            self.log.note(error);
            if self.fails_since.is_none() {
                warn!(%error, "the inbox could not be written");
            }
            self.fails_since.get_or_insert_with(Instant::now);
        } else if let Some(since) = self.fails_since.take() {
            info!(failed_for = %rounded(since.elapsed()), "the inbox can be written again");
        }
        let full = |error: &StoreError| matches!(error, StoreError::DiskFull);
        let committed = committed.map_err(store_error);
        if committed.as_ref().is_err_and(full)
            || results.iter().flat_map(|result| result.as_ref().err()).any(full)
        {
            self.disk_space.free_reserve();
        }
        (results, committed)
    }

    /// Returns the connection, and opens the file again if there is none.
    fn connection(&mut self) -> rusqlite::Result<&mut Connection> {
        if self.db.is_none() {
            let db = self.file.reopen()?;
            self.log.start_over(&db)?;
            // A commit that failed may have taken place. Then it started runs that were never reported to the worker.
            release_unknown(&db, &self.live)?;
            self.db = Some(db);
        }
        self.db.as_mut().ok_or(rusqlite::Error::InvalidQuery)
    }

    /// Copies the log into the database and empties its file, so that an idle inbox is one small file.
    fn empty_log(&mut self) {
        if let Some(db) = &self.db {
            self.log.empty(db, &self.file.path);
        }
    }
}

/// Runs the jobs of a batch. Returns false if one of them failed: then the transaction contains part of it.
///
/// Jobs hardly ever fail, and a savepoint before each of them costs more than what most of them write.
///
/// # Errors
///
/// Fails if an error ended the whole transaction.
fn run_together(transaction: &Connection, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<bool> {
    for job in batch {
        match job.run(transaction) {
            Err(error) if transaction.is_autocommit() => return Err(error),
            Err(_) => return Ok(false),
            // The job kept the error that ended the transaction to itself.
            Ok(()) if transaction.is_autocommit() => return Err(rusqlite::Error::InvalidQuery),
            Ok(()) => {}
        }
    }
    Ok(true)
}

/// Runs the jobs of a batch, each behind a savepoint, so that a job that fails takes no other with it. Adds to `results`
/// how each of them went.
///
/// # Errors
///
/// Fails if an error ended the whole transaction, and with it the jobs before.
fn run_apart(
    transaction: &Connection,
    batch: &mut [Box<dyn Job>],
    results: &mut Vec<Result<(), StoreError>>,
) -> rusqlite::Result<()> {
    for job in batch {
        step(transaction, "SAVEPOINT job")?;
        match job.run(transaction) {
            Ok(()) => results.push(Ok(())),
            Err(error) if transaction.is_autocommit() => return Err(error),
            Err(error) => {
                step(transaction, "ROLLBACK TO job")?;
                results.push(Err(store_error(error)));
            }
        }
        step(transaction, "RELEASE job")?;
    }
    Ok(())
}

/// Runs a statement of a transaction, compiled once.
fn step(transaction: &Connection, sql: &str) -> rusqlite::Result<()> {
    transaction.prepare_cached(sql)?.execute([]).map(drop)
}
