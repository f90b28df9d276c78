//! What the operator is told of each request: a line in the log, or in `dev` a line on the terminal.

use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use hyper::StatusCode;
use tracing::{error, info, warn};
use webhook_core::{HandlerError, Outcome, Verdict};

use crate::dispatch::{Delivery, Ran};
use crate::reply::Refusal;

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
        match self {
            Self::Log => log_delivery(delivery, status),
            Self::Nowhere => {}
            Self::Terminal => print_delivery(delivery, status),
        }
    }

    pub(crate) fn refused(self, refusal: &Refusal, status: StatusCode) {
        let reason = chain(refusal);
        match self {
            Self::Log => warn!(status = status.as_u16(), reason, "request refused"),
            Self::Nowhere => {}
            Self::Terminal => line(status, AnsiColor::Red, &format!("request refused: {reason}")),
        }
    }
}

fn log_delivery(delivery: &Delivery, status: StatusCode) {
    let envelope = &*delivery.envelope;
    for run in &delivery.runs {
        let Err(failure) = &run.outcome else { continue };
        let (event_id, event_type) = (&envelope.id, &envelope.event_type);
        let (handler, cause, took_us) = (run.handler.id, chain(failure.cause()), micros(run.took));
        let outcome = outcome(&run.outcome).0;
        match failure.verdict() {
            Verdict::Discard => {
                info!(event_id, event_type, handler, outcome, cause, took_us, "event discarded")
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

fn print_delivery(delivery: &Delivery, status: StatusCode) {
    let envelope = &*delivery.envelope;
    let event = format!("{}  {}", envelope.event_type, envelope.id);
    if delivery.runs.is_empty() {
        line(status, AnsiColor::Yellow, &format!("{event}  no handler"));
    }
    for Ran { handler, outcome: result, took } in &delivery.runs {
        let (word, colour) = outcome(result);
        let cause = result.as_ref().err().map(cause).unwrap_or_default();
        line(status, colour, &format!("{event}  {}  {word}{cause}  {took:.1?}", handler.id));
    }
}

fn cause(failure: &HandlerError) -> String {
    format!(" ({})", chain(failure.cause()))
}

fn outcome(outcome: &Outcome) -> (&'static str, AnsiColor) {
    match outcome.as_ref().map_err(HandlerError::verdict) {
        Ok(()) => ("done", AnsiColor::Green),
        Err(Verdict::Discard) => ("discarded", AnsiColor::Yellow),
        Err(Verdict::Park) => ("parked", AnsiColor::Red),
        Err(_) => ("failed", AnsiColor::Red),
    }
}

fn line(status: StatusCode, colour: AnsiColor, text: &str) {
    let style = Style::new().fg_color(Some(colour.into()));
    let time = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
    let clock = time.get(11..19).unwrap_or(&time);
    crate::terminal::print(&format!("{clock}  {style}{}{style:#}  {}\n", status.as_u16(), printable(text)));
}

/// An error and its sources on one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}

/// Replaces what could steer a terminal; errors are worded by others.
fn printable(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { '\u{fffd}' } else { char }).collect()
}
