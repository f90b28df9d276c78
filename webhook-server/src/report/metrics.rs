//! Facts as numbers: for Prometheus, for the dashboard, and for the recorder that the application may have.
//!
//! [`table`] declares every metric. [`Metrics`] counts what happens; what there is at one moment is read when somebody asks,
//! as [`Gauges`]. The page is written here, since a crate that does it brings twenty others; the `metrics` crate is only a
//! facade, and costs nothing where the application has installed no recorder.

mod figures;
mod gauges;
mod histogram;
mod known_values;
mod last_hour;
#[cfg_attr(not(feature = "admin"), allow(dead_code, reason = "only the admin pages show it"))]
pub(crate) mod page;
mod series;
mod table;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use webhook_core::Envelope;

#[cfg(feature = "admin")]
pub(crate) use self::figures::{HandlerFigures, VersionFigures};
pub(crate) use self::gauges::{Gauges, InboxGauges};
use self::histogram::Histogram;
use self::known_values::KnownValues;
use self::last_hour::LastHour;
use self::last_hour::MINUTES;
#[cfg_attr(not(feature = "admin"), allow(unused_imports, reason = "only the admin pages show it"))]
pub(crate) use self::last_hour::Minute;
use self::page::Page;
use self::series::{Counter, Family};
use super::{AttemptEnded, Fact, Sink};
use crate::operate::wire::Named;
use crate::receive::outcome::{Outcome, Receipt};
use crate::receive::{Via, WallClock};
use crate::report::log::outcome_of;
use crate::store::{Commit, Disposition, ParkReason};

/// Counts facts.
pub(crate) struct Metrics {
    now: WallClock,
    deliveries: Family<Counter, 3>,
    delivery_duration: Family<Histogram, 1>,
    verified: Family<Counter, 2>,
    events: Family<Counter, 3>,
    event_lag: Family<Histogram, 1>,
    unhandled: Family<Counter, 1>,
    connections_refused: Family<Counter, 0>,
    malformed: Family<Counter, 0>,
    runs: Family<Counter, 2>,
    run_duration: Family<Histogram, 1>,
    queue_duration: Family<Histogram, 1>,
    parked: Family<Counter, 2>,
    blocked: Family<Counter, 1>,
    alerts: Family<Counter, 2>,
    store_failures: Family<Counter, 1>,
    commit_duration: Family<Histogram, 0>,
    commit_writes: Family<Histogram, 0>,
    api_versions: KnownValues,
    unhandled_types: KnownValues,
    last_hour: LastHour,
}

impl Metrics {
    /// `now` is what an event's age is counted to, and in whose minutes the last hour is kept.
    pub(crate) fn new(now: WallClock) -> Self {
        Self {
            now,
            deliveries: Family::new(&table::DELIVERIES),
            delivery_duration: Family::new(&table::DELIVERY_DURATION),
            verified: Family::new(&table::VERIFIED),
            events: Family::new(&table::EVENTS),
            event_lag: Family::new(&table::EVENT_LAG),
            unhandled: Family::new(&table::UNHANDLED),
            connections_refused: Family::new(&table::CONNECTIONS_REFUSED),
            malformed: Family::new(&table::MALFORMED),
            runs: Family::new(&table::RUNS_ENDED),
            run_duration: Family::new(&table::RUN_DURATION),
            queue_duration: Family::new(&table::QUEUE_DURATION),
            parked: Family::new(&table::PARKED),
            blocked: Family::new(&table::BLOCKED),
            alerts: Family::new(&table::ALERTS),
            store_failures: Family::new(&table::STORE_FAILURES),
            commit_duration: Family::new(&table::COMMIT_DURATION),
            commit_writes: Family::new(&table::COMMIT_WRITES),
            api_versions: KnownValues::default(),
            unhandled_types: KnownValues::default(),
            last_hour: LastHour::default(),
        }
    }

    #[cfg_attr(not(feature = "admin"), allow(dead_code, reason = "only the admin pages show it"))]
    /// Writes the page that Prometheus reads, of the media type [`page::CONTENT_TYPE`].
    pub(crate) fn page(&self, gauges: &Gauges) -> String {
        let mut page = Page::default();
        page.counter(&self.deliveries);
        page.histogram(&self.delivery_duration);
        page.counter(&self.verified);
        page.counter(&self.events);
        page.histogram(&self.event_lag);
        page.counter(&self.unhandled);
        page.counter(&self.connections_refused);
        page.counter(&self.malformed);
        page.counter(&self.runs);
        page.histogram(&self.run_duration);
        page.histogram(&self.queue_duration);
        page.counter(&self.parked);
        page.counter(&self.blocked);
        page.counter(&self.alerts);
        page.counter(&self.store_failures);
        page.histogram(&self.commit_duration);
        page.histogram(&self.commit_writes);
        gauges.write(&mut page);
        page.text()
    }

