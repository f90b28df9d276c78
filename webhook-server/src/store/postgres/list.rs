//! Listing tasks and events that match a filter.
//!
//! A condition that the filter does not set is NULL in the statement. The server plans each call with its values, so such a
//! condition costs nothing.

use std::collections::HashMap;

use serde_json::Value as Json;
use tokio_postgres::Row;

use super::connection::Connection;
use super::problem::Problem;
use super::show::{event_row, select_event, select_task, task_row};
use super::values::Value;
use crate::store::{EventRow, Filter, TaskRow};

/// How many rows are read at once if the program must look at their bodies.
const PAGE: usize = 32;

/// The conditions on the event `e`.
///
/// A body that names the customer (`$7`, and `$8` as bytes) contains the customer's id, or escapes a character of it. The
/// program checks such bodies itself ([`only_about`]), because PostgreSQL fails on a body that is not JSON, and on a string
/// that contains NUL.
macro_rules! of_event {
    () => {
        "($1 IS NULL OR e.event_id = ANY ($1))
         AND ($2 IS NULL OR e.type = $2)
         AND ($3 IS NULL OR left(e.type, length($3)) = $3)
         AND ($4 IS NULL OR e.object_id = $4)
         AND ($5 IS NULL OR e.account = $5)
         AND ($6 IS NULL OR e.received_ms >= $6)
         AND ($7 IS NULL OR e.object_id = $7 OR position($8 IN e.body) > 0
              OR position(decode('5c', 'hex') IN e.body) > 0)"
    };
}

/// A row's key, its event, and whether the event is about the customer object itself.
macro_rules! found {
    ($key:literal) => {
        concat!(", ", $key, " AS key, e.seq AS event, coalesce(e.object_id = $7, false) AS is_about")
    };
}

/// Lists the tasks of one table. `$12` to `$14` are the conditions on a task. A state (`$13`) that the table does not have, and
/// a reason (`$14`), which only parked tasks have, rule the table out before it is read.
macro_rules! tasks_of {
    ($table:ident, $states:literal, $why:literal) => {
        concat!(
            "(",
            select_task!($table, found!("t.id")),
            " WHERE ",
            of_event!(),
            " AND ($9 IS NULL OR t.id < $9)
              AND ($11 IS NULL OR t.id > $11)
              AND ($12 IS NULL OR t.handler = $12)
              AND ($13 IS NULL OR ",
            $states,
            " AND t.state = $13)
              AND ($14 IS NULL OR ",
            $why,
            ")
              ORDER BY t.id DESC LIMIT $10)"
        )
    };
}

/// Lists tasks, in one statement: a task that moves to the other table meanwhile is seen once.
pub(super) const TASKS: &str = concat!(
    tasks_of!(task, "$13 <= 2", "false"),
    " UNION ALL ",
    tasks_of!(ended, "$13 >= 3", "t.state = 5 AND t.why = $14"),
    " ORDER BY key DESC LIMIT $10"
);

/// Lists events.
pub(super) const EVENTS: &str = concat!(
    select_event!(found!("e.seq")),
    " WHERE ",
    of_event!(),
    " AND ($9 IS NULL OR e.seq < $9) AND ($11 IS NULL OR e.seq > $11) ORDER BY e.seq DESC LIMIT $10"
);

/// Reads the bodies of events.
const BODIES: &str = "SELECT seq, body FROM webhook.event WHERE seq = ANY ($1) AND body IS NOT NULL";

/// Lists tasks, newest first.
pub(super) async fn tasks(db: &Connection, filter: &Filter) -> Result<Vec<TaskRow>, Problem> {
    let of_task: [Value<'_>; 3] = [&filter.handler, &filter.state, &filter.why];
    list(db, filter, TASKS, &of_task, task_row).await
}

/// Lists events, newest first.
pub(super) async fn events(db: &Connection, filter: &Filter) -> Result<Vec<EventRow>, Problem> {
    list(db, filter, EVENTS, &[], event_row).await
}

/// Lists what matches, page by page if bodies must be looked at.
async fn list<T>(
    db: &Connection,
    filter: &Filter,
    text: &str,
    of_task: &[Value<'_>],
    read: fn(&Row) -> Result<T, Problem>,
) -> Result<Vec<T>, Problem> {
    let (mut found, mut after) = (Vec::new(), filter.after);
    if has_nul(filter) {
        return Ok(found);
    }
    let (exact, group) = match filter.event_type.as_deref() {
        Some(wanted) => match wanted.strip_suffix('*') {
            Some(group) => (None, Some(group)),
            None => (Some(wanted), None),
        },
        None => (None, None),
    };
    let event_ids = (!filter.event_ids.is_empty()).then_some(&*filter.event_ids);
    let customer = filter.customer.as_ref().map(String::as_bytes);
    let page = if customer.is_some() { PAGE } else { filter.limit };
    let limit = i64::try_from(page).unwrap_or(i64::MAX);
    while found.len() < filter.limit {
        let mut values: Vec<Value<'_>> = vec![
            &event_ids,
            &exact,
            &group,
            &filter.object_id,
            &filter.account,
            &filter.since,
            &filter.customer,
            &customer,
            &after,
            &limit,
            &filter.before,
        ];
        values.extend(of_task);
        let rows = db.query(text, &values).await?;
        let is_last = rows.len() < page;
        after = rows.last().map(|row| row.try_get("key")).transpose()?;
        let rows = match &filter.customer {
            Some(customer) => only_about(db, customer, rows).await?,
            None => rows,
        };
        for row in &rows {
            found.push(read(row)?);
        }
        if is_last {
            break;
        }
    }
    found.truncate(filter.limit);
    Ok(found)
}

/// Whether a text in the filter contains NUL. No text in the database can, and the database refuses such a value.
fn has_nul(filter: &Filter) -> bool {
    let Filter { event_ids, event_type, object_id, customer, account, handler, .. } = filter;
    let others = [event_type, object_id, customer, account, handler];
    event_ids.iter().chain(others.into_iter().flatten()).any(|text| text.contains('\0'))
}

/// Keeps the rows whose event is about a customer, or about an object whose `customer` (an id, or the whole object) it is.
async fn only_about(db: &Connection, customer: &str, rows: Vec<Row>) -> Result<Vec<Row>, Problem> {
    let mut events: HashMap<i64, bool> = HashMap::new();
    for row in &rows {
        events.insert(row.try_get("event")?, row.try_get("is_about")?);
    }
    let open: Vec<i64> = events.iter().filter(|(_, is_about)| !**is_about).map(|(event, _)| *event).collect();
    if !open.is_empty() {
        for row in db.query(BODIES, &[&open]).await? {
            events.insert(row.try_get(0)?, has_customer(row.try_get(1)?, customer));
        }
    }
    let is_about = |row: &Row| row.try_get("event").is_ok_and(|event: i64| events.get(&event) == Some(&true));
    Ok(rows.into_iter().filter(is_about).collect())
}

/// Whether a body is an event whose object has this customer.
fn has_customer(body: &[u8], customer: &str) -> bool {
    let Ok(body) = serde_json::from_slice::<Json>(body) else { return false };
    let found = body.pointer("/data/object/customer");
    found.map(|found| found.get("id").unwrap_or(found)).and_then(Json::as_str) == Some(customer)
}
