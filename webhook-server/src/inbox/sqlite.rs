//! The store in one SQLite file: no server, and safe against the process and the machine ending at any moment.
//!
//! One thread writes ([`writer`]), in transactions that gather whatever waits; readers have a connection of their own.
//! Everything else here is statements.

mod begin;
mod claim;
mod codes;
mod file;
mod finish;
mod operate;
mod prune;
mod record;
mod room;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension};

use self::begin::Live;
use self::claim::Run;
use self::file::InboxFile;
pub(crate) use self::file::{beside, real};
use self::room::Room;
use self::writer::{Urgency, Writer, translate};
use crate::inbox::clock::{StoreClock, millis};
use crate::inbox::store::{
    Arrival, Began, Claimed, End, EventRow, Filter, Finished, NewTask, OpenError, Pruned, QuarantineRow,
    Recorded, Replayed, Retention, Stats, Store, StoreError, Stored, StoredEvent, TaskRow, Ticket,
};

/// How far ahead of the system's clock a time in the file may be and still count as the present: a clock that was once
/// wrong must not put off everything that follows.
const MAX_FLOOR: std::time::Duration = std::time::Duration::from_secs(60 * 60);

/// An inbox in a file.
#[derive(Debug)]
pub(crate) struct Sqlite {
    writer: Writer,
    reader: Arc<Mutex<Option<Connection>>>,
    room: Arc<Room>,
    file: Arc<InboxFile>,
    clock: StoreClock,
    /// Which of the processes that have used the file this is.
    owner: i64,
}

impl Sqlite {
    /// Opens the inbox in a file, and makes it if there is none. Below `floor` free bytes, nothing is taken in.
    ///
    /// # Errors
    ///
    /// Says in one sentence why the file cannot be used, and what to do.
    pub(crate) fn open(path: &Path, floor: u64) -> Result<Self, OpenError> {
        Self::open_with(path, floor, None)
    }

    /// Opens it with a clock other than the system's.
    pub(crate) fn open_with(path: &Path, floor: u64, clock: Option<StoreClock>) -> Result<Self, OpenError> {
        let file = Arc::new(InboxFile::claim(path)?);
        let path = &*file.path;
        let db = file.open()?;
        let unusable = |error: rusqlite::Error| format!("{} cannot be used: {error}", path.display());
        let owner = db
            .query_row("UPDATE inbox_incarnation SET number = number + 1 RETURNING number", [], |row| {
                row.get(0)
            })
            .map_err(unusable)?;
        let latest: Option<i64> = db
            .query_row("SELECT received_ms FROM inbox_event ORDER BY seq DESC LIMIT 1", [], |row| row.get(0))
            .optional()
            .map_err(unusable)?;
        let limit = StoreClock::system(0).now().saturating_add(millis(MAX_FLOOR));
        let clock = clock.unwrap_or_else(|| StoreClock::system(latest.unwrap_or(0).min(limit)));
        let room = Arc::new(Room::new(path, floor));
        room.look();
        let writer = Writer::start(Arc::clone(&file), db, Arc::clone(&room))
            .map_err(|error| format!("{} cannot be used: no thread to write it: {error}", path.display()))?;
        Ok(Self { writer, reader: Arc::default(), room, file, clock, owner })
    }

    /// Opens the inbox in a file, while nobody or another process has it. Everything but reading fails.
    ///
    /// # Errors
    ///
    /// Says in one sentence why the file cannot be used, and what to do.
    pub(crate) fn open_to_read(path: &Path) -> Result<Self, OpenError> {
        let file = Arc::new(InboxFile::to_read(path)?);
        Ok(Self {
            writer: Writer::none(),
            reader: Arc::default(),
            room: Arc::new(Room::new(&file.path, 0)),
            clock: StoreClock::system(0),
            file,
            owner: 0,
        })
    }

