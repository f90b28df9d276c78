//! What each handler did with an event: a part of the event's page, which is sent again whenever it changes.

use askama::Template;

use super::Frame;
use super::text::{When, between, visible};
use crate::operate::wire::Named;
use crate::report::format::parked_because;
use crate::store::{AttemptRow, State, StoredEvent, TaskRow};

#[derive(Template)]
#[template(path = "runs.html")]
pub(super) struct Runs {
    frame: Frame,
    /// The id as it is, and the number that tells the event from others with this id.
    key: (String, i64),
    tasks: Vec<Task>,
    has_body: bool,
}

impl Runs {
    pub(super) fn of(frame: Frame, found: &StoredEvent) -> Self {
        Self {
            frame,
            key: (found.event.event_id.clone(), found.event.cursor),
            tasks: found.tasks.iter().map(|row| task(row, found)).collect(),
            has_body: found.body.is_some(),
        }
    }
}

struct Task {
    task: i64,
    handler: String,
    state: &'static str,
    /// Whether it can be retried or skipped, and whether it can only be replayed.
    waits: bool,
    is_closed: bool,
    why: Option<&'static str>,
    /// Why it was skipped or parked, if no run says so.
    reason: Option<String>,
    attempts: Vec<Attempt>,
    next: Option<When>,
}

struct Attempt {
    outcome: &'static str,
    started: When,
    took: String,
    error: Option<String>,
}

fn task(row: &TaskRow, found: &StoredEvent) -> Task {
    let of_task = || found.attempts.iter().filter(|attempt| attempt.task == row.task);
    let last_error = of_task().next_back().and_then(|attempt| attempt.error.as_deref());
    let reason = row.error.as_deref().filter(|error| Some(*error) != last_error && row.due_ms.is_none());
    let waits = matches!(row.state, State::Ready | State::Blocked | State::Parked);
    Task {
        task: row.task,
        waits,
        is_closed: matches!(row.state, State::Done | State::Skipped),
        handler: row.handler.clone(),
        state: row.state.name(),
        why: row.why.map(parked_because),
        reason: reason.map(visible),
        attempts: of_task().map(attempt).chain(latest(row)).collect(),
        next: row.due_ms.map(When::of),
    }
}

fn attempt(row: &AttemptRow) -> Attempt {
    Attempt {
        outcome: row.outcome.name(),
        started: When::of(row.started_ms),
        took: between(row.started_ms, row.ended_ms),
        error: row.error.as_deref().map(visible),
    }
}

/// The run that is in the task itself: the one that succeeded, or one that has not ended.
fn latest(row: &TaskRow) -> Option<Attempt> {
    let started = row.started_ms?;
    let took = row.finished_ms.map(|finished| between(started, finished));
    Some(Attempt {
        outcome: row.state.name(),
        started: When::of(started),
        took: took.unwrap_or_default(),
        error: None,
    })
}
