//! What the operator is told of each request: a line in the log, or in `dev` a line on the terminal.

pub(crate) mod console;
pub(crate) mod format;
pub(crate) mod refusals;
pub(crate) mod stderr;

use std::net::SocketAddr;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use hyper::StatusCode;
use tracing::{debug, error, info, warn};
use webhook_core::{Envelope, HandlerError, Outcome, Registration, Verdict};

use crate::receive::outcome::{Delivery, Handled, Refusal, Taken};
use crate::report::format::{chain, printable, rounded};
use crate::report::refusals::Refusals;
use crate::run::attempt::AttemptReport;
use crate::store::{Disposition, ParkReason};

/// Where requests are noted. Neither place is told a secret, a signature or any of a body.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Journal {
    /// The log, through `tracing`.
    Log,
    /// Nowhere: a test looks for itself.
    Nowhere,
    /// One readable line for each run, on standard output.
    Terminal,
}

impl Journal {
    pub(crate) fn delivered(self, delivery: &Delivery, status: StatusCode) {
        match (self, delivery) {
            (Self::Nowhere, _) => {}
            (_, Delivery::Taken(taken)) => log_taken(taken, status),
            (Self::Log, Delivery::Handled(handled)) => log_handled(handled, status),
            (Self::Terminal, Delivery::Handled(handled)) => print_handled(handled, status),
        }
    }

    /// Notes how a run of a stored task ended, and what follows. There is no `ran` if it was stopped before its end;
    /// `was_ours` is false if the task was no longer the run's, so that its end does not count.
    pub(crate) fn ran(
        self,
        envelope: &Envelope,
        handler: &Registration,
        ran: Option<&AttemptReport>,
        attempt: u32,
        end: &Disposition,
        was_ours: bool,
    ) {
        if !matches!(self, Self::Nowhere) {
            let took_us = ran.map(|ran| micros(ran.took));
            log_run(envelope, handler.id, took_us, attempt, end, was_ours);
        }
    }

    /// Notes a refusal; of its kind only the first is told at once, and counted are all.
    pub(crate) fn refused(
        self,
        refusal: &Refusal,
        status: StatusCode,
        peer: Option<SocketAddr>,
        refusals: &Refusals,
    ) {
        let (reason, peer) = (chain(refusal), peer.map(tracing::field::display));
        match self {
            Self::Log if refusals.is_first(refusal.kind(), &reason) => {
                warn!(status = status.as_u16(), reason, peer, "request refused");
            }
            Self::Log => debug!(status = status.as_u16(), reason, peer, "request refused"),
            Self::Nowhere => {}
            Self::Terminal if status.is_success() => {
                line(status, &format!("kept in quarantine, were there an inbox: {}", printable(&reason)));
            }
            Self::Terminal => line(status, &format!("request refused: {}", printable(&reason))),
        }
    }
}

/// Logs how many more requests were refused since this was called last.
pub(crate) fn log_refused(refusals: &Refusals) {
    for (kind, more) in refusals.in_the_last_minute() {
        warn!(kind, count = more.count, last_reason = more.reason, "more requests refused");
    }
}

fn log_taken(taken: &Taken, status: StatusCode) {
    let status = status.as_u16();
    if let Taken::New { envelope, id_is_reused: true, .. } = taken {
        warn!(
            event_id = envelope.id,
            event_type = envelope.event_type,
            "an event of another type or object has the same id: this one is stored and handled as an event of its \
             own, as test consoles send them; from Stripe itself no two events have one id"
        );
    }
    match taken {
        Taken::New { envelope, tasks, .. } => info!(
            event_id = envelope.id,
            event_type = envelope.event_type,
            livemode = envelope.livemode,
            account = envelope.account,
            status,
            tasks,
            "event stored"
        ),
        Taken::Duplicate { envelope, same_body } => {
            let (event_id, event_type) = (&envelope.id, &envelope.event_type);
            if *same_body {
                info!(event_id, event_type, status, "event was stored before");
            } else {
                warn!(
                    event_id,
                    event_type, status, "event was stored before, with another body: the first is kept"
                );
            }
        }
        Taken::Quarantined { reason, is_new } => {
            error!(
                status,
                reason, is_new, "verified, but no event: kept in quarantine (see `inbox list --quarantine`)"
            );
        }
    }
}

