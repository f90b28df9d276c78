//! The handlers of this program, as they are registered, and what waits for each.

use askama::Template;
use webhook_core::{Registration, Subscription};

use super::{Backend, Frame, Rendered, render, searched};
use crate::operate::wire::Named;
use crate::report::attribute::{runs, takes};
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
}

struct EventType {
    name: String,
    query: String,
}

/// Tasks in one state.
struct Group {
    state: &'static str,
    tasks: u64,
    query: String,
}

pub(super) async fn page(backend: &Backend) -> Rendered {
    let backlog = match &backend.subject.operations {
        Some(operations) => operations.backlog().await?,
        None => Backlog::default(),
    };
    let registrations = backend.subject.registry.registrations();
    let handlers = registrations.iter().map(|registration| handler(registration, &backlog)).collect();
    render(Handlers { frame: backend.frame("/handlers"), handlers }).await
}

fn handler(registration: &Registration, backlog: &Backlog) -> Handler {
    let id = registration.id;
    let policy = runs(&registration.policy, registration.needs().transaction.is_some());
    let of_type = |name: &&str| EventType { name: (*name).to_owned(), query: searched(name) };
    let open = backlog.handlers.iter().filter(|row| row.handler == id).map(|row| Group {
        state: row.state.name(),
        tasks: row.tasks,
        query: searched(&format!("handler:{id} state:{}", row.state.name())),
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
    }
}
