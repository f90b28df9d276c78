//! One process's use of an inbox's file: it begins when the file is opened, which a full disk puts off.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};

use super::claim::Run;
use super::disk_space::DiskSpace;
use super::file::{InboxFile, Problem};
use crate::store::StoreError;
use crate::store::clock::{StoreClock, millis};

/// How far ahead of the system's clock a time in the file may be and still count as the present: a clock that was once
/// wrong must not put off everything that follows.
pub(super) const MAX_FLOOR: Duration = Duration::from_secs(60 * 60);

#[derive(Debug)]
pub(super) struct Session {
    file: Arc<InboxFile>,
    room: Arc<DiskSpace>,
    /// Another clock than the system's.
    clock: Option<StoreClock>,
    begun: OnceLock<Begun>,
    /// One at a time opens the file for the first time.
    opening: Mutex<()>,
}

#[derive(Debug)]
struct Begun {
    clock: StoreClock,
    /// Which of the processes that have used the file this is.
    owner: i64,
}

impl Session {
    pub(super) fn new(file: Arc<InboxFile>, room: Arc<DiskSpace>, clock: Option<StoreClock>) -> Self {
        Self { file, room, clock, begun: OnceLock::new(), opening: Mutex::default() }
    }

    /// One that writes nothing.
    pub(super) fn of_reader(file: Arc<InboxFile>, room: Arc<DiskSpace>) -> Self {
        let session = Self::new(file, room, None);
        let _ = session.begun.set(Begun { clock: StoreClock::system(0), owner: 0 });
        session
    }

    /// The time in the file's terms.
    pub(super) fn now(&self) -> i64 {
        self.begun.get().map_or_else(|| StoreClock::system(0).now(), |begun| begun.clock.now())
    }

    /// What a statement must know. `None` if the file has not been opened.
    pub(super) fn run(&self) -> Option<Run> {
        self.begun.get().map(|begun| Run { owner: begun.owner, now: begun.clock.now() })
    }

    /// Opens the file to be written, and begins. If the disk is full, what was kept in reserve is given up for that.
    pub(super) fn open(&self) -> Result<Connection, Problem> {
        let _one = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        match self.try_open() {
            Err(Problem::Full) if self.file.is_locked() && self.room.has_reserve() => {
                self.room.ran_out();
                self.try_open()
            }
            opened => opened,
        }
    }

    fn try_open(&self) -> Result<Connection, Problem> {
        let db = self.file.open()?;
        if self.begun.get().is_none() {
            let begun = self.begin(&db).map_err(|error| self.file.classify(error.into()))?;
            let _ = self.begun.set(begun);
            self.room.watch();
        }
        Ok(db)
    }

    fn begin(&self, db: &Connection) -> rusqlite::Result<Begun> {
        let increment = "UPDATE inbox_incarnation SET number = number + 1 RETURNING number";
        let owner = db.query_row(increment, [], |row| row.get(0))?;
        let latest = "SELECT received_ms FROM inbox_event ORDER BY seq DESC LIMIT 1";
        let latest: Option<i64> = db.query_row(latest, [], |row| row.get(0)).optional()?;
        let limit = StoreClock::system(0).now().saturating_add(millis(MAX_FLOOR));
        let system = || StoreClock::system(latest.unwrap_or(0).min(limit));
        Ok(Begun { clock: self.clock.clone().unwrap_or_else(system), owner })
    }

    /// Begins, if that was put off: before the first write.
    pub(super) async fn begin_late(self: &Arc<Self>) -> Result<(), StoreError> {
        if self.begun.get().is_some() {
            return Ok(());
        }
        let session = Arc::clone(self);
        let opening = tokio::task::spawn_blocking(move || match session.open() {
            // The writer has a connection of its own.
            Ok(_) => Ok(()),
            Err(Problem::Full) => Err(StoreError::DiskFull),
            Err(problem) => Err(StoreError::Broken(session.file.refused(problem).to_string())),
        });
        opening.await.unwrap_or_else(|panic| Err(StoreError::Broken(panic.to_string())))
    }
}