fn log_run(
    envelope: &Envelope,
    handler: &str,
    took_us: Option<u64>,
    attempt: u32,
    end: &Disposition,
    was_ours: bool,
) {
    let (event_id, event_type) = (&envelope.id, &envelope.event_type);
    match end {
        _ if !was_ours => {
            warn!(
                event_id,
                event_type,
                handler,
                attempt,
                took_us,
                "a run ended that had lost its task; it does not count"
            )
        }
        Disposition::Done => info!(event_id, event_type, handler, attempt, took_us, "handler done"),
        Disposition::Released => {
            info!(event_id, event_type, handler, attempt, took_us, "handler stopped, to be run again")
        }
        Disposition::Skipped { error: cause } => {
            info!(event_id, event_type, handler, attempt, took_us, cause, "event skipped")
        }
        Disposition::Retry { after, error: cause } => {
            let again_in = rounded(*after).to_string();
            warn!(event_id, event_type, handler, attempt, took_us, cause, again_in, "handler failed");
        }
        Disposition::Parked { why, error: cause } => {
            let api_version = envelope.api_version.as_deref();
            let why = parked_because(*why);
            error!(event_id, event_type, api_version, handler, attempt, took_us, cause, why, "task parked");
        }
    }
}

/// Why a task is parked, for people.
pub(crate) fn parked_because(why: ParkReason) -> &'static str {
    match why {
        ParkReason::Asked => "the handler asked for it",
        ParkReason::Exhausted => "the last attempt failed",
        ParkReason::Poison => "it ended the process three times",
        ParkReason::NoHandler => "the program has no such handler",
        ParkReason::Undecodable => "the event does not fit the handler's type",
    }
}

fn log_handled(delivery: &Handled, status: StatusCode) {
    let envelope = &*delivery.envelope;
    for run in &delivery.runs {
        let Err(failure) = &run.outcome else { continue };
        let (event_id, event_type) = (&envelope.id, &envelope.event_type);
        let (handler, cause, took_us) = (run.handler.id, run.error.as_deref(), micros(run.took));
        let outcome = outcome(&run.outcome).0;
        match failure.verdict() {
            Verdict::Skip => {
                info!(event_id, event_type, handler, outcome, cause, took_us, "event skipped")
            }
            _ => {
                let api_version = envelope.api_version.as_deref();
                error!(
                    event_id,
                    event_type, api_version, handler, outcome, cause, took_us, "handler did not succeed"
                );
            }
        }
    }
    info!(
        event_id = envelope.id,
        event_type = envelope.event_type,
        livemode = envelope.livemode,
        account = envelope.account,
        status = status.as_u16(),
        handlers = delivery.runs.len(),
        took_us = delivery.runs.iter().map(|run| micros(run.took)).max(),
        "event delivered"
    );
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

fn print_handled(delivery: &Handled, status: StatusCode) {
    let envelope = &*delivery.envelope;
    let event = format!("{}  {}", envelope.event_type, envelope.id);
    if delivery.runs.is_empty() {
        line(status, &format!("{event}  {}", painted("no handler", AnsiColor::Yellow)));
    }
    for AttemptReport { handler, outcome: result, error, took, .. } in &delivery.runs {
        let (word, colour) = outcome(result);
        let cause = error.as_ref().map(|error| format!(" ({})", printable(error))).unwrap_or_default();
        line(status, &format!("{event}  {}  {}{cause}  {took:.1?}", handler.id, painted(word, colour)));
    }
}

fn outcome(outcome: &Outcome) -> (&'static str, AnsiColor) {
    match outcome.as_ref().map_err(HandlerError::verdict) {
        Ok(()) => ("done", AnsiColor::Green),
        Err(Verdict::Skip) => ("skipped", AnsiColor::Yellow),
        Err(Verdict::Park) => ("parked", AnsiColor::Red),
        Err(_) => ("failed", AnsiColor::Red),
    }
}

fn painted(text: &str, colour: AnsiColor) -> String {
    let style = Style::new().fg_color(Some(colour.into()));
    format!("{style}{text}{style:#}")
}

/// Prints what became of a request; the text holds nothing that a terminal would obey but colours.
fn line(status: StatusCode, text: &str) {
    let time = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
    let clock = time.get(11..19).unwrap_or(&time);
    let colour = if status.is_success() { AnsiColor::Green } else { AnsiColor::Red };
    let status = painted(status.as_str(), colour);
    console::print(&format!("{clock}  {status}  {text}\n"));
}