    fn task<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, Run) -> rusqlite::Result<T> + Send + 'static,
    ) -> Stored<'_, T> {
        self.write(Urgency::Task, work, |_, _| {})
    }

    fn write<T: Send + 'static>(
        &self,
        urgency: Urgency,
        work: impl FnOnce(&Connection, Run) -> rusqlite::Result<T> + Send + 'static,
        note: impl FnOnce(&T, &mut Live) + Send + 'static,
    ) -> Stored<'_, T> {
        let (clock, owner) = (self.clock.clone(), self.owner);
        Box::pin(self.writer.write(urgency, move |db| work(db, Run { owner, now: clock.now() }), note))
    }

    fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Stored<'_, T> {
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
    fn begin(&self, handlers: Vec<String>) -> Stored<'_, Began> {
        self.task(move |db, run| begin::begin(db, &handlers, run.now))
    }

    fn record(&self, arrival: Arrival) -> Stored<'_, Recorded> {
        match self.room_for(arrival.body.len()) {
            Ok(urgency) => {
                let note = |recorded: &Recorded, live: &mut Live| {
                    if let Recorded::New { started } = recorded {
                        live.extend(started.iter().map(|claim| claim.ticket));
                    }
                };
                self.write(urgency, move |db, run| record::record(db, &arrival, run), note)
            }
            Err(refused) => Box::pin(std::future::ready(Err(refused))),
        }
    }

    fn quarantine(&self, body: Bytes, reason: String) -> Stored<'_, bool> {
        match self.room_for(body.len()) {
            Ok(urgency) => {
                let work = move |db: &Connection, run: Run| record::quarantine(db, &body, &reason, run.now);
                self.write(urgency, work, |_, _| {})
            }
            Err(refused) => Box::pin(std::future::ready(Err(refused))),
        }
    }

    fn claim(&self, limit: usize) -> Stored<'_, Claimed> {
        let note = |claimed: &Claimed, live: &mut Live| {
            live.extend(claimed.claims.iter().map(|claim| claim.ticket));
        };
        self.write(Urgency::Task, move |db, run| claim::claim(db, limit, run), note)
    }

    fn finish(&self, ticket: Ticket, end: End) -> Stored<'_, Finished> {
        let work = move |db: &Connection, run: Run| finish::finish(db, ticket, &end, run.now);
        self.write(Urgency::Task, work, move |_, live| {
            live.remove(&ticket);
        })
    }

    fn acquit(&self, ticket: Ticket) -> Stored<'_, ()> {
        self.task(move |db, _| finish::acquit(db, ticket))
    }

    fn prune(&self, keep: Retention, cursor: i64) -> Stored<'_, Pruned> {
        self.write(Urgency::Upkeep, move |db, run| prune::prune(db, &keep, cursor, run.now), |_, _| {})
    }

    fn tasks(&self, filter: Filter) -> Stored<'_, Vec<TaskRow>> {
        self.read(move |db| operate::tasks(db, &filter))
    }

    fn events(&self, filter: Filter) -> Stored<'_, Vec<EventRow>> {
        self.read(move |db| operate::events(db, &filter))
    }

    fn event(&self, id: String) -> Stored<'_, Option<StoredEvent>> {
        self.read(move |db| operate::event(db, &id))
    }

    fn quarantined(&self, limit: usize) -> Stored<'_, Vec<QuarantineRow>> {
        self.read(move |db| operate::quarantined(db, limit))
    }

    fn stats(&self) -> Stored<'_, Stats> {
        let now = self.clock.now();
        self.read(move |db| operate::stats(db, now))
    }

    fn retry(&self, task: i64) -> Stored<'_, bool> {
        self.task(move |db, run| operate::retry(db, task, run.now))
    }

    fn discard(&self, task: i64, reason: String) -> Stored<'_, bool> {
        self.task(move |db, run| operate::discard(db, task, &reason, run.now))
    }

    fn replay(&self, event_id: String, tasks: Vec<NewTask>) -> Stored<'_, Replayed> {
        self.task(move |db, run| operate::replay(db, &event_id, &tasks, run.now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbox::conformance::{arrival, at_once, free};

    /// More than may wait for the writer.
    const MANY: usize = 1_100;

    #[tokio::test]
    async fn what_is_too_much_at_once_is_refused_and_the_rest_is_stored() {
        let folder = tempfile::tempdir().expect("there is a place for temporary files");
        let path = folder.path().join("inbox.db");
        let store = Arc::new(Sqlite::open(&path, 0).expect("a new file can be used"));
        // Holds the writer up, for less than it is ready to wait.
        let other = Connection::open(&path).expect("it is a database");
        other.execute_batch("BEGIN IMMEDIATE").expect("nothing else writes now");
        let record = |at| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.record(arrival(&format!("evt_{at}"), &[])).await })
        };
        let recording: Vec<_> = (0..MANY).map(record).collect();
        // Each of them has been sent or refused when this one, which was spawned last, is refused.
        assert!(matches!(record(MANY).await.expect("no panic"), Err(StoreError::Busy)));
        other.execute_batch("ROLLBACK").expect("it was begun");
        let (mut stored, mut refused) = (0, 0);
        for answer in recording {
            match answer.await.expect("no panic") {
                Ok(Recorded::New { .. }) => stored += 1,
                Err(StoreError::Busy) => refused += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((stored, refused), (1_024, MANY - 1_024));
        assert_eq!(store.stats().await.expect("it can be read").events, 1_024);
        assert!(matches!(store.record(arrival("evt_later", &[])).await, Ok(Recorded::New { .. })));
    }

    #[tokio::test]
    async fn a_panic_of_the_writer_costs_one_batch() {
        let folder = tempfile::tempdir().expect("there is a place for temporary files");
        let store = Sqlite::open(&folder.path().join("inbox.db"), 0).expect("a new file can be used");
        let panicking: Stored<'_, ()> = store.task(|_, _| panic!("for the test"));
        assert!(matches!(panicking.await, Err(StoreError::Broken(_))));
        assert!(matches!(store.record(arrival("evt_1", &[])).await, Ok(Recorded::New { .. })));
    }

    #[tokio::test]
    async fn what_was_started_and_nobody_was_told_of_is_ready_again() {
        let folder = tempfile::tempdir().expect("there is a place for temporary files");
        let path = folder.path().join("inbox.db");
        let store = Sqlite::open(&path, 0).expect("a new file can be used");
        for (id, task) in [("evt_1", at_once(free("a"))), ("evt_2", free("a"))] {
            store.record(arrival(id, &[task])).await.expect("it can be written");
        }
        // As if the commit that started the second one had failed, and taken place all the same.
        let other = Connection::open(&path).expect("it is a database");
        let started = "UPDATE inbox_task SET state = 1, owner = 1, attempt = 1, fence = 1 WHERE id = 2";
        other.execute(started, []).expect("nothing else writes now");
        let panicking: Stored<'_, ()> = store.task(|_, _| panic!("so that the file is opened again"));
        assert!(panicking.await.is_err());
        let claimed = store.claim(10).await.expect("it is open again").claims;
        let claimed: Vec<_> = claimed.iter().map(|claim| (claim.ticket.task, claim.attempt)).collect();
        assert_eq!(claimed, [(2, 1)], "the first one really runs");
    }

    #[tokio::test]
    async fn the_end_of_an_old_run_is_not_that_of_the_present_one() {
        let folder = tempfile::tempdir().expect("there is a place for temporary files");
        let path = folder.path().join("inbox.db");
        let store = Sqlite::open(&path, 0).expect("a new file can be used");
        store.record(arrival("evt_1", &[free("a")])).await.expect("it can be written");
        let old = store.claim(1).await.expect("it can be written").claims.remove(0);
        let released = store.finish(old.ticket, End::Released).await.expect("it can be written");
        assert!(released.was_ours);
        store.claim(1).await.expect("it can be written");
        // As if the answer to the first had been lost.
        let again = store.finish(old.ticket, End::Released).await.expect("it can be written");
        assert!(!again.was_ours);
        let panicking: Stored<'_, ()> = store.task(|_, _| panic!("so that the file is opened again"));
        assert!(panicking.await.is_err());
        assert!(store.claim(10).await.expect("it is open again").claims.is_empty(), "it runs");
    }

    #[tokio::test]
    async fn what_is_freed_is_given_back() {
        let folder = tempfile::tempdir().expect("there is a place for temporary files");
        let path = folder.path().join("inbox.db");
        let store = Sqlite::open(&path, 0).expect("a new file can be used");
        for number in 0..20 {
            let body = vec![b' '; 100_000].into();
            let event = Arrival { body, ..arrival(&format!("evt_{number}"), &[at_once(free("a"))]) };
            let Recorded::New { started } = store.record(event).await.expect("it can be written") else {
                panic!("it is new")
            };
            store.finish(started[0].ticket, End::Done).await.expect("it can be written");
        }
        let pages = || {
            let other = Connection::open(&path).expect("it is a database");
            other.pragma_query_value(None, "page_count", |row| row.get::<_, u64>(0)).expect("it has pages")
        };
        let before = pages();
        let nothing = std::time::Duration::ZERO;
        let keep = Retention { bodies: nothing, ids: 9 * MAX_FLOOR, parked: 9 * MAX_FLOOR };
        // A body that was received in this very millisecond is kept.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        assert_eq!(store.prune(keep, 0).await.expect("it can be written").bodies, 20);
        assert!(pages() < before / 4, "{} of {before} pages", pages());
    }

    #[tokio::test]
    async fn more_bytes_than_there_is_room_for_are_refused() {
        let folder = tempfile::tempdir().expect("there is a place for temporary files");
        let path = folder.path().join("inbox.db");
        let store = Arc::new(Sqlite::open(&path, 0).expect("a new file can be used"));
        let other = Connection::open(&path).expect("it is a database");
        other.execute_batch("BEGIN IMMEDIATE").expect("nothing else writes now");
        let record = |id: &str, bytes| {
            let event = Arrival { body: vec![b' '; bytes].into(), ..arrival(id, &[]) };
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.record(event).await })
        };
        // The longest body that can be allowed takes all the room there is.
        let first = record("evt_1", 64 * 1024 * 1024);
        assert!(matches!(record("evt_2", 1).await.expect("no panic"), Err(StoreError::Busy)));
        other.execute_batch("ROLLBACK").expect("it was begun");
        assert!(matches!(first.await.expect("no panic"), Ok(Recorded::New { .. })));
        assert!(matches!(record("evt_2", 1).await.expect("no panic"), Ok(Recorded::New { .. })));
    }
}
