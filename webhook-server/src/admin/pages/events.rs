//! Events, or tasks if the search is about tasks, newest first, in pages.

use std::time::SystemTime;

use askama::Template;

use super::search::Search;
use super::text::{When, visible};
use super::{Backend, Frame, Rendered, render};
use crate::admin::query::{Query, query_text};
use crate::operate::wire::Named;
use crate::store::{EventRow, TaskRow};

/// How many rows a page has.
const PAGE: usize = 50;

#[derive(Template)]
#[template(path = "events.html")]
struct Events {
    frame: Frame,
    q: String,
    hints: Vec<String>,
    of_tasks: bool,
    rows: Vec<Row>,
    /// The parameters of the next page.
    next: Option<String>,
}

/// An event, or one of its tasks.
struct Row {
    received: When,
    event_type: String,
    event_id: String,
    /// The object, or the handler.
    about: Option<String>,
    /// The mode, or the state.
    mark: &'static str,
    query: String,
}

pub(super) async fn page(backend: &Backend, query: &Query) -> Rendered {
    let q = query.get("q").unwrap_or_default();
    let mut search = Search::of(q, SystemTime::now());
    search.filter.after = query.number("after");
    search.filter.limit = PAGE + 1;
    let (of_tasks, operations) = (search.is_of_tasks(), backend.operations()?);
    let mut rows: Vec<(i64, Row)> = if of_tasks {
        operations.tasks(search.filter).await?.iter().map(|row| (row.task, Row::of_task(row))).collect()
    } else {
        operations.events(search.filter).await?.iter().map(|row| (row.cursor, Row::of_event(row))).collect()
    };
    let has_more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let last = rows.last().filter(|_| has_more).map(|(cursor, _)| cursor.to_string());
    let next = last.map(|last| query_text(&[("q", query.get("q")), ("after", Some(&last))]));
    let rows = rows.into_iter().map(|(_, row)| row).collect();
    render(Events {
        frame: backend.frame_after("/events", query),
        q: q.to_owned(),
        hints: search.hints.iter().map(|hint| visible(hint)).collect(),
        of_tasks,
        rows,
        next,
    })
    .await
}

impl Row {
    fn of_event(row: &EventRow) -> Self {
        let cursor = row.cursor.to_string();
        Self {
            received: When::of(row.received_ms),
            event_type: visible(&row.event_type),
            event_id: visible(&row.event_id),
            about: row.object_id.as_deref().map(visible),
            mark: if row.livemode { "live" } else { "test" },
            query: query_text(&[("id", Some(&row.event_id)), ("cursor", Some(&cursor))]),
        }
    }

    fn of_task(row: &TaskRow) -> Self {
        Self {
            received: When::of(row.received_ms),
            event_type: visible(&row.event_type),
            event_id: visible(&row.event_id),
            about: Some(row.handler.clone()),
            mark: row.state.name(),
            query: query_text(&[("id", Some(&row.event_id)), ("task", Some(&row.task.to_string()))]),
        }
    }
}
