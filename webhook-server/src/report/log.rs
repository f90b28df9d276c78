//! Facts as `tracing` events.
//!
//! What a person must act on is an error: a parked task, a handler that blocks, a body in quarantine. What may pass is
//! a warning, such as a failed run that is retried, or a refused request. What goes as planned is info. Fields have the
//! same names wherever they occur: `event_id`, `event_type`, `handler`, `attempt`, `took_us` (microseconds), `cause`.

mod start;

use std::net::SocketAddr;
use std::time::Duration;

use hyper::StatusCode;
use tracing::{debug, error, info, warn};
use webhook_core::{HandlerError, Verdict};

use self::start::{log_recovered, log_taken_over};
use super::format::{chain, parked_because, rounded, shortened};
use super::outages::Outages;
use super::repeats::Repeats;
use super::versions::OtherVersions;
use super::{AttemptEnded, Fact, Sink};
use crate::receive::Via;
use crate::receive::outcome::{Handled, Receipt, Refusal};
use crate::run::attempt::AttemptReport;
use crate::store::{Disposition, StoreError};

/// Logs the first of a kind as a warning, and the others at level debug.
macro_rules! warn_if_first {
    ($is_first:expr, $($fields:tt)+) => {
        if $is_first { warn!($($fields)+) } else { debug!($($fields)+) }
    };
}

/// The kind of a live event, for an endpoint that takes test events alone.
const LIVE: &str = "live";

/// Logs facts. Refusals, which anyone can cause, and events of the other mode are summarised once a minute.
#[derive(Debug, Default)]
pub(crate) struct Log {
    refusals: Repeats,
    other_mode: Repeats,
    outages: Outages,
    other_versions: OtherVersions,
}

impl Sink for Log {
    fn note(&self, fact: &Fact<'_>) {
        match *fact {
            Fact::Recovered { location, recovered, missing } => log_recovered(location, recovered, missing),
            Fact::TakenOver { recovered } => log_taken_over(recovered),
            Fact::ConnectionRefused { reason } => {
                if self.refusals.is_first("connection", reason) {
                    warn!(reason, "connection not accepted");
                }
            }
            Fact::Malformed { reason, peer } => {
                let (is_first, peer) =
                    (self.refusals.is_first("malformed", reason), peer.map(tracing::field::display));
                warn_if_first!(is_first, reason, peer, "connection closed: what arrived is not a request");
            }
            Fact::Answered { outcome: Ok(receipt), via, status, .. } => {
                self.accepted(receipt, via, status);
                if let Some(envelope) = receipt.envelope().filter(|envelope| envelope.has_other_version()) {
                    let version = shortened(&envelope.api_version).unwrap_or_default();
                    self.other_versions.tell(&envelope.id, version);
                }
            }
            Fact::Answered { outcome: Err(refusal), via, status, peer, .. } => {
                self.refused(refusal, via, status, peer)
            }
            Fact::AttemptEnded(ref ended) => attempt_ended(ended),
            Fact::AttemptBlocks { envelope, handler, limit, has_started: true } => error!(
                event_id = envelope.id,
                handler,
                limit = %rounded(limit),
                "handler blocks its thread and cannot be cancelled: it keeps its slot until it returns; give what it \
                 calls a timeout"
            ),
            Fact::AttemptBlocks { envelope, handler, .. } => {
                warn!(
                    event_id = envelope.id,
                    handler, "a run cannot start: blocked handlers hold all threads"
                );
            }
            Fact::TaskParked { task, envelope, handler, attempt, reason, error: cause } => {
                let event_id = envelope.map(|envelope| &*envelope.id);
                error!(task, event_id, handler, attempt, cause, why = parked_because(reason), "task parked");
            }
            Fact::NotReloaded { what, endpoint, reason } => {
                error!(endpoint, reason, "{what}: not reloaded, the old ones stay in use");
            }
            Fact::StoreFailed { what, task, error } => {
                let is_first = self.outages.begins(what);
                warn_if_first!(is_first, error = chain(error), task, "{}", what.failed());
            }
            Fact::StoreWorked { what } => {
                if let Some(failed_for) = self.outages.ends(what) {
                    info!(failed_for = %rounded(failed_for), "{}", what.works());
                }
            }
            Fact::Alerted { to, alerts, error: None } => info!(to, alerts, "alerts delivered"),
            Fact::Alerted { to, alerts, error } => error!(to, alerts, error, "alerts were not delivered"),
            Fact::Committed(_) => {}
        }
    }

    fn summarise(&self) {
        for (kind, more) in self.refusals.since_last_asked() {
            warn!(kind, count = more.count, last_reason = more.last, "more requests refused");
        }
        for (mode, more) in self.other_mode.since_last_asked() {
            let (livemode, count, last_event_id) = (mode == LIVE, more.count, more.last);
            warn!(
                livemode,
                count, last_event_id, "more events of the other mode: answered with 200, and not handled"
            );
        }
    }
}

impl Log {
    /// Logs a refused request.
    fn refused(&self, refusal: &Refusal, via: &Via, status: StatusCode, peer: Option<SocketAddr>) {
        if matches!(refusal, Refusal::Failed) {
            return error!(status = status.as_u16(), "{refusal}");
        }
        let (reason, status, peer) = (chain(refusal), status.as_u16(), peer.map(tracing::field::display));
        let (is_first, endpoint) = (self.refusals.is_first(refusal.kind(), &reason), via.endpoint.as_deref());
        if is_first && matches!(refusal, Refusal::Inbox(StoreError::Vetoed(_))) {
            error!(
                status,
                reason,
                endpoint,
                peer,
                "request refused: drop the constraint, trigger or policy, or let it pass the event"
            );
        } else if is_first && matches!(refusal, Refusal::Inbox(StoreError::Broken(_))) {
            error!(status, reason, endpoint, peer, "request refused");
        } else {
            warn_if_first!(is_first, status, reason, endpoint, peer, "request refused");
        }
    }

