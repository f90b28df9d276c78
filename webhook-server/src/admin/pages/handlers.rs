//! The handlers of this program, as they are registered, and what waits for each.

use std::collections::BTreeMap;
use std::time::Duration;

use askama::Template;
use webhook_core::{Registration, Subscription};

use super::text::coarse;
use super::{Backend, Frame, Rendered, render, searched, searched_tasks};
use crate::operate::wire::Named;
use crate::report::attribute::{runs, takes};
use crate::report::format::parked_because;
use crate::report::metrics::HandlerFigures;
use crate::store::Backlog;

#[derive(Template)]
#[template(path = "handlers.html")]
struct Handlers {
    frame: Frame,
    handlers: Vec<Handler>,
}

struct Handler {
    id: &'static str,
    doc: &'static str,
    takes: Vec<EventType>,
    /// What its attribute says besides the events.
    policy: Option<String>,
    place: String,
    query: String,
    open: Vec<Group>,
    /// How its runs on this instance went.
    figures: Option<String>,
}

struct EventType {
    name: String,
    query: String,
}

/// Tasks in one state, for one reason.
struct Group {
    state: &'static str,
    why: Option<&'static str>,
    tasks: u64,
    query: String,
}

pub(super) async fn page(backend: &Backend) -> Rendered {
    let backlog = backend.backlog().await?;
    let figures = backend.subject.numbers.metrics.handlers();
    let registrations = backend.subject.registry.registrations();
    let handlers =
        registrations.iter().map(|registration| handler(registration, &backlog, &figures)).collect();
    render(Handlers { frame: backend.frame("/handlers"), handlers }).await
}

fn handler(
    registration: &Registration,
    backlog: &Backlog,
    figures: &BTreeMap<String, HandlerFigures>,
) -> Handler {
    let id = registration.id;
    let policy = runs(&registration.policy, registration.needs().transaction.is_some());
    let of_type = |name: &&str| EventType { name: (*name).to_owned(), query: searched(name) };
    let open = backlog.handlers.iter().filter(|row| row.handler == id).map(|row| Group {
        state: row.state.name(),
        tasks: row.tasks,
        why: row.why.map(parked_because),
        query: searched_tasks(row),
    });
    Handler {
        id,
        doc: registration.doc,
        takes: match registration.takes {
            Subscription::Types(types) => types.iter().map(of_type).collect(),
            Subscription::Unhandled => vec![EventType { name: takes(registration), query: String::new() }],
        },
        policy: Some(policy).filter(|policy| policy != "-"),
        place: format!("{}:{}", registration.file, registration.line),
        query: searched(&format!("handler:{id}")),
        open: open.collect(),
        figures: figures.get(id).map(in_words),
    }
}

/// How many runs succeeded, and how long they took.
fn in_words(figures: &HandlerFigures) -> String {
    let HandlerFigures { handled, failed, p95 } = figures;
    let share = *handled as f64 * 100.0 / (handled + failed).max(1) as f64;
    let took = p95.map(|p95| format!(" · p95 {}", coarse(Duration::from_secs_f64(p95))));
    let (runs, took) = (handled + failed, took.unwrap_or_default());
    let s = if runs == 1 { "" } else { "s" };
    format!("{runs} run{s} on this instance, {share:.1} % succeeded{took}")
}
