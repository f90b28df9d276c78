//! Streams of server-sent events: what changes while a page is open.
//!
//! A stream ends after half a minute, and the browser asks again, from where it was. So a connection has the same limits as
//! any other, and who asks is checked again.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use bytes::Bytes;
use hyper::Response;
use hyper::http::request::Parts;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::{Instant, timeout_at};

use super::live::{self, Row};
use super::runs::Runs;
use super::{Backend, PageError, problem};
use crate::admin::answer::{failed, stream};
use crate::admin::body::AdminBody;
use crate::admin::query::Query;
use crate::future::spawn;
use crate::operate::tail::{Look, Tail};
use crate::operate::{EventKey, Operations};
use crate::phase::Stage;
use crate::report::format::chain;
use crate::store::Filter;

/// How long a stream lasts, even if its browser does not read: it has a place that others wait for.
const LASTS: Duration = Duration::from_secs(30);

/// How long a stream says nothing, so that nothing between it and the browser takes it for dead.
const SILENCE: Duration = Duration::from_secs(10);

/// How many messages wait for a browser that is slow.
const WAITING: usize = 16;

/// Opens the stream of a page.
pub(in crate::admin) fn open(
    backend: &Arc<Backend>,
    path: &str,
    query: &Query,
    head: &Parts,
) -> Response<AdminBody> {
    let Some(operations) = backend.subject.operations.clone() else {
        return problem(backend, &PageError::NoInbox);
    };
    let Ok(place) = Arc::clone(&backend.subject.live.free).try_acquire_owned() else {
        return failed(503, "too many live pages are open: close one of them");
    };
    // The browser says where it was when it asks again.
    let last = head.headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let cursor: i64 = last.or_else(|| query.number("cursor")).unwrap_or(0);
    let (tail, shown) = match (path, query.get("id"), query.number("cursor")) {
        ("/event/stream", Some(id), Some(cursor)) => {
            let filter = Filter { event_ids: vec![id.to_owned()], ..Filter::default() };
            let key = EventKey { event_id: id.to_owned(), cursor };
            (Tail::after(filter, cursor.saturating_sub(1)), Shown::Event(key))
        }
        _ => (live::tail(query, cursor), Shown::Rows),
    };
    let (to, pieces) = channel(WAITING);
    let backend = Arc::clone(backend);
    spawn(async move { Streaming { backend, operations, tail, shown, to, _place: place }.run().await });
    stream(pieces)
}

/// What a stream sends.
enum Shown {
    /// The rows of events.
    Rows,
    /// What the handlers of one event did.
    Event(EventKey),
}

/// A stream at work.
struct Streaming {
    backend: Arc<Backend>,
    operations: Operations,
    tail: Tail,
    shown: Shown,
    to: Sender<Bytes>,
    _place: OwnedSemaphorePermit,
}

impl Streaming {
    /// Looks and sends until the browser leaves, the server stops, or the time is up.
    async fn run(mut self) {
        let mut spoke = Instant::now();
        let end = spoke + LASTS;
        // How soon the browser asks again.
        let mut text = "retry: 500\n\n".to_owned();
        while Instant::now() < end && self.backend.subject.phase.now() != Stage::Draining {
            match self.tail.look(&mut &self.operations).await {
                Ok(look) => text.push_str(&self.messages(look).await),
                // It may be away for a moment.
                Err(error) => text.push_str(&message("note", &chain(&error))),
            }
            let is_over = matches!(self.shown, Shown::Event(_)) && self.tail.is_idle();
            if is_over {
                text.push_str(&message("end", ""));
            }
            if text.is_empty() && spoke.elapsed() > SILENCE {
                text = format!(": still here\nid: {}\n\n", self.tail.resume_at());
            }
            if !text.is_empty() {
                spoke = Instant::now();
                let sending = self.to.send(std::mem::take(&mut text).into());
                if !matches!(timeout_at(end, sending).await, Ok(Ok(()))) {
                    return;
                }
            }
            if is_over {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(self.backend.subject.live.pause) => {}
                () = self.to.closed() => return,
            }
        }
    }

    /// What a look has found, as messages.
    async fn messages(&self, look: Look) -> String {
        let base = &self.backend.base;
        let mut text = String::new();
        match &self.shown {
            Shown::Rows => {
                if look.left_out > 0 {
                    let more = if look.is_more { "more than " } else { "" };
                    let left_out = look.left_out;
                    text =
                        message("note", &format!("{more}{left_out} events left out: they arrive too fast"));
                } else if look.unfollowed > 0 {
                    text =
                        message("note", "too many events have open tasks: the oldest rows are not followed");
                }
                for change in look.changes {
                    let row = Row::of(base, change).render();
                    text.push_str(&row.map(|row| message("row", &row)).unwrap_or_default());
                }
            }
            Shown::Event(key) if !look.changes.is_empty() => {
                if let Ok(Some(found)) = self.operations.event(key).await {
                    let runs = Runs::of(self.backend.frame("/events"), &found).render();
                    text = runs.map(|runs| message("runs", &runs)).unwrap_or_default();
                }
            }
            Shown::Event(_) => {}
        }
        if !text.is_empty() {
            text.push_str(&format!("id: {}\n\n", self.tail.resume_at()));
        }
        text
    }
}

/// A server-sent event. `data` may have several lines.
fn message(event: &str, data: &str) -> String {
    let lines: String = data.split(['\n', '\r']).map(|line| format!("data: {line}\n")).collect();
    format!("event: {event}\n{lines}\n")
}
