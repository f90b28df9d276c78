//! The overview: what an operator looks at first.

use std::time::Duration;

use askama::Template;

use super::text::{When, coarse};
use super::{Backend, Frame, Rendered, render, searched};
use crate::operate::wire::Named;
use crate::report::format::parked_because;
use crate::store::{Backlog, State};

/// From when on the oldest due task is shown as a warning.
const LATE: Duration = Duration::from_secs(60);

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    frame: Frame,
    tiles: Vec<Tile>,
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
    let backlog = backend.operations()?.backlog().await?;
    let handlers = backlog.handlers.iter().map(|row| HandlerRow {
        query: searched(&format!("handler:{} state:{}", row.handler, row.state.name())),
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
    render(Overview { frame: backend.frame("/"), tiles: tiles(&backlog), handlers, secrets }).await
}

fn tiles(backlog: &Backlog) -> Vec<Tile> {
    let (parked, waiting) =
        (backlog.tasks(State::Parked), backlog.tasks(State::Ready) + backlog.tasks(State::Blocked));
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
            number: waiting.to_string(),
            detail: "ready or blocked".to_owned(),
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
    ]
}
