//! What an operator sees and steers.

use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use super::finish::{LaneKey, promote};
use super::record::insert_task;
use super::session::Stamp;
use crate::store::{
    AttemptRow, EventRow, Filter, HandlerStats, NewTask, QuarantineRow, Replayed, State, Stats, StoredEvent,
    TaskRow,
};

const TASK: &str = "SELECT task.id, event_id, type, handler, state, why, attempt, received_ms, due_ms, finished_ms, error \
                    FROM inbox_task task JOIN inbox_event event ON event.seq = task.event_seq";

const EVENT: &str = "SELECT seq, event_id, type, endpoint, account, object_id, created_s, api_version, livemode, \
                            received_ms, deliveries, changed_bodies, body IS NOT NULL \
                     FROM inbox_event event";

/// Whether an event is about a customer, or about an object whose `customer` (an id, or the whole object) it is. Bytes
/// that are given to a JSON function are read as SQLite's own binary form, hence the cast.
const IS_ABOUT_CUSTOMER: &str = "(object_id = ? OR CASE WHEN json_valid(CAST(body AS TEXT)) THEN ? IN (\
    json_extract(CAST(body AS TEXT), '$.data.object.customer'), \
    json_extract(CAST(body AS TEXT), '$.data.object.customer.id')) END)";

pub(super) fn tasks(db: &Connection, filter: &Filter) -> rusqlite::Result<Vec<TaskRow>> {
    let mut conditions = Conditions::of_event(filter);
    conditions.add("handler = ", filter.handler.clone());
    conditions.add("state = ", filter.state);
    conditions.add("why = ", filter.why);
    conditions.add("task.id < ", filter.after);
    conditions.query(db, TASK, "ORDER BY task.id DESC", filter.limit, task_row)
}

pub(super) fn events(db: &Connection, filter: &Filter) -> rusqlite::Result<Vec<EventRow>> {
    let mut conditions = Conditions::of_event(filter);
    conditions.add("seq < ", filter.after);
    conditions.query(db, EVENT, "ORDER BY seq DESC", filter.limit, event_row)
}

/// Conditions on columns, and the values that they compare with.
#[derive(Default)]
struct Conditions {
    text: String,
    values: Vec<Box<dyn ToSql>>,
}

impl Conditions {
    fn of_event(filter: &Filter) -> Self {
        let mut conditions = Self { text: "1".to_owned(), values: Vec::new() };
        if !filter.event_ids.is_empty() {
            let places = vec!["?"; filter.event_ids.len()].join(", ");
            conditions.text.push_str(&format!(" AND event_id IN ({places})"));
            conditions
                .values
                .extend(filter.event_ids.iter().map(|id| Box::new(id.clone()) as Box<dyn ToSql>));
        }
        match filter.event_type.as_deref().map(|wanted| (wanted, wanted.strip_suffix('*'))) {
            // The comparison is not LIKE: a type may contain `_`.
            Some((_, Some(group))) => {
                conditions.add("substr(type, 1, ", Some(group.chars().count() as i64));
                conditions.text.push_str(") = ?");
                conditions.values.push(Box::new(group.to_owned()));
            }
            Some((exact, None)) => conditions.add("type = ", Some(exact.to_owned())),
            None => {}
        }
        conditions.add("object_id = ", filter.object_id.clone());
        conditions.add("account = ", filter.account.clone());
        conditions.add("received_ms >= ", filter.since);
        // Last, since it reads bodies.
        if let Some(customer) = &filter.customer {
            conditions.text.push_str(&format!(" AND {IS_ABOUT_CUSTOMER}"));
            conditions.values.extend([(); 2].map(|()| Box::new(customer.clone()) as Box<dyn ToSql>));
        }
        conditions
    }

    fn add(&mut self, comparison: &str, value: Option<impl ToSql + 'static>) {
        if let Some(value) = value {
            self.text.push_str(&format!(" AND {comparison}?"));
            self.values.push(Box::new(value));
        }
    }

    fn query<T>(
        self,
        db: &Connection,
        select: &str,
        order: &str,
        limit: usize,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        let sql = format!("{select} WHERE {} {order} LIMIT {limit}", self.text);
        db.prepare_cached(&sql)?.query_map(rusqlite::params_from_iter(self.values), read)?.collect()
    }
}

