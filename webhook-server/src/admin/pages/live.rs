//! Events and what their handlers do with them, as it happens.

use std::time::SystemTime;

use askama::Template;

use super::search::Search;
use super::text::{When, between, visible};
use super::{Backend, Frame, Rendered, render};
use crate::admin::query::{Query, query_text};
use crate::operate::tail::{Change, Tail};
use crate::operate::wire::Named;
use crate::report::format::parked_because;
use crate::store::TaskRow;

/// How many events the page begins with.
const BEGINS_WITH: usize = 50;

#[derive(Template)]
#[template(path = "live.html")]
struct LivePage {
    frame: Frame,
    q: String,
    hints: Vec<String>,
    /// The newest first.
    rows: Vec<Row>,
    /// Where the page hears of changes.
    stream: String,
    /// The parameters of this page.
    query: String,
}

/// An event with what its handlers do.
#[derive(Template)]
#[template(path = "live_row.html")]
pub(super) struct Row {
    base: String,
    cursor: i64,
    received: When,
    event_type: String,
    event_id: String,
    object: Option<String>,
    query: String,
    tasks: Vec<Task>,
}

struct Task {
    handler: String,
    state: &'static str,
    details: String,
    error: Option<String>,
}

pub(super) async fn page(backend: &Backend, query: &Query) -> Rendered {
    let q = query.get("q").unwrap_or_default();
    let search = Search::of(q, SystemTime::now());
    let mut tail = Tail::with_latest(search.filter, BEGINS_WITH);
    let look = tail.look(&mut backend.operations()?).await?;
    let (frame, cursor) = (backend.frame("/live"), tail.resume_at().to_string());
    let rows = look.changes.into_iter().rev().map(|change| Row::of(&frame.base, change)).collect();
    let parameters = query_text(&[("q", query.get("q")), ("cursor", Some(&cursor))]);
    render(LivePage {
        q: q.to_owned(),
        hints: search.hints,
        rows,
        stream: format!("{}/live/stream?{parameters}", frame.base),
        query: query_text(&[("q", query.get("q"))]),
        frame,
    })
    .await
}

/// What the stream of a page with these parameters follows, from this event on.
pub(super) fn tail(query: &Query, cursor: i64) -> Tail {
    Tail::after(Search::of(query.get("q").unwrap_or_default(), SystemTime::now()).filter, cursor)
}

impl Row {
    pub(super) fn of(base: &str, Change { event, tasks, .. }: Change) -> Self {
        let cursor = event.cursor.to_string();
        Self {
            base: base.to_owned(),
            cursor: event.cursor,
            received: When::of(event.received_ms),
            event_type: visible(&event.event_type),
            event_id: visible(&event.event_id),
            object: event.object_id.as_deref().map(visible),
            query: query_text(&[("id", Some(&event.event_id)), ("cursor", Some(&cursor))]),
            tasks: tasks.iter().map(Task::of).collect(),
        }
    }
}

impl Task {
    fn of(row: &TaskRow) -> Self {
        let took = row.started_ms.zip(row.finished_ms).map(|(began, ended)| between(began, ended));
        let attempt = (row.attempt > 1).then(|| format!("attempt {}", row.attempt));
        let again =
            row.due_ms.filter(|_| row.attempt > 0).map(|due| format!("again {}", When::of(due).relative));
        Self {
            handler: row.handler.clone(),
            state: row.state.name(),
            details: [took, attempt, again].into_iter().flatten().collect::<Vec<_>>().join(" · "),
            error: row.error.as_deref().map(visible).or(row.why.map(parked_because).map(str::to_owned)),
        }
    }
}
