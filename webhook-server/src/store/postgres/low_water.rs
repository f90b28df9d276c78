//! From where to look for due tasks.
//!
//! While an old transaction is open, the server keeps every version of a task, and a look from the beginning passes over all
//! that have been ready since. So a claim looks only from a little before the first task that was ready a moment ago. Whatever
//! makes a task ready makes it due at that time or later; only what takes longer than that little to be committed is behind
//! the mark, and is found by the next look from the beginning.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::problem::Problem;
use crate::store::HandlerId;

/// For each handler (`$1`), looking from its mark (`$2`): when its first ready task is due, but not later than now.
const FIRST_READY: &str = "
    SELECT h.handler, least(now_ms, (
        SELECT t.due_ms FROM webhook.task t
        WHERE t.handler = h.handler AND t.state = 0 AND t.suspect = 0 AND t.due_ms >= least(h.low, now_ms - 2000)
        ORDER BY t.due_ms, t.id LIMIT 1))
    FROM unnest($1, $2) AS h (handler, low)";

/// How long a transaction may take that makes a task ready, without being behind the mark.
const MARGIN_MS: i64 = 2_000;

/// How long marks are used before they are moved.
const MOVED_EVERY: Duration = Duration::from_secs(1);

/// How often to look from the beginning.
const FORGOTTEN_EVERY: Duration = Duration::from_secs(60);

/// The marks of an instance's handlers.
#[derive(Debug, Default)]
pub(super) struct LowWater {
    /// When the first ready task of a handler was due; the beginning of time for one that is missing.
    first_ready: HashMap<HandlerId, i64>,
    moved: Option<Instant>,
    forgotten: Option<Instant>,
}

impl LowWater {
    /// From when to look for due tasks of a handler. Look from earlier if the database's clock is behind that.
    pub(super) fn of(&self, handler: HandlerId) -> i64 {
        self.first_ready.get(handler).map_or(i64::MIN, |first| first.saturating_sub(MARGIN_MS))
    }

    /// From when to look for due tasks of any handler.
    pub(super) fn lowest(&self) -> i64 {
        self.first_ready.keys().map(|handler| self.of(handler)).min().unwrap_or(i64::MIN)
    }

    /// Looks from the beginning the next time.
    pub(super) fn forget(&mut self) {
        self.first_ready.clear();
        self.moved = None;
        self.forgotten = Some(Instant::now());
    }

    /// Moves the marks of these handlers, if it is time.
    pub(super) async fn keep_up(
        &mut self,
        db: &Connection,
        handlers: &HashMap<HandlerId, usize>,
    ) -> Result<(), Problem> {
        let is_time = |last: Option<Instant>, every| last.is_none_or(|last| last.elapsed() >= every);
        if is_time(self.forgotten, FORGOTTEN_EVERY) {
            self.forget();
        } else if is_time(self.moved, MOVED_EVERY) {
            self.moved = Some(Instant::now());
            self.move_up(db, handlers).await?;
        }
        Ok(())
    }

    async fn move_up(
        &mut self,
        db: &Connection,
        handlers: &HashMap<HandlerId, usize>,
    ) -> Result<(), Problem> {
        let (names, marks): (Vec<HandlerId>, Vec<i64>) =
            handlers.keys().map(|handler| (*handler, self.of(handler))).unzip();
        for row in &db.query(FIRST_READY, &[&names, &marks]).await? {
            if let Some((handler, _)) = handlers.get_key_value(row.try_get::<_, &str>(0)?) {
                self.first_ready.insert(handler, row.try_get(1)?);
            }
        }
        Ok(())
    }
}
