//! The overview: what an operator looks at first.

use std::time::Duration;

use askama::Template;

use super::text::{When, coarse};
use super::{Backend, Frame, Rendered, render, searched_tasks};
use crate::operate::wire::Named;
use crate::report::format::parked_because;
use crate::report::metrics::Minute;
use crate::store::{Backlog, EventRow, Filter, State};

/// From when on the oldest due task is shown as a warning.
const LATE: Duration = Duration::from_secs(60);

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    frame: Frame,
    tiles: Vec<Tile>,
    hour: Hour,
    handlers: Vec<HandlerRow>,
    secrets: Vec<SecretRow>,
}

/// A number that links to what it counts.
struct Tile {
    name: &'static str,
    number: String,
    detail: String,
    link: &'static str,
    /// The class that colours it: `bad`, `warn` or none.
    mood: &'static str,
}

/// The last hour of this instance.
struct Hour {
    received: u64,
    handled: u64,
    failed: u64,
    /// A bar for each minute, the oldest first.
    bars: Vec<Bar>,
}

/// One minute, in the picture's units: where a bar begins, from the top, and how high it is.
struct Bar {
    x: usize,
    received: (u32, u32),
    failed: (u32, u32),
}

/// How high the picture is above its line, where bars are what was received; below it, what failed.
const ABOVE: u32 = 48;
const BELOW: u32 = 23;

struct HandlerRow {
    handler: String,
    state: &'static str,
    why: Option<&'static str>,
    tasks: u64,
    query: String,
}

struct SecretRow {
    endpoint: String,
    label: String,
    fingerprint: String,
    last_used: Option<When>,
}

pub(super) async fn page(backend: &Backend) -> Rendered {
    let latest = backend.operations()?.events(Filter { limit: 1, ..Filter::default() }).await?;
    let backlog = backend.backlog().await?;
    let handlers = backlog.handlers.iter().map(|row| HandlerRow {
        query: searched_tasks(row),
        handler: row.handler.clone(),
        state: row.state.name(),
        why: row.why.map(parked_because),
        tasks: row.tasks,
    });
    let secrets = backlog.secrets.iter().map(|row| SecretRow {
        endpoint: row.endpoint.clone(),
        label: row.secret.clone(),
        fingerprint: row.fingerprint.clone(),
        last_used: row.last_used_ms.map(When::of),
    });
    let (handlers, secrets) = (handlers.collect(), secrets.collect());
    let hour = hour(&backend.subject.numbers.metrics.last_hour());
    render(Overview {
        frame: backend.frame("/"),
        tiles: tiles(&backlog, latest.first()),
        hour,
        handlers,
        secrets,
    })
    .await
}

fn tiles(backlog: &Backlog, latest: Option<&EventRow>) -> Vec<Tile> {
    let (parked, blocked) = (backlog.tasks(State::Parked), backlog.tasks(State::Blocked));
    let oldest = backlog.oldest_due_ms.map(|ms| Duration::from_millis(ms.unsigned_abs()));
    let mood = |is_bad: bool, mood: &'static str| if is_bad { mood } else { "" };
    vec![
        Tile {
            name: "Parked",
            number: parked.to_string(),
            detail: if parked == 0 { "nothing needs you" } else { "wait for a person" }.to_owned(),
            link: "/parked",
            mood: mood(parked > 0, "bad"),
        },
        Tile {
            name: "Waiting",
            number: backlog.tasks(State::Ready).to_string(),
            detail: if blocked == 0 {
                String::new()
            } else {
                format!("and {blocked} blocked in their lanes")
            },
            link: "/events?q=state:ready",
            mood: "",
        },
        Tile {
            name: "Oldest due",
            number: oldest.map_or("–".to_owned(), coarse),
            detail: "since it could have run".to_owned(),
            link: "/events?q=state:ready",
            mood: mood(oldest.is_some_and(|age| age > LATE), "warn"),
        },
        Tile {
            name: "Running",
            number: backlog.tasks(State::Running).to_string(),
            detail: String::new(),
            link: "/events?q=state:running",
            mood: "",
        },
        Tile {
            name: "Quarantine",
            number: backlog.quarantined.to_string(),
            detail: "verified, and not dispatched".to_owned(),
            link: "/quarantine",
            mood: mood(backlog.quarantined > 0, "warn"),
        },
        Tile {
            name: "Last event",
            number: latest.map_or("–".to_owned(), |row| When::of(row.received_ms).relative),
            detail: latest
                .and_then(lag)
                .map_or(String::new(), |lag| format!("{} after it happened", coarse(lag))),
            link: "/events",
            mood: "",
        },
    ]
}

/// How long after it happened an event arrived. Stripe says when to the second.
fn lag(row: &EventRow) -> Option<Duration> {
    let happened_ms = row.created?.checked_mul(1_000)?;
    Some(Duration::from_millis(row.received_ms.checked_sub(happened_ms)?.max(0).unsigned_abs()))
}

/// Draws the last hour. The busiest minute has the full height, in both directions.
fn hour(minutes: &[Minute]) -> Hour {
    let most = |of: fn(&Minute) -> u64| minutes.iter().map(of).max().unwrap_or(0).max(1);
    let (received, failed) = (most(|minute| minute.received), most(|minute| minute.failed));
    // Something is never drawn as nothing.
    let height = |count: u64, most: u64, full: u32| {
        u32::try_from((count * u64::from(full)).div_ceil(most)).unwrap_or(0)
    };
    let bars = minutes.iter().enumerate().map(|(at, minute)| {
        let above = height(minute.received, received, ABOVE);
        Bar {
            x: at * 10,
            received: (ABOVE - above, above),
            failed: (ABOVE + 1, height(minute.failed, failed, BELOW)),
        }
    });
    let sum = |of: fn(&Minute) -> u64| minutes.iter().map(of).sum();
    Hour {
        received: sum(|minute| minute.received),
        handled: sum(|minute| minute.handled),
        failed: sum(|minute| minute.failed),
        bars: bars.collect(),
    }
}
