//! The inbox in tables.

use std::time::{Duration, UNIX_EPOCH};

use crate::command::table::table;
use crate::inbox::store::{QuarantineRow, State, Stats, StoredEvent, TaskRow, Why};
use crate::journal::parked_because;
use crate::words::printable;

/// The longest error in a table, in characters.
const MAX_ERROR: usize = 80;

pub(super) fn tasks(tasks: &[TaskRow]) -> String {
    let header = ["RECEIVED", "EVENT", "TYPE", "HANDLER", "STATE", "ATTEMPT", "NEXT", "ERROR"];
    let row = |task: &TaskRow| {
        vec![
            time(task.received_ms),
            task.event_id.clone(),
            task.event_type.clone(),
            task.handler.clone(),
            state(task.state, task.why),
            task.attempt.to_string(),
            task.due_ms.map_or("-".to_owned(), time),
            task.error.as_deref().map_or("-".to_owned(), short),
        ]
    };
    with_header(&header, tasks.iter().map(row))
}

pub(super) fn quarantine(rows: &[QuarantineRow]) -> String {
    let header = ["RECEIVED", "DELIVERIES", "BYTES", "WHY IT IS NO EVENT"];
    let row = |row: &QuarantineRow| {
        vec![time(row.received_ms), row.deliveries.to_string(), row.bytes.to_string(), printable(&row.reason)]
    };
    with_header(&header, rows.iter().map(row))
}

pub(super) fn event(found: &StoredEvent) -> String {
    let event = &found.event;
    let or_none = |text: &Option<String>| text.as_deref().map_or("-".to_owned(), printable);
    let body = match &found.body {
        Some(body) => format!("{} bytes (`--body` prints them)", body.len()),
        None => "not kept".to_owned(),
    };
    let mut deliveries = event.deliveries.to_string();
    if event.changed_bodies > 0 {
        deliveries.push_str(&format!(", {} of them with another body", event.changed_bodies));
    }
    let facts = [
        ("event", event.event_id.clone()),
        ("type", event.event_type.clone()),
        ("object", or_none(&event.object_id)),
        ("account", or_none(&event.account)),
        ("created", event.created.map_or("-".to_owned(), |seconds| time(seconds.saturating_mul(1000)))),
        ("API version", or_none(&event.api_version)),
        ("mode", if event.livemode { "live" } else { "test" }.to_owned()),
        ("endpoint", event.endpoint.clone()),
        ("received", time(event.received_ms)),
        ("deliveries", deliveries),
        ("body", body),
    ];
    let mut text = table(&facts.map(|(name, value)| vec![name.to_owned(), value]));
    for task in &found.tasks {
        let attempts = match task.attempt {
            0 => String::new(),
            attempts => format!(", attempt {attempts}"),
        };
        let next = task.due_ms.map_or(String::new(), |due| format!(", due {}", time(due)));
        let ended = task.finished_ms.map_or(String::new(), |ended| format!(", ended {}", time(ended)));
        let state = state(task.state, task.why);
        text.push_str(&format!("\n{}: {state}{attempts}{next}{ended}\n", task.handler));
        if let Some(why) = task.why {
            text.push_str(&format!("  {}\n", parked_because(why)));
        }
        if let Some(error) = &task.error {
            text.push_str(&format!("  {}\n", printable(error)));
        }
    }
    if found.tasks.is_empty() {
        text.push_str("\nno handler\n");
    }
    text
}

pub(super) fn stats(stats: &Stats) -> String {
    let oldest = match stats.oldest_due_ms {
        Some(age) => humantime::format_duration(Duration::from_secs(age.unsigned_abs() / 1000)).to_string(),
        None => "-".to_owned(),
    };
    let facts = [
        ("events", stats.events.to_string()),
        ("without a handler", stats.unhandled.to_string()),
        ("duplicates", stats.duplicates.to_string()),
        ("duplicates with another body", stats.changed_bodies.to_string()),
        ("in quarantine", stats.quarantined.to_string()),
        ("oldest task that is due", oldest),
    ];
    let mut text = table(&facts.map(|(name, value)| vec![name.to_owned(), value]));
    if !stats.handlers.is_empty() {
        let row = |row: &crate::inbox::store::HandlerStats| {
            vec![row.handler.clone(), state(row.state, row.why), row.tasks.to_string()]
        };
        text.push('\n');
        text.push_str(&with_header(&["HANDLER", "STATE", "TASKS"], stats.handlers.iter().map(row)));
    }
    text
}

fn with_header(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let header = header.iter().map(|cell| (*cell).to_owned()).collect();
    table(&std::iter::once(header).chain(rows).collect::<Vec<_>>())
}

fn state(state: State, why: Option<Why>) -> String {
    let state = match state {
        State::Ready => "ready",
        State::Running => "running",
        State::Blocked => "blocked",
        State::Done => "done",
        State::Discarded => "discarded",
        State::Parked => "parked",
    };
    let why = why.map(|why| match why {
        Why::Asked => " (asked)",
        Why::Exhausted => " (exhausted)",
        Why::Poison => " (poison)",
        Why::NoHandler => " (no handler)",
        Why::Undecodable => " (undecodable)",
    });
    format!("{state}{}", why.unwrap_or_default())
}

fn short(error: &str) -> String {
    let mut text: String = printable(error).chars().take(MAX_ERROR).collect();
    if error.chars().count() > MAX_ERROR {
        text.push('…');
    }
    text
}

/// Milliseconds since the Unix epoch, in words.
fn time(millis: i64) -> String {
    let time = UNIX_EPOCH.checked_add(Duration::from_millis(millis.unsigned_abs()));
    time.map_or("-".to_owned(), |time| humantime::format_rfc3339_seconds(time).to_string())
}