fn task_row(row: &Row<'_>) -> rusqlite::Result<TaskRow> {
    let state = row.get(4)?;
    Ok(TaskRow {
        task: row.get(0)?,
        event_id: row.get(1)?,
        event_type: row.get(2)?,
        handler: row.get(3)?,
        state,
        why: row.get(5)?,
        attempt: row.get(6)?,
        received_ms: row.get(7)?,
        due_ms: if state == State::Ready { row.get(8)? } else { None },
        finished_ms: row.get(9)?,
        error: row.get(10)?,
    })
}

fn event_row(row: &Row<'_>) -> rusqlite::Result<EventRow> {
    Ok(EventRow {
        cursor: row.get(0)?,
        event_id: row.get(1)?,
        event_type: row.get(2)?,
        endpoint: row.get(3)?,
        account: row.get(4)?,
        object_id: row.get(5)?,
        created: row.get(6)?,
        api_version: row.get(7)?,
        livemode: row.get(8)?,
        received_ms: row.get(9)?,
        deliveries: row.get(10)?,
        changed_bodies: row.get(11)?,
        has_body: row.get(12)?,
    })
}

/// Finds the events with an id, oldest first.
pub(super) fn event(db: &Connection, id: &str) -> rusqlite::Result<Vec<StoredEvent>> {
    let found: Vec<EventRow> = db
        .prepare_cached(&format!("{EVENT} WHERE event_id = ?1 ORDER BY seq"))?
        .query_map([id], event_row)?
        .collect::<Result<_, _>>()?;
    found.into_iter().map(|event| whole(db, event)).collect()
}

/// An event with all that belongs to it.
fn whole(db: &Connection, event: EventRow) -> rusqlite::Result<StoredEvent> {
    let tasks = db
        .prepare_cached(&format!("{TASK} WHERE task.event_seq = ?1 ORDER BY task.id"))?
        .query_map([event.cursor], task_row)?
        .collect::<Result<_, _>>()?;
    let attempts = db
        .prepare_cached(
            "SELECT task, inbox_attempt.attempt, inbox_attempt.started_ms, ended_ms, outcome, inbox_attempt.error \
             FROM inbox_attempt JOIN inbox_task ON inbox_task.id = task WHERE event_seq = ?1 \
             ORDER BY inbox_attempt.id",
        )?
        .query_map([event.cursor], attempt_row)?
        .collect::<Result<_, _>>()?;
    let body: Option<Vec<u8>> = db
        .prepare_cached("SELECT body FROM inbox_event WHERE seq = ?1")?
        .query_row([event.cursor], |row| row.get(0))?;
    let body = body.and_then(|body| String::from_utf8(body).ok());
    Ok(StoredEvent { event, tasks, attempts, body })
}

fn attempt_row(row: &Row<'_>) -> rusqlite::Result<AttemptRow> {
    Ok(AttemptRow {
        task: row.get(0)?,
        attempt: row.get(1)?,
        started_ms: row.get(2)?,
        ended_ms: row.get(3)?,
        outcome: row.get(4)?,
        error: row.get(5)?,
    })
}

pub(super) fn quarantined(db: &Connection, limit: usize) -> rusqlite::Result<Vec<QuarantineRow>> {
    let sql = format!(
        "SELECT id, received_ms, deliveries, reason, length(body) FROM inbox_quarantine ORDER BY id DESC LIMIT {limit}"
    );
    let read = |row: &Row<'_>| {
        Ok(QuarantineRow {
            id: row.get(0)?,
            received_ms: row.get(1)?,
            deliveries: row.get(2)?,
            reason: row.get(3)?,
            bytes: row.get(4)?,
        })
    };
    db.prepare_cached(&sql)?.query_map([], read)?.collect()
}

