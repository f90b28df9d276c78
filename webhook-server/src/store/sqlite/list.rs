//! Listing tasks and events that match a filter.

use rusqlite::{Connection, Row, ToSql};

use super::show::{EVENT, TASK, event_row, task_row};
use crate::store::{EventRow, Filter, TaskRow};

/// Whether an event is about a customer, or about an object whose `customer` (an id, or the whole object) it is. JSON
/// functions take bytes for SQLite's own binary form, hence the casts.
const IS_ABOUT_CUSTOMER: &str = "(object_id = ? OR CASE WHEN json_valid(CAST(body AS TEXT)) THEN ? IN (\
    json_extract(CAST(body AS TEXT), '$.data.object.customer'), \
    json_extract(CAST(body AS TEXT), '$.data.object.customer.id')) END)";

/// Lists tasks, newest first.
pub(super) fn tasks(db: &Connection, filter: &Filter) -> rusqlite::Result<Vec<TaskRow>> {
    let mut conditions = Conditions::of_event(filter);
    conditions.add("handler = ", filter.handler.clone());
    conditions.add("state = ", filter.state);
    conditions.add("why = ", filter.why);
    conditions.add("task.id < ", filter.after);
    conditions.add("task.id > ", filter.before);
    conditions.query(db, TASK, "ORDER BY task.id DESC", filter.limit, task_row)
}

/// Lists events, newest first.
pub(super) fn events(db: &Connection, filter: &Filter) -> rusqlite::Result<Vec<EventRow>> {
    let mut conditions = Conditions::of_event(filter);
    conditions.add("seq < ", filter.after);
    conditions.add("seq > ", filter.before);
    conditions.query(db, EVENT, "ORDER BY seq DESC", filter.limit, event_row)
}

/// Conditions on columns, and the values to compare with. No value becomes part of the SQL text.
#[derive(Default)]
struct Conditions {
    text: String,
    values: Vec<Box<dyn ToSql>>,
}

impl Conditions {
    /// The conditions that apply to events, and so to tasks through their event.
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
            // Not LIKE: a type may contain `_`.
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
        // Last, because it reads bodies.
        if let Some(customer) = &filter.customer {
            conditions.text.push_str(&format!(" AND {IS_ABOUT_CUSTOMER}"));
            conditions.values.extend([(); 2].map(|()| Box::new(customer.clone()) as Box<dyn ToSql>));
        }
        conditions
    }

    /// Adds a condition that ends with a value, unless there is no value.
    fn add(&mut self, comparison: &str, value: Option<impl ToSql + 'static>) {
        if let Some(value) = value {
            self.text.push_str(&format!(" AND {comparison}?"));
            self.values.push(Box::new(value));
        }
    }

    /// Runs `select` with the conditions, and reads each row.
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
