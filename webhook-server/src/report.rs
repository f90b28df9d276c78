//! What happens, as facts, and the sinks that receive them: the log or a terminal, and the metrics.
//!
//! A fact holds no secret, no signature and nothing of a body but what identifies the event.
//!
//! Code reports a fact where it happens, as a value; a sink decides what becomes of it. A new sink implements [`Sink`]
//! and is given to [`Report::to`] or [`Report::and_to`].

#[cfg(any(feature = "admin", feature = "cli"))]
pub(crate) mod attribute;
#[cfg(feature = "cli")]
pub(crate) mod console;
#[cfg(feature = "cli")]
pub(crate) mod fold;
pub(crate) mod format;
pub(crate) mod log;
pub(crate) mod metrics;
mod outages;
#[cfg(feature = "cli")]
pub(crate) mod progress;
mod repeats;
pub(crate) mod shape;
pub(crate) mod spans;
pub(crate) mod stderr;
#[cfg(feature = "cli")]
pub(crate) mod terminal;
#[cfg(any(feature = "admin", feature = "cli"))]
pub(crate) mod time;
pub(crate) mod unusable;
mod versions;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use webhook_core::Envelope;

pub(crate) use self::outages::Retried;
use crate::receive::Via;
use crate::receive::outcome::Outcome;
use crate::run::attempt::AttemptReport;
use crate::store::{Commit, Disposition, HandlerStats, InboxLocation, ParkReason, Recovered, StoreError};

/// Something that happened.
#[derive(Debug)]
pub(crate) enum Fact<'f> {
    /// The inbox is open, and the tasks of former processes are recovered. `missing` counts the parked tasks of handlers
    /// that this program lacks.
    Recovered { location: &'f InboxLocation, recovered: &'f Recovered, missing: &'f [HandlerStats] },
    /// Tasks of dead instances were taken over.
    TakenOver { recovered: &'f Recovered },
    /// A connection was not accepted.
    ConnectionRefused { reason: &'f str },
    /// What arrived on a connection is not a request. HTTP answers that by itself, and the connection ends.
    Malformed { reason: &'f str, peer: Option<SocketAddr> },
    /// A request was answered.
    Answered {
        outcome: &'f Outcome,
        via: &'f Via,
        status: StatusCode,
        took: Duration,
        peer: Option<SocketAddr>,
    },
    /// A run of a stored task ended.
    AttemptEnded(AttemptEnded<'f>),
    /// A run is past its deadline and blocks its thread; `limit` is how long it might take. If it `has_started` is
    /// false, it never got a thread, because blocked handlers hold all of them.
    AttemptBlocks { envelope: &'f Envelope, handler: &'static str, limit: Duration, has_started: bool },
    /// A task was parked without a run. `envelope` is its event's, unless the stored body is not an event.
    TaskParked {
        task: i64,
        envelope: Option<&'f Envelope>,
        handler: &'f str,
        attempt: u32,
        reason: ParkReason,
        error: &'f str,
    },
    /// Files have changed and are not valid, so that their old contents stay in use.
    NotReloaded { what: &'static str, endpoint: Option<&'f str>, reason: &'f str },
    /// The store could not do something, which will be tried again.
    StoreFailed { what: Retried, task: Option<i64>, error: &'f StoreError },
    /// The store did something that is tried again when it fails.
    StoreWorked { what: Retried },
    /// The store has committed a transaction.
    Committed(Commit),
    /// Alerts were delivered to the hook or the URL, or were given up for this error.
    Alerted { to: &'static str, alerts: usize, error: Option<&'f str> },
}

/// How a run of a stored task ended, and what follows.
#[derive(Debug)]
pub(crate) struct AttemptEnded<'f> {
    pub(crate) envelope: &'f Envelope,
    pub(crate) handler: &'static str,
    /// The number of the run, from 1.
    pub(crate) attempt: u32,
    /// From the time at which its task was due to its start. `None` if it never had a slot.
    pub(crate) waited: Option<Duration>,
    /// `None` if the run was stopped before its end.
    pub(crate) report: Option<&'f Arc<AttemptReport>>,
    /// What becomes of the task.
    pub(crate) disposition: &'f Disposition,
    /// False if the run had lost its task: its end changed nothing.
    pub(crate) was_ours: bool,
}

/// Takes note of facts.
pub(crate) trait Sink: fmt::Debug + Send + Sync + 'static {
    /// Notes one fact. Must not block.
    fn note(&self, fact: &Fact<'_>);

    /// Called every minute and at the end, for a sink that summarises.
    fn summarise(&self) {}
}

impl<S: Sink> Sink for Arc<S> {
    fn note(&self, fact: &Fact<'_>) {
        S::note(self, fact);
    }

    fn summarise(&self) {
        S::summarise(self);
    }
}

/// The sinks of a server.
#[derive(Clone, Debug)]
pub(crate) struct Report(Arc<[Arc<dyn Sink>]>);

impl Report {
    /// Reports to one sink.
    pub(crate) fn to(sink: impl Sink) -> Self {
        Self(Arc::new([Arc::new(sink)]))
    }

    /// Reports to one sink more.
    pub(crate) fn and_to(&self, sink: Arc<dyn Sink>) -> Self {
        Self(self.0.iter().cloned().chain([sink]).collect())
    }

    #[cfg(test)]
    pub(crate) fn nowhere() -> Self {
        Self(Arc::new([]))
    }

    /// Notes one fact in each sink.
    pub(crate) fn note(&self, fact: &Fact<'_>) {
        self.0.iter().for_each(|sink| sink.note(fact));
    }

    /// Asks each sink for its summary.
    pub(crate) fn summarise(&self) {
        self.0.iter().for_each(|sink| sink.summarise());
    }
}