pub(super) fn stats(db: &Connection, now: i64) -> rusqlite::Result<Stats> {
    let count = |sql: &str| db.query_row(sql, [], |row| row.get::<_, u64>(0));
    let oldest: Option<i64> =
        db.query_row("SELECT min(due_ms) FROM inbox_task WHERE state = 0 AND due_ms <= ?1", [now], |row| {
            row.get(0)
        })?;
    let handlers = db
        .prepare_cached(
            "SELECT handler, state, why, count(*) FROM inbox_task GROUP BY handler, state, why \
             ORDER BY handler, state, why",
        )?
        .query_map([], |row| {
            Ok(HandlerStats {
                handler: row.get(0)?,
                state: row.get(1)?,
                why: row.get(2)?,
                tasks: row.get(3)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(Stats {
        events: count("SELECT count(*) FROM inbox_event")?,
        unhandled: count(
            "SELECT count(*) FROM inbox_event WHERE NOT EXISTS (SELECT 1 FROM inbox_task WHERE event_seq = seq)",
        )?,
        duplicates: count("SELECT coalesce(sum(deliveries - 1), 0) FROM inbox_event WHERE deliveries > 1")?,
        changed_bodies: count(
            "SELECT coalesce(sum(changed_bodies), 0) FROM inbox_event WHERE deliveries > 1",
        )?,
        quarantined: count("SELECT count(*) FROM inbox_quarantine")?,
        oldest_due_ms: oldest.map(|due| now - due),
        handlers,
    })
}

/// Makes a task that is parked or waits ready now, with all its attempts before it.
pub(super) fn retry(db: &Connection, task: i64, handlers: &[String], now: i64) -> rusqlite::Result<bool> {
    let handler: Option<String> = db
        .prepare_cached("SELECT handler FROM inbox_task WHERE id = ?1")?
        .query_row([task], |row| row.get(0))
        .optional()?;
    if handler.is_none_or(|handler| !handlers.contains(&handler)) {
        return Ok(false);
    }
    let changed = db
        .prepare_cached(
            "UPDATE inbox_task SET state = 0, why = NULL, finished_ms = NULL, due_ms = ?2, attempt = 0, crashes = 0, \
                                   suspect = 0 \
             WHERE id = ?1 AND state IN (0, 2, 5) \
               AND EXISTS (SELECT 1 FROM inbox_event WHERE seq = event_seq AND body IS NOT NULL)",
        )?
        .execute([task, now])?;
    Ok(changed == 1)
}

/// Gives up a task that is parked or waits.
pub(super) fn skip(db: &Connection, task: i64, reason: &str, now: i64) -> rusqlite::Result<bool> {
    let place: Option<LaneKey> = db
        .prepare_cached(
            "UPDATE inbox_task SET state = 4, why = NULL, finished_ms = ?3, error = ?2, suspect = 0 \
             WHERE id = ?1 AND state IN (0, 2, 5) RETURNING scope, lane",
        )?
        .query_row(params![task, reason, now], LaneKey::read)
        .optional()?;
    let Some(place) = place else { return Ok(false) };
    promote(db, &place, now)?;
    Ok(true)
}

/// Runs handlers on an event again, or for the first time, however it ended before.
pub(super) fn replay(
    db: &Connection,
    seq: i64,
    tasks: &[NewTask],
    stamp: Stamp,
) -> rusqlite::Result<Replayed> {
    let has_body: Option<bool> = db
        .prepare_cached("SELECT body IS NOT NULL FROM inbox_event WHERE seq = ?1")?
        .query_row([seq], |row| row.get(0))
        .optional()?;
    match has_body {
        None => return Ok(Replayed::Unknown),
        Some(false) => return Ok(Replayed::NoBody),
        Some(true) => {}
    }
    let mut ready = 0;
    for task in tasks {
        let known: Option<(i64, State)> = db
            .prepare_cached("SELECT id, state FROM inbox_task WHERE event_seq = ?1 AND handler = ?2")?
            .query_row(params![seq, task.handler], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        match known {
            None => {
                insert_task(db, seq, task, State::Ready, true, stamp)?;
            }
            Some((_, state)) if state.is_open() => continue,
            Some((id, _)) => {
                let lane = task.lane.as_ref();
                db.prepare_cached(
                    "UPDATE inbox_task SET state = 0, why = NULL, finished_ms = NULL, error = NULL, due_ms = ?2, \
                                           attempt = 0, crashes = 0, suspect = 0, replay = 1, lane = ?3, strict = ?4, scope = ?5 \
                     WHERE id = ?1",
                )?
                .execute(params![
                    id,
                    stamp.now,
                    lane.map(|lane| &lane.key),
                    lane.is_some_and(|lane| lane.strict),
                    task.scope
                ])?;
            }
        }
        ready += 1;
    }
    Ok(Replayed::Ready(ready))
}
