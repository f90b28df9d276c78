//! The inbox in tables.
//!
//! Event ids, types, errors and reasons come from outside: they are printed without control characters and line breaks.

use std::time::Duration;

use anstyle::{AnsiColor, Style};

use crate::command::table::{Cell, Column, Table, wrapped};
use crate::report::format::{parked_because, printable};
use crate::report::time::{NO_TIME, writable_time};
use crate::store::{
    AttemptOutcome, AttemptRow, EndpointRow, EventRow, InstanceRow, ParkReason, State, Stats, StoredEvent,
    TaskRow,
};

/// The indentation of the lines beneath a handler.
const INDENT: usize = 2;

/// One row for each task.
pub(super) fn tasks(tasks: &[TaskRow]) -> Table<9> {
    let mut table = Table::new([
        Column::beneath("RECEIVED", "received"),
        Column::whole("EVENT"),
        Column::wraps("TYPE"),
        Column::wraps("HANDLER"),
        Column::whole("STATE"),
        Column::beneath("WHY", ""),
        Column::beneath("ATTEMPT", "attempt"),
        Column::beneath("NEXT", "next"),
        Column::beneath("ERROR", ""),
    ]);
    for task in tasks {
        table.add([
            time(task.received_ms).into(),
            Cell::quoted(&task.event_id),
            Cell::quoted(&task.event_type),
            (&task.handler).into(),
            state(task.state),
            task.why.map_or("-", why).into(),
            task.attempt.to_string().into(),
            task.due_ms.map_or("-".to_owned(), time).into(),
            task.error.as_deref().map_or("-".into(), Cell::quoted),
        ]);
    }
    table
}

/// Events by their ids, and whether they can be replayed.
pub(in crate::command) fn events(events: &[EventRow]) -> Table<3> {
    let mut table = Table::new([Column::whole("EVENT"), Column::wraps("TYPE"), Column::beneath("", "")]);
    for event in events {
        let note = if event.has_body { "" } else { "its body is not stored" };
        table.add([Cell::quoted(&event.event_id), Cell::quoted(&event.event_type), note.into()]);
    }
    table
}

/// The size of a body that `--body` prints.
pub(super) fn size(bytes: u64) -> String {
    format!("{bytes} bytes (`--body` prints them)")
}

/// One row for each instance that shares the inbox.
pub(super) fn instances(instances: &[InstanceRow]) -> Table<6> {
    let mut table = Table::new([
        Column::whole("NAME"),
        Column::whole("VERSION"),
        Column::whole("RUNNING"),
        Column::whole("HANDLERS"),
        Column::whole("JOINED"),
        Column::beneath("LEASE", "lease"),
    ]);
    for row in instances {
        let lease = if row.is_alive { "until" } else { "ended" };
        table.add([
            Cell::quoted(&row.name),
            Cell::quoted(&row.version),
            format!("{} of {}", row.running, row.slots).into(),
            row.handlers.len().to_string().into(),
            time(row.joined_ms).into(),
            format!("{lease} {}", time(row.lease_until_ms)).into(),
        ]);
    }
    table
}

/// An event with its tasks, and each task's unsuccessful attempts.
pub(super) fn event(found: &StoredEvent, width: Option<usize>) -> String {
    let event = &found.event;
    let or_none = |text: &Option<String>| text.as_deref().map_or("-".to_owned(), printable);
    let body = match &found.body {
        Some(body) => size(body.len() as u64),
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
        ("endpoint", endpoints(&event.endpoints)),
        ("received", time(event.received_ms)),
        ("deliveries", deliveries),
        ("body", body),
    ];
    let mut text = named(facts, width);
    for task in &found.tasks {
        let attempts = match task.attempt {
            0 => String::new(),
            attempts => format!(", attempt {attempts}"),
        };
        let next = task.due_ms.map_or(String::new(), |due| format!(", due {}", time(due)));
        let ended = task.finished_ms.map_or(String::new(), |ended| format!(", ended {}", time(ended)));
        let because = task.why.map_or(String::new(), |why| format!(": {}", parked_because(why)));
        let (word, style) = worded(task.state);
        text.push('\n');
        paragraph(&mut text, 0, (&task.handler, Style::new().bold()), "", width);
        let rest = format!("{because}{attempts}{next}{ended}");
        paragraph(&mut text, INDENT, (word, style), &rest, width);
        if let Some(error) = &task.error {
            paragraph(&mut text, INDENT, ("", Style::new()), &printable(error), width);
        }
        for attempt in found.attempts.iter().filter(|attempt| attempt.task == task.task) {
            paragraph(&mut text, INDENT, ("", Style::new()), &self::attempt(attempt), width);
        }
    }
    if found.tasks.is_empty() {
        text.push_str("\nno handler\n");
    }
    text
}

/// The endpoints of an event, each with the label of the secret that signed it there.
fn endpoints(endpoints: &[EndpointRow]) -> String {
    let each = endpoints
        .iter()
        .map(|row| format!("{} (secret {})", printable(&row.endpoint), printable(&row.secret)));
    each.collect::<Vec<_>>().join(", ")
}

