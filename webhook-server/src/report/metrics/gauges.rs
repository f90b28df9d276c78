//! What is read when somebody asks: how much there is at that moment.

use std::borrow::Cow;

use metrics::{Key, Label};

use super::page::Page;
use super::series::{METADATA, describe};
use super::table::{
    BODY_MEMORY, BUILD_INFO, CONNECTIONS, INBOX_UP, Metric, OLDEST_DUE, PARKED_NOW, QUARANTINED, REQUESTS,
    TASKS, WRITER_QUEUE, WRITER_QUEUE_BYTES,
};
use crate::operate::wire::Named;
use crate::store::{Arriving, Backlog, State};

/// How much there is at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gauges {
    /// The open connections.
    pub(crate) connections: usize,
    /// The requests that are not answered yet.
    pub(crate) requests: usize,
    /// The memory that long bodies take beyond their connections' own, in bytes.
    pub(crate) body_memory: usize,
    /// `None` without an inbox.
    pub(crate) inbox: Option<InboxGauges>,
}

/// How much there is in the inbox and on the way into it.
#[derive(Clone, Debug)]
pub(crate) struct InboxGauges {
    pub(crate) arriving: Arriving,
    /// `None` if the inbox could not be read.
    pub(crate) backlog: Option<Backlog>,
}

/// Takes the series of gauges.
trait Target {
    fn gauge<const N: usize>(&mut self, of: &'static Metric<N>, series: Vec<([Cow<'static, str>; N], f64)>);
}

impl Target for Page {
    fn gauge<const N: usize>(&mut self, of: &'static Metric<N>, series: Vec<([Cow<'static, str>; N], f64)>) {
        self.gauge(of, series);
    }
}

/// The recorder that the application may have installed.
struct PassOn;

impl Target for PassOn {
    fn gauge<const N: usize>(&mut self, of: &'static Metric<N>, series: Vec<([Cow<'static, str>; N], f64)>) {
        describe(of);
        for (values, value) in series {
            let labels = of.labels.iter().zip(values).map(|(name, value)| Label::new(*name, value));
            let key = Key::from_parts(of.name, labels.collect::<Vec<_>>());
            metrics::with_recorder(|recorder| recorder.register_gauge(&key, &METADATA).set(value));
        }
    }
}

impl Gauges {
    #[cfg_attr(not(feature = "admin"), allow(dead_code, reason = "only the admin pages show it"))]
    /// Writes them onto a page.
    pub(super) fn write(&self, page: &mut Page) {
        self.give(page);
    }

    /// Passes them on to the application's recorder. It keeps what it was told last, so a reason for which nothing is parked
    /// any more keeps its number there.
    pub(crate) fn pass_on(&self) {
        self.give(&mut PassOn);
    }

    fn give(&self, to: &mut impl Target) {
        to.gauge(&CONNECTIONS, only(self.connections as f64));
        to.gauge(&REQUESTS, only(self.requests as f64));
        to.gauge(&BODY_MEMORY, only(self.body_memory as f64));
        if let Some(inbox) = &self.inbox {
            to.gauge(&WRITER_QUEUE, only(inbox.arriving.count as f64));
            to.gauge(&WRITER_QUEUE_BYTES, only(inbox.arriving.bytes as f64));
            to.gauge(&INBOX_UP, only(f64::from(u8::from(inbox.backlog.is_some()))));
            inbox.backlog.iter().for_each(|backlog| give_backlog(backlog, to));
        }
        let versions = [env!("CARGO_PKG_VERSION"), webhook_core::catalog::enabled_names()].map(Cow::Borrowed);
        to.gauge(&BUILD_INFO, vec![(versions, 1.0)]);
    }
}

fn give_backlog(backlog: &Backlog, to: &mut impl Target) {
    let tasks = [State::Blocked, State::Ready, State::Running]
        .map(|state| ([state.name().into()], backlog.tasks(state) as f64));
    to.gauge(&TASKS, tasks.into());
    to.gauge(&OLDEST_DUE, only(backlog.oldest_due_ms.unwrap_or(0).max(0) as f64 / 1e3));
    let parked = backlog
        .handlers
        .iter()
        .filter_map(|row| Some(([row.handler.clone().into(), row.why?.name().into()], row.tasks as f64)));
    to.gauge(&PARKED_NOW, parked.collect());
    to.gauge(&QUARANTINED, only(backlog.quarantined as f64));
}

/// The only series of a gauge without labels.
fn only(value: f64) -> Vec<([Cow<'static, str>; 0], f64)> {
    vec![([], value)]
}
