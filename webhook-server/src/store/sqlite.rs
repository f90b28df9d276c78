//! The store in one SQLite file: no server, and safe against the process and the machine ending at any moment.
//!
//! One thread writes ([`writer`]), in transactions that gather whatever waits; readers have a connection of their own.
//! Everything else here is statements.

mod cautions;
mod claim;
mod columns;
mod disk_space;
mod file;
mod file_systems;
mod finish;
mod lock;
mod operate;
mod paths;
mod prune;
mod record;
mod recover;
mod schema;
mod session;
#[cfg(test)]
mod tests;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rusqlite::Connection;

pub(crate) use self::cautions::cautions;
use self::claim::Run;
use self::disk_space::DiskSpace;
use self::file::{InboxFile, Problem};
pub(crate) use self::paths::{beside, is_socket, real};
use self::recover::Live;
use self::session::Session;
use self::writer::{Urgency, Writer, translate};
use crate::store::Opening;
use crate::store::clock::StoreClock;
use crate::store::{
    Capacity, ClaimResult, Disposition, EventRow, Filter, FinishResult, NewEvent, NewTask, OpenError, Pruned,
    QuarantineRow, RecordResult, Recovered, Replayed, Retention, Stats, Store, StoreError, StoreFuture,
    StoredEvent, TaskRow, Ticket,
};

/// An inbox in a file.
#[derive(Debug)]
pub(crate) struct Sqlite {
    writer: Writer,
    reader: Arc<Mutex<Option<Connection>>>,
    room: Arc<DiskSpace>,
    file: Arc<InboxFile>,
    session: Arc<Session>,
}

impl Sqlite {
    /// Opens the inbox in a file, and makes it if there is none. If the disk is full, that is put off until there is room:
    /// what would write fails until then.
    ///
    /// # Errors
    ///
    /// Says in one sentence why the file cannot be used, and what to do.
    pub(crate) fn open(path: &Path, opening: &Opening) -> Result<Self, OpenError> {
        Self::open_with(path, opening, None)
    }

    /// Looks whether an inbox may be there.
    pub(crate) fn check(path: &Path, opening: &Opening) -> Result<(), OpenError> {
        InboxFile::at(path, opening).map(|_| ())
    }

    /// Opens it with a clock other than the system's.
    pub(crate) fn open_with(
        path: &Path,
        opening: &Opening,
        clock: Option<StoreClock>,
    ) -> Result<Self, OpenError> {
        let file = Arc::new(InboxFile::at(path, opening)?);
        let room = Arc::new(DiskSpace::new(&file.path, opening.disk_floor));
        let session = Arc::new(Session::new(Arc::clone(&file), Arc::clone(&room), clock));
        let db = match session.open() {
            Ok(db) => {
                room.look();
                Some(db)
            }
            Err(Problem::Full) => {
                room.is_out();
                None
            }
            Err(problem) => return Err(file.refused(problem)),
        };
        let writer = Writer::start(Arc::clone(&file), db, Arc::clone(&room)).map_err(|error| {
            format!("{} cannot be used: no thread to write it: {error}", file.path.display())
        })?;
        Ok(Self { writer, reader: Arc::default(), room, file, session })
    }

    /// Opens the inbox in a file, while nobody or another process has it. Everything but reading fails.
    ///
    /// # Errors
    ///
    /// Says in one sentence why the file cannot be used, and what to do.
    pub(crate) fn open_to_read(path: &Path) -> Result<Self, OpenError> {
        let file = Arc::new(InboxFile::to_read(path)?);
        let room = Arc::new(DiskSpace::new(&file.path, 0));
        let session = Arc::new(Session::of_reader(Arc::clone(&file), Arc::clone(&room)));
        Ok(Self { writer: Writer::none(), reader: Arc::default(), room, file, session })
    }

