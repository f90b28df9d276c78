//! One event: its envelope, what each handler did with it, and its body.

use askama::Template;
use tracing::info;

use super::runs::Runs;
use super::text::{When, visible};
use super::tree::{Tree, tree};
use super::{Backend, Frame, PageError, Rendered, made};
use crate::admin::query::{Query, query_text};
use crate::store::EventRow;

#[derive(Template)]
#[template(path = "event.html")]
struct Event {
    frame: Frame,
    event_id: String,
    event_type: String,
    facts: Vec<(&'static str, String)>,
    /// The id as it is, and the number that tells the event from others with this id.
    key: (String, i64),
    /// Its type, as a parameter.
    kind: String,
    runs: Runs,
    /// Where the page hears of changes; `None` if every task is finished.
    stream: Option<String>,
    tree: Option<Tree>,
    has_body: bool,
    /// Whether customers' data are shown.
    shows_all: bool,
    /// The parameters of this page without that.
    query: String,
}

pub(super) async fn page(backend: &Backend, query: &Query) -> Rendered {
    let (Some(id), cursor) = (query.get("id"), query.number("cursor")) else {
        return Err(PageError::Unclear("Which event?"));
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
    let key = query_text(&[("id", Some(&found.event.event_id)), ("cursor", Some(&cursor))]);
    let is_open = found.tasks.iter().any(|task| task.state.is_open());
    let stream = is_open.then(|| format!("{}/event/stream?{key}", frame.base));
    made(move || Event {
        event_id: visible(&found.event.event_id),
        event_type: visible(&found.event.event_type),
        facts: facts(&found.event),
        key: (found.event.event_id.clone(), found.event.cursor),
        kind: query_text(&[("type", Some(&found.event.event_type))]),
        stream,
        runs: Runs::of(frame.clone(), &found),
        tree: found.body.as_deref().and_then(|body| tree(body, shows_all)),
        has_body: found.body.is_some(),
        shows_all,
        query: key,
        frame,
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
