//! From where to look for due tasks.
//!
//! While an old transaction is open, the server keeps every version of a task, and a look from the beginning passes over all
//! that have been ready since. So a claim looks only from a little before the first task that was ready a moment ago. Whatever
//! makes a task ready makes it due at that time or later; only what takes longer than that little to be committed is behind
//! the mark. A heartbeat looks for that now and then: no claim waits for it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::problem::Problem;
use crate::store::HandlerId;

/// For each handler (`$1`), looking from its mark (`$2`): when its first ready task is due, but not later than now.
const FIRST_READY: &str = "
    SELECT h.handler, h.low, least(now_ms, (
        SELECT t.due_ms FROM webhook.task t
        WHERE t.handler = h.handler AND t.state = 0 AND t.suspect = 0 AND t.due_ms >= least(h.low, now_ms - 2000)
        ORDER BY t.due_ms, t.id LIMIT 1))
    FROM unnest($1, $2) AS h (handler, low)";

/// For each handler (`$1`), when its first ready task is due that is behind its mark (`$2`). It passes over everything that was
/// ready since the beginning of the oldest transaction that is open.
const LEFT_BEHIND: &str = "
    SELECT h.handler, t.due_ms FROM unnest($1, $2) AS h (handler, low) CROSS JOIN LATERAL (
        SELECT due_ms FROM webhook.task
        WHERE handler = h.handler AND state = 0 AND suspect = 0 AND due_ms < h.low
        ORDER BY due_ms, id LIMIT 1) t";

/// How long a transaction may take that makes a task ready, without being behind the mark.
const MARGIN_MS: i64 = 2_000;

/// How long marks are used before they are moved.
const MOVED_EVERY: Duration = Duration::from_secs(1);

/// The marks of an instance's handlers.
#[derive(Debug, Default)]
pub(super) struct LowWater(Mutex<Marks>);

#[derive(Debug, Default)]
struct Marks {
    /// When the first ready task of a handler was due; the beginning of time for one that is missing.
    first_ready: HashMap<HandlerId, i64>,
    moved: Option<Instant>,
}

impl LowWater {
    /// From when to look for due tasks of a handler. Look from earlier if the database's clock is behind that.
    pub(super) fn of(&self, handler: HandlerId) -> i64 {
        self.marks().of(handler)
    }

    /// From when to look for due tasks of any handler.
    pub(super) fn lowest(&self) -> i64 {
        let marks = self.marks();
        marks.first_ready.keys().map(|handler| marks.of(handler)).min().unwrap_or(i64::MIN)
    }

    /// Looks from the beginning the next time.
    pub(super) fn forget(&self) {
        *self.marks() = Marks::default();
    }

    /// Moves the marks of these handlers, if it is time.
    pub(super) async fn keep_up(
        &self,
        db: &Connection,
        handlers: &HashMap<HandlerId, usize>,
    ) -> Result<(), Problem> {
        let (names, lows): (Vec<HandlerId>, Vec<i64>) = {
            let mut marks = self.marks();
            if marks.moved.is_some_and(|moved| moved.elapsed() < MOVED_EVERY) {
                return Ok(());
            }
            marks.moved = Some(Instant::now());
            handlers.keys().map(|handler| (*handler, marks.of(handler))).unzip()
        };
        let rows = db.query(FIRST_READY, &[&names, &lows]).await?;
        let mut marks = self.marks();
        for row in &rows {
            let Some((handler, _)) = handlers.get_key_value(row.try_get::<_, &str>(0)?) else { continue };
            // Meanwhile, it may have been moved back.
            if marks.of(handler) == row.try_get::<_, i64>(1)? {
                marks.first_ready.insert(handler, row.try_get(2)?);
            }
        }
        Ok(())
    }

    /// Moves the marks back to what is behind them.
    pub(super) async fn look_back(&self, db: &Connection) -> Result<(), Problem> {
        let (names, lows): (Vec<HandlerId>, Vec<i64>) = {
            let marks = self.marks();
            marks.first_ready.keys().map(|handler| (*handler, marks.of(handler))).unzip()
        };
        let rows = db.query(LEFT_BEHIND, &[&names, &lows]).await?;
        let mut marks = self.marks();
        for row in &rows {
            let (handler, due): (&str, i64) = (row.try_get(0)?, row.try_get(1)?);
            if let Some(first) = marks.first_ready.get_mut(handler) {
                *first = due.min(*first);
            }
        }
        Ok(())
    }

    /// Lets it be time to move the marks.
    #[cfg(test)]
    pub(super) fn hurry(&self) {
        self.marks().moved = None;
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Marks {
    fn of(&self, handler: HandlerId) -> i64 {
        self.first_ready.get(handler).map_or(i64::MIN, |first| first.saturating_sub(MARGIN_MS))
    }
}
