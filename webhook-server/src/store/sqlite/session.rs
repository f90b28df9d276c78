//! A session: one process's use of an inbox.
//!
//! The session's number marks the tasks that it runs (`owner`), which distinguishes them from those of a former process.

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
}

/// Which session writes, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    /// The session's number: the owner of what it starts.
    pub(crate) session: i64,
    /// In milliseconds since the Unix epoch.
    pub(crate) now: i64,
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
        Ok(Self { number, clock: clock.unwrap_or_else(system) })
    }

    /// A session that only reads.
    pub(super) fn of_reader() -> Self {
        Self { number: 0, clock: StoreClock::system(0) }
    }

    /// The session and the present time.
    pub(super) fn stamp(&self) -> Stamp {
        Stamp { session: self.number, now: self.clock.now() }
    }
}