    fn task<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, Run) -> rusqlite::Result<T> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        self.write(Urgency::Task, work, |_, _| {})
    }

    fn write<T: Send + 'static>(
        &self,
        urgency: Urgency,
        work: impl FnOnce(&Connection, Run) -> rusqlite::Result<T> + Send + 'static,
        note: impl FnOnce(&T, &mut Live) + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let session = Arc::clone(&self.session);
        Box::pin(async move {
            session.begin_late().await?;
            let work = move |db: &Connection| work(db, session.run().ok_or(rusqlite::Error::InvalidQuery)?);
            self.writer.write(urgency, work, note).await
        })
    }

    fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let (reader, file) = (Arc::clone(&self.reader), Arc::clone(&self.file));
        Box::pin(async move {
            let reading = tokio::task::spawn_blocking(move || {
                let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
                let db = match &mut *reader {
                    Some(db) => db,
                    closed => closed.insert(file.open_reader()?),
                };
                work(db)
            });
            match reading.await {
                Ok(result) => result.map_err(|error| translate(&error)),
                Err(_) => Err(StoreError::Broken("reading panicked".to_owned())),
            }
        })
    }

    fn room_for(&self, bytes: usize) -> Result<Urgency, StoreError> {
        match self.room.too_little() {
            Some(free) => Err(StoreError::DiskLow { free }),
            None => Ok(Urgency::Arrival { bytes }),
        }
    }
}

impl Store for Sqlite {
    fn begin(&self, handlers: Arc<[String]>) -> StoreFuture<'_, Recovered> {
        self.task(move |db, run| recover::begin(db, &handlers, run.now))
    }

    fn record(&self, arrival: NewEvent) -> StoreFuture<'_, RecordResult> {
        match self.room_for(arrival.body.len()) {
            Ok(urgency) => {
                let note = |recorded: &RecordResult, live: &mut Live| {
                    if let RecordResult::New { started, .. } = recorded {
                        live.extend(started.iter().map(|claim| claim.ticket));
                    }
                };
                self.write(urgency, move |db, run| record::record(db, &arrival, run), note)
            }
            Err(refused) => Box::pin(std::future::ready(Err(refused))),
        }
    }

    fn quarantine(&self, body: Bytes, reason: String) -> StoreFuture<'_, bool> {
        match self.room_for(body.len()) {
            Ok(urgency) => {
                let work = move |db: &Connection, run: Run| record::quarantine(db, &body, &reason, run.now);
                self.write(urgency, work, |_, _| {})
            }
            Err(refused) => Box::pin(std::future::ready(Err(refused))),
        }
    }

    fn claim(&self, capacity: Capacity) -> StoreFuture<'_, ClaimResult> {
        let note = |claimed: &ClaimResult, live: &mut Live| {
            live.extend(claimed.claims.iter().map(|claim| claim.ticket));
        };
        self.write(Urgency::Task, move |db, run| claim::claim(db, &capacity, run), note)
    }

    fn finish(&self, ticket: Ticket, end: Disposition) -> StoreFuture<'_, FinishResult> {
        let work = move |db: &Connection, run: Run| finish::finish(db, ticket, &end, run.now);
        self.write(Urgency::Task, work, move |_, live| {
            live.remove(&ticket);
        })
    }

    fn acquit(&self, ticket: Ticket) -> StoreFuture<'_, ()> {
        self.task(move |db, _| finish::acquit(db, ticket))
    }

    fn prune(&self, keep: Retention, cursor: i64) -> StoreFuture<'_, Pruned> {
        self.write(Urgency::Upkeep, move |db, run| prune::prune(db, &keep, cursor, run.now), |_, _| {})
    }

    fn tasks(&self, filter: Filter) -> StoreFuture<'_, Vec<TaskRow>> {
        self.read(move |db| operate::tasks(db, &filter))
    }

    fn events(&self, filter: Filter) -> StoreFuture<'_, Vec<EventRow>> {
        self.read(move |db| operate::events(db, &filter))
    }

    fn event(&self, id: String) -> StoreFuture<'_, Vec<StoredEvent>> {
        self.read(move |db| operate::event(db, &id))
    }

    fn quarantined(&self, limit: usize) -> StoreFuture<'_, Vec<QuarantineRow>> {
        self.read(move |db| operate::quarantined(db, limit))
    }

    fn stats(&self) -> StoreFuture<'_, Stats> {
        let now = self.session.now();
        self.read(move |db| operate::stats(db, now))
    }

    fn retry(&self, task: i64, handlers: Arc<[String]>) -> StoreFuture<'_, bool> {
        self.task(move |db, run| operate::retry(db, task, &handlers, run.now))
    }

    fn skip(&self, task: i64, reason: String) -> StoreFuture<'_, bool> {
        self.task(move |db, run| operate::skip(db, task, &reason, run.now))
    }

    fn replay(&self, event: i64, tasks: Vec<NewTask>) -> StoreFuture<'_, Replayed> {
        self.task(move |db, run| operate::replay(db, event, &tasks, run))
    }
}