    /// Counts a request that was answered.
    fn answered(&self, outcome: &Outcome, via: &Via, took: Duration) {
        let endpoint = via.endpoint.as_deref().unwrap_or_default();
        let (became, reason) = match outcome {
            Ok(receipt) => (what_became(receipt), ""),
            Err(refusal) => ("refused", refusal.kind()),
        };
        self.deliveries.with([endpoint, became, reason], Counter::add_one);
        self.delivery_duration.with([endpoint], |durations| durations.observe(took.as_secs_f64()));
        if let Some(secret) = via.secret.as_deref() {
            self.verified.with([endpoint, secret], Counter::add_one);
        }
        match outcome {
            Ok(Receipt::Stored { envelope, tasks, known_occurrences, .. }) => {
                self.arrived(envelope, endpoint, *tasks + *known_occurrences)
            }
            Ok(Receipt::Handled(handled)) => {
                self.arrived(&handled.envelope, endpoint, handled.attempts.len());
                for report in &handled.attempts {
                    let (handler, outcome) = (report.handler.id, outcome_of(report));
                    self.ran(handler, outcome, Some(report.took), Some(Duration::ZERO));
                }
            }
            _ => {}
        }
    }

    /// Counts an event that arrived for the first time. `handlers` is how many take it.
    fn arrived(&self, envelope: &Envelope, endpoint: &str, handlers: usize) {
        let now = (self.now)();
        let version = envelope.api_version.as_deref().unwrap_or_default();
        let livemode = if envelope.livemode { "true" } else { "false" };
        self.events.with([endpoint, self.api_versions.or_other(version), livemode], Counter::add_one);
        if let Some(created) = envelope.created {
            // An event from the future has a wrong time, or this machine has.
            let age = created.to_system_time().and_then(|created| now.duration_since(created).ok());
            let age = age.unwrap_or_default();
            self.event_lag.with([endpoint], |ages| ages.observe(age.as_secs_f64()));
        }
        if handlers == 0 {
            self.unhandled.with([self.unhandled_types.or_other(&envelope.event_type)], Counter::add_one);
        }
        self.last_hour.count(now, |minute| minute.received += 1);
    }

    /// Counts a run of a stored task.
    fn ended(&self, ended: &AttemptEnded<'_>) {
        let outcome = match ended.disposition {
            _ if !ended.was_ours => "lost",
            Disposition::Done => "done",
            Disposition::Skipped { .. } => "skipped",
            Disposition::Retry { .. } => "failed",
            Disposition::Parked { .. } => "parked",
            Disposition::Released => "released",
        };
        self.ran(ended.handler, outcome, ended.report.map(|report| report.took), ended.waited);
        if let Disposition::Parked { why, .. } = ended.disposition
            && ended.was_ours
        {
            self.was_parked(ended.handler, *why);
        }
    }

    /// Counts a run. `took` and `waited` are known if it had a slot.
    fn ran(&self, handler: &str, outcome: &str, took: Option<Duration>, waited: Option<Duration>) {
        self.runs.with([handler, outcome], Counter::add_one);
        for (family, duration) in [(&self.run_duration, took), (&self.queue_duration, waited)] {
            if let Some(duration) = duration {
                family.with([handler], |durations| durations.observe(duration.as_secs_f64()));
            }
        }
        self.last_hour.count((self.now)(), |minute| match outcome {
            "done" | "skipped" => minute.handled += 1,
            "failed" | "parked" => minute.failed += 1,
            _ => {}
        });
    }

    fn was_parked(&self, handler: &str, why: ParkReason) {
        self.parked.with([handler, why.name()], Counter::add_one);
    }
}

impl Sink for Metrics {
    fn note(&self, fact: &Fact<'_>) {
        match *fact {
            Fact::Recovered { .. }
            | Fact::TakenOver { .. }
            | Fact::NotReloaded { .. }
            | Fact::StoreWorked { .. } => {}
            Fact::ConnectionRefused { .. } => self.connections_refused.with([], Counter::add_one),
            Fact::Malformed { .. } => self.malformed.with([], Counter::add_one),
            Fact::Answered { outcome, via, took, .. } => self.answered(outcome, via, took),
            Fact::AttemptEnded(ref ended) => self.ended(ended),
            Fact::AttemptBlocks { handler, .. } => self.blocked.with([handler], Counter::add_one),
            Fact::TaskParked { handler, reason, .. } => self.was_parked(handler, reason),
            Fact::Alerted { to, error, .. } => {
                let outcome = if error.is_none() { "delivered" } else { "failed" };
                self.alerts.with([to, outcome], Counter::add_one);
            }
            Fact::StoreFailed { what, .. } => self.store_failures.with([what.name()], Counter::add_one),
            Fact::Committed(Commit { writes, took }) => {
                self.commit_duration.with([], |durations| durations.observe(took.as_secs_f64()));
                self.commit_writes.with([], |sizes| sizes.observe(writes as f64));
            }
        }
    }
}

/// What became of a request that was accepted, in a word.
fn what_became(receipt: &Receipt) -> &'static str {
    match receipt {
        Receipt::Stored { .. } => "stored",
        Receipt::Duplicate { .. } => "duplicate",
        Receipt::Quarantined { .. } => "quarantined",
        Receipt::OtherMode { .. } => "other-mode",
        Receipt::Handled(handled) if handled.is_success => "handled",
        Receipt::Handled(_) => "failed",
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
