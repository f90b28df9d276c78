//! A session: one process's use of an inbox.
//!
//! The session's number marks the tasks that it runs (`owner`), which distinguishes them from those of a former process.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};

use crate::store::clock::{StoreClock, millis};

/// The furthest that a stored time may lie ahead of the system's clock and still be taken for the present. A clock that
/// was once wrong must not delay everything that follows.
pub(super) const MAX_FLOOR: Duration = Duration::from_secs(60 * 60);

/// One process's use of an inbox.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// Counts the sessions of this inbox.
    number: i64,
    clock: StoreClock,
    numbers: Arc<Numbers>,
}

/// The highest numbers that events and tasks have. A number is given once, also if the row that has it is deleted. (The
/// number of a row that was rolled back comes again after a restart: nobody has seen it.)
#[derive(Debug)]
pub(crate) struct Numbers {
    event: AtomicI64,
    task: AtomicI64,
}

impl Numbers {
    /// Reads them.
    pub(super) fn of(db: &Connection) -> rusqlite::Result<Self> {
        let highest = "SELECT max(event, ifnull((SELECT max(seq) FROM inbox_event), 0)), \
                              max(task, ifnull((SELECT max(id) FROM inbox_task), 0)) FROM inbox_number";
        db.query_row(highest, [], |row| {
            Ok(Self { event: AtomicI64::new(row.get(0)?), task: AtomicI64::new(row.get(1)?) })
        })
    }

    /// A number for a new event.
    pub(super) fn next_event(&self) -> i64 {
        self.event.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A number for a new task.
    pub(super) fn next_task(&self) -> i64 {
        self.task.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Writes them, because rows are deleted by which they would be known.
    pub(super) fn keep(&self, db: &Connection) -> rusqlite::Result<()> {
        let highest = [&self.event, &self.task].map(|number| number.load(Ordering::Relaxed));
        db.prepare_cached("UPDATE inbox_number SET event = ?1, task = ?2")?.execute(highest)?;
        Ok(())
    }
}

/// Which session writes, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp<'s> {
    /// The session's number: the owner of what it starts.
    pub(crate) session: i64,
    /// In milliseconds since the Unix epoch.
    pub(crate) now: i64,
    /// Gives new rows their numbers.
    pub(crate) numbers: &'s Numbers,
}

impl Session {
    /// Begins the next session. Without a clock, it uses the system's, but starts no earlier than the latest event, so that
    /// a clock that was set back does not reorder events.
    pub(super) fn begin(db: &Connection, clock: Option<StoreClock>) -> rusqlite::Result<Self> {
        // Not by `RETURNING`: with a row at hand, an error of the commit would be lost, and the number used twice.
        db.execute("UPDATE inbox_session SET number = number + 1", [])?;
        let number = db.query_row("SELECT number FROM inbox_session", [], |row| row.get(0))?;
        let latest = "SELECT received_ms FROM inbox_event ORDER BY seq DESC LIMIT 1";
        let latest: Option<i64> = db.query_row(latest, [], |row| row.get(0)).optional()?;
        let limit = StoreClock::system(0).now().saturating_add(millis(MAX_FLOOR));
        let system = || StoreClock::system(latest.unwrap_or(0).min(limit));
        Ok(Self { number, clock: clock.unwrap_or_else(system), numbers: Arc::new(Numbers::of(db)?) })
    }

    /// A session that only reads.
    pub(super) fn of_reader() -> Self {
        let numbers = Numbers { event: AtomicI64::new(0), task: AtomicI64::new(0) };
        Self { number: 0, clock: StoreClock::system(0), numbers: Arc::new(numbers) }
    }

    /// The session and the present time.
    pub(super) fn stamp(&self) -> Stamp<'_> {
        Stamp { session: self.number, now: self.clock.now(), numbers: &self.numbers }
    }
}
