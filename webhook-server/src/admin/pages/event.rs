//! One event: its envelope, what each handler did with it, and its body.

use std::time::Duration;

use askama::Template;
use tracing::info;

use super::text::{When, coarse, visible};
use super::tree::{Tree, tree};
use super::{Backend, Frame, PageError, Rendered, made};
use crate::admin::query::{Query, query_text};
use crate::operate::wire::Named;
use crate::report::format::parked_because;
use crate::store::{AttemptRow, EventRow, State, StoredEvent, TaskRow};

#[derive(Template)]
#[template(path = "event.html")]
struct Event {
    frame: Frame,
    event_id: String,
    /// The id as it is, and the number that tells the event from others with this id.
    key: (String, i64),
    event_type: String,
    facts: Vec<(&'static str, String)>,
    tasks: Vec<Task>,
    tree: Option<Tree>,
    has_body: bool,
    /// Whether customers' data are shown.
    shows_all: bool,
    /// The parameters of this page without that.
    query: String,
}

struct Task {
    task: i64,
    handler: String,
    state: &'static str,
    /// Whether it can be retried or skipped, and whether it can only be replayed.
    waits: bool,
    is_closed: bool,
    why: Option<&'static str>,
    attempts: Vec<Attempt>,
    next: Option<When>,
}

struct Attempt {
    outcome: &'static str,
    started: When,
    took: String,
    error: Option<String>,
}

pub(super) async fn page(backend: &Backend, query: &Query) -> Rendered {
    let (Some(id), cursor) = (query.get("id"), query.number("cursor")) else {
        return Err(PageError::Missing("Which event?"));
    };
    let found = backend.operations()?.events_with_id(id.to_owned()).await?;
    let of_task = query.number("task");
    let found = found.into_iter().find(|found| {
        cursor.is_none_or(|cursor| found.event.cursor == cursor)
            && of_task.is_none_or(|task| found.tasks.iter().any(|row| row.task == task))
    });
    let found = found.ok_or(PageError::Missing("The inbox has no such event."))?;
    let (shows_all, cursor) = (query.get("show") == Some("all"), found.event.cursor.to_string());
    if shows_all {
        info!(event_id = found.event.event_id, "the dashboard was asked for the customers' data of an event");
    }
    let frame = backend.frame_after("/events", query);
    made(move || Event {
        frame,
        event_id: visible(&found.event.event_id),
        key: (found.event.event_id.clone(), found.event.cursor),
        event_type: visible(&found.event.event_type),
        facts: facts(&found.event),
        tasks: found.tasks.iter().map(|row| task(row, &found)).collect(),
        tree: found.body.as_deref().and_then(|body| tree(body, shows_all)),
        has_body: found.body.is_some(),
        shows_all,
        query: query_text(&[("id", Some(&found.event.event_id)), ("cursor", Some(&cursor))]),
    })
    .await
}

fn facts(event: &EventRow) -> Vec<(&'static str, String)> {
    let exact = |ms| When::of(ms).exact;
    let through = event.endpoints.iter().map(|row| format!("{} (secret {})", row.endpoint, row.secret));
    let mut facts = vec![
        ("Received", exact(event.received_ms)),
        ("Endpoint", visible(&through.collect::<Vec<_>>().join(", "))),
        ("Mode", if event.livemode { "live" } else { "test" }.to_owned()),
        ("Deliveries", event.deliveries.to_string()),
    ];
    let optional = [
        ("Created", event.created.map(|seconds| exact(seconds.saturating_mul(1000)))),
        ("Object", event.object_id.as_deref().map(visible)),
        ("Account", event.account.as_deref().map(visible)),
        ("API version", event.api_version.as_deref().map(visible)),
    ];
    facts.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
    facts
}

fn task(row: &TaskRow, found: &StoredEvent) -> Task {
    let former = found.attempts.iter().filter(|attempt| attempt.task == row.task).map(attempt);
    let waits = matches!(row.state, State::Ready | State::Blocked | State::Parked);
    Task {
        task: row.task,
        waits,
        is_closed: matches!(row.state, State::Done | State::Skipped),
        handler: row.handler.clone(),
        state: row.state.name(),
        why: row.why.map(parked_because),
        attempts: former.chain(latest(row)).collect(),
        next: row.due_ms.map(When::of),
    }
}

fn attempt(row: &AttemptRow) -> Attempt {
    Attempt {
        outcome: row.outcome.name(),
        started: When::of(row.started_ms),
        took: coarse(Duration::from_millis(row.ended_ms.abs_diff(row.started_ms))),
        error: row.error.as_deref().map(visible),
    }
}

/// The run that is in the task itself: the one that succeeded, or one that has not ended.
fn latest(row: &TaskRow) -> Option<Attempt> {
    let started = row.started_ms?;
    let took = row.finished_ms.map(|finished| coarse(Duration::from_millis(finished.abs_diff(started))));
    Some(Attempt {
        outcome: row.state.name(),
        started: When::of(started),
        took: took.unwrap_or_default(),
        error: None,
    })
}