/// When an attempt began, how long it took, and how it ended.
fn attempt(attempt: &AttemptRow) -> String {
    let AttemptRow { attempt: number, started_ms, ended_ms, .. } = attempt;
    let took = humantime::format_duration(Duration::from_millis(ended_ms.abs_diff(*started_ms)));
    let outcome = match attempt.outcome {
        AttemptOutcome::Failed => format!("failed after {took}"),
        AttemptOutcome::Skipped => format!("skipped after {took}"),
        AttemptOutcome::Parked => format!("parked after {took}"),
        AttemptOutcome::Done => format!("done after {took}"),
        // When the process ended is not known; the next one noticed it.
        AttemptOutcome::Crashed => "the process ended".to_owned(),
    };
    let error = attempt.error.as_deref().map(|error| format!(": {}", printable(error))).unwrap_or_default();
    format!("{}  attempt {number} {outcome}{error}", time(*started_ms))
}

/// Counts, then a row for each handler, state and reason.
pub(super) fn stats(stats: &Stats, width: Option<usize>) -> String {
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
    let mut text = named(facts, width);
    if stats.is_estimated {
        let estimated = "Estimated: all events, those without a handler, and tasks that are done or skipped.";
        paragraph(&mut text, 0, ("", Style::new()), estimated, width);
    }
    if !stats.handlers.is_empty() {
        let mut table = Table::new([
            Column::wraps("HANDLER"),
            Column::whole("STATE"),
            Column::whole("WHY"),
            Column::whole("TASKS"),
        ]);
        for row in &stats.handlers {
            let why = row.why.map_or("-", why);
            table.add([(&row.handler).into(), state(row.state), why.into(), row.tasks.to_string().into()]);
        }
        text.push('\n');
        text.push_str(&table.text(width));
    }
    if !stats.secrets.is_empty() {
        let mut table = Table::new([
            Column::wraps("ENDPOINT"),
            Column::whole("SECRET"),
            Column::whole("FINGERPRINT"),
            Column::whole("LAST USED"),
            Column::whole("LAST CONFIGURED"),
        ]);
        for row in &stats.secrets {
            table.add([
                Cell::quoted(&row.endpoint),
                Cell::quoted(&row.secret),
                Cell::quoted(&row.fingerprint),
                row.last_used_ms.map_or("never".to_owned(), minute).into(),
                minute(row.last_configured_ms).into(),
            ]);
        }
        text.push('\n');
        text.push_str(&table.text(width));
    }
    text
}

/// Lists values, each after its name.
pub(super) fn named<const COUNT: usize>(facts: [(&str, String); COUNT], width: Option<usize>) -> String {
    let mut table = Table::new([Column::whole(""), Column::wraps("")]);
    for (name, value) in facts {
        table.add([name.into(), value.into()]);
    }
    table.text_without_header(width)
}

/// Adds an indented text, wrapped to the terminal, with its first word highlighted.
fn paragraph(text: &mut String, indent: usize, word: (&str, Style), rest: &str, width: Option<usize>) {
    let (word, style) = word;
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(indent).max(1));
    for (number, line) in wrapped(&format!("{word}{rest}"), room).into_iter().enumerate() {
        text.push_str(&" ".repeat(indent));
        match line.strip_prefix(word).filter(|_| number == 0) {
            Some(rest) => text.push_str(&format!("{style}{word}{style:#}{rest}\n")),
            None => text.push_str(&format!("{line}\n")),
        }
    }
}

fn state(state: State) -> Cell {
    let (word, style) = worded(state);
    Cell::styled(word, style)
}

/// A state's name and colour.
pub(super) fn worded(state: State) -> (&'static str, Style) {
    match state {
        State::Ready => ("ready", AnsiColor::Cyan.on_default()),
        State::Running => ("running", AnsiColor::Blue.on_default()),
        State::Blocked => ("blocked", AnsiColor::Yellow.on_default()),
        State::Done => ("done", AnsiColor::Green.on_default()),
        State::Skipped => ("skipped", Style::new().dimmed()),
        State::Parked => ("parked", AnsiColor::Red.on_default()),
    }
}

/// A reason in a table; `--why` takes the names in `operate/wire.rs`.
fn why(why: ParkReason) -> &'static str {
    match why {
        ParkReason::Asked => "asked",
        ParkReason::Exhausted => "exhausted",
        ParkReason::Poison => "poison",
        ParkReason::NoHandler => "no handler",
        ParkReason::Undecodable => "undecodable",
    }
}

/// Milliseconds since the Unix epoch, as text that ends with the minute.
fn minute(millis: i64) -> String {
    let text = time(millis);
    // "2026-11-27T11:05:00Z"
    text.get(..16).filter(|_| text != NO_TIME).map_or(text.clone(), |minute| format!("{minute}Z"))
}

/// Milliseconds since the Unix epoch, as text in RFC 3339.
pub(super) fn time(millis: i64) -> String {
    writable_time(millis)
        .map_or(NO_TIME.to_owned(), |time| humantime::format_rfc3339_seconds(time).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_has_a_text() {
        for (millis, text, to_the_minute) in [
            (0, "1970-01-01T00:00:00Z", "1970-01-01T00:00Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59Z", "9999-12-31T23:59Z"),
            (253_402_300_800_000, NO_TIME, NO_TIME),
            (i64::MAX, NO_TIME, NO_TIME),
            (-1, NO_TIME, NO_TIME),
            (i64::MIN, NO_TIME, NO_TIME),
        ] {
            assert_eq!((&*time(millis), &*minute(millis)), (text, to_the_minute));
        }
    }
}