    /// Logs what became of a request that was accepted.
    fn accepted(&self, receipt: &Receipt, via: &Via, status: StatusCode) {
        let code = status.as_u16();
        let (endpoint, secret) = (via.endpoint.as_deref(), via.secret.as_deref());
        match receipt {
            Receipt::Stored { envelope, tasks, known_occurrences, id_is_reused, .. } => {
                let (event_id, event_type) = (&envelope.id, &envelope.event_type);
                if *id_is_reused {
                    warn!(
                        event_id,
                        event_type,
                        "an event of another type or object has the same id: this one is stored and handled as a separate \
                         event, as test consoles send them; Stripe itself never uses an id twice"
                    );
                }
                let (livemode, account) = (envelope.livemode, shortened(&envelope.account));
                // Handlers that have a task of the event of the other kind, which reports the same.
                let known_occurrences = (*known_occurrences > 0).then_some(*known_occurrences);
                info!(
                    event_id,
                    event_type,
                    livemode,
                    account,
                    endpoint,
                    secret,
                    status = code,
                    tasks,
                    known_occurrences,
                    "event stored"
                );
            }
            Receipt::Duplicate { envelope, same_body, tasks, .. } => {
                let (event_id, event_type) = (&envelope.id, &envelope.event_type);
                // Only an endpoint through which it comes for the first time adds any.
                let tasks = (*tasks > 0).then_some(*tasks);
                if *same_body {
                    info!(
                        event_id,
                        event_type,
                        endpoint,
                        secret,
                        status = code,
                        tasks,
                        "event was stored before"
                    );
                } else {
                    warn!(
                        event_id,
                        event_type,
                        endpoint,
                        secret,
                        status = code,
                        tasks,
                        "event was stored before, with another body: the first is kept"
                    );
                }
            }
            Receipt::Quarantined { reason, is_new } => error!(
                endpoint,
                secret,
                status = code,
                reason,
                is_new,
                "verified, but kept in quarantine, and no handler runs (see `inbox list --quarantine`)"
            ),
            Receipt::Handled(handled) => handled_inline(handled, via, code),
            Receipt::OtherMode { event_id, livemode } => {
                // A Connect platform may receive many.
                let is_first = self.other_mode.is_first(if *livemode { LIVE } else { "test" }, event_id);
                warn_if_first!(
                    is_first,
                    event_id,
                    livemode,
                    endpoint,
                    secret,
                    "event of the other mode: answered with 200, and not handled"
                );
            }
        }
    }
}

/// Logs each run that did not succeed, then the delivery.
fn handled_inline(handled: &Handled, via: &Via, status: u16) {
    let envelope = &*handled.envelope;
    let (event_id, event_type) = (&envelope.id, &envelope.event_type);
    for report in &handled.attempts {
        let Err(failure) = &report.outcome else { continue };
        let (handler, cause, took_us) = (report.handler.id, report.error.as_deref(), micros(report.took));
        let outcome = outcome_of(report);
        if failure.verdict() == Verdict::Skip {
            info!(event_id, event_type, handler, outcome, cause, took_us, "event skipped");
        } else {
            let api_version = shortened(&envelope.api_version);
            error!(
                event_id,
                event_type, api_version, handler, outcome, cause, took_us, "handler did not succeed"
            );
        }
    }
    let (livemode, account, handlers) =
        (envelope.livemode, shortened(&envelope.account), handled.attempts.len());
    let took_us = handled.attempts.iter().map(|report| micros(report.took)).max();
    let (endpoint, secret) = (via.endpoint.as_deref(), via.secret.as_deref());
    info!(
        event_id,
        event_type, livemode, account, endpoint, secret, status, handlers, took_us, "event delivered"
    );
}

/// Logs how a run ended and what follows.
fn attempt_ended(ended: &AttemptEnded<'_>) {
    let AttemptEnded { envelope, handler, attempt, .. } = *ended;
    let (event_id, event_type) = (&envelope.id, &envelope.event_type);
    let took_us = ended.report.map(|report| micros(report.took));
    if !ended.was_ours {
        return warn!(
            event_id,
            event_type, handler, attempt, took_us, "a run ended that had lost its task; it does not count"
        );
    }
    match ended.disposition {
        Disposition::Done => info!(event_id, event_type, handler, attempt, took_us, "handler done"),
        Disposition::Released => {
            info!(event_id, event_type, handler, attempt, took_us, "handler stopped; it will run again");
        }
        Disposition::Skipped { error: cause } => {
            info!(event_id, event_type, handler, attempt, took_us, cause, "event skipped");
        }
        Disposition::Retry { after, error: cause } => {
            let again_in = rounded(*after).to_string();
            warn!(event_id, event_type, handler, attempt, took_us, cause, again_in, "handler failed");
        }
        Disposition::Parked { why, error: cause } => {
            let (api_version, why) = (shortened(&envelope.api_version), parked_because(*why));
            error!(event_id, event_type, api_version, handler, attempt, took_us, cause, why, "task parked");
        }
    }
}

/// How a run ended, in one word.
pub(super) fn outcome_of(report: &AttemptReport) -> &'static str {
    match report.outcome.as_ref().map_err(HandlerError::verdict) {
        Ok(()) => "done",
        Err(Verdict::Skip) => "skipped",
        Err(Verdict::Park) => "parked",
        Err(_) => "failed",
    }
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}
