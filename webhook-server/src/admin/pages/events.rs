//! Events, or tasks if the search is about tasks, newest first, in pages.

use std::time::{Duration, SystemTime};

use askama::Template;

use super::search::Search;
use super::text::{When, visible};
use super::{Backend, Frame, PageError, Rendered, render};
use crate::admin::query::{Query, query_text};
use crate::operate::Found;
use crate::operate::wire::Named;
use crate::store::{EventRow, Filter, TaskRow};

/// How many rows a page has.
const PAGE: usize = 50;

/// How long a search takes at most, about. It can go on from there.
const PATIENCE: Duration = Duration::from_millis(500);

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
    /// How far back the search went, if its time was over then.
    searched_to: Option<When>,
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
    let Found { mut rows, reached } = if of_tasks {
        let found = operations.tasks_within(PATIENCE, search.filter).await?;
        found.map(|row| (row.task, Row::of_task(&row)))
    } else {
        let found = operations.events_within(PATIENCE, search.filter).await?;
        found.map(|row| (row.cursor, Row::of_event(&row)))
    };
    let has_more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let after = rows.last().filter(|_| has_more).map(|(cursor, _)| *cursor).or(reached);
    let next = after.map(|after| query_text(&[("q", query.get("q")), ("after", Some(&after.to_string()))]));
    let searched_to = match reached {
        Some(reached) => searched_to(backend, of_tasks, reached).await?,
        None => None,
    };
    let rows = rows.into_iter().map(|(_, row)| row).collect();
    render(Events {
        frame: backend.frame_after("/events", query),
        q: q.to_owned(),
        hints: search.hints,
        of_tasks,
        rows,
        next,
        searched_to,
    })
    .await
}

/// When the newest event arrived that a search has not looked at.
async fn searched_to(backend: &Backend, of_tasks: bool, reached: i64) -> Result<Option<When>, PageError> {
    let (operations, next) =
        (backend.operations()?, Filter { after: Some(reached), limit: 1, ..Filter::default() });
    let received_ms = if of_tasks {
        operations.tasks(next).await?.first().map(|row| row.received_ms)
    } else {
        operations.events(next).await?.first().map(|row| row.received_ms)
    };
    Ok(received_ms.map(When::of))
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
