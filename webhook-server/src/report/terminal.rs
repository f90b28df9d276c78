//! Facts as one readable line each, on standard output.
//!
//! This is what `dev` prints. Texts from outside are printed without control characters, which could steer the terminal.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anstyle::{AnsiColor, Style};
use hyper::StatusCode;
use webhook_core::Envelope;

use super::console::print;
use super::format::{chain, printable, rounded};
use super::log::{Log, outcome_of};
use super::{AttemptEnded, Fact, Sink, Via};
use crate::receive::outcome::Receipt;
use crate::run::attempt::AttemptReport;
use crate::store::Disposition;

/// Prints a line for each run and for each request that starts none. Anything else is logged.
#[derive(Debug, Default)]
pub(crate) struct Terminal {
    /// Takes the facts that have no line of their own.
    log: Log,
    /// The runs that failed, were parked, or block their thread.
    unsuccessful: Mutex<Vec<Unsuccessful>>,
}

/// A handler that did not succeed with an event, and how its last such run ended.
#[derive(Clone, Debug)]
pub(crate) struct Unsuccessful {
    handler: &'static str,
    event: String,
    how: String,
}

impl fmt::Display for Unsuccessful {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}: {}", self.handler, self.event, self.how)
    }
}

impl Terminal {
    /// The handlers that failed or parked an event, in order.
    pub(crate) fn unsuccessful(&self) -> Vec<Unsuccessful> {
        self.noted().clone()
    }

    /// Notes a run that was not successful.
    fn note_report(&self, envelope: &Envelope, report: &AttemptReport) {
        if !report.is_settled() {
            self.note_unsuccessful(
                envelope,
                report.handler.id,
                format!("{}{}", outcome_of(report), cause(report)),
            );
        }
    }

    fn note_unsuccessful(&self, envelope: &Envelope, handler: &'static str, how: String) {
        let event = format!("{} {}", envelope.event_type, envelope.id);
        let mut noted = self.noted();
        match noted.iter_mut().find(|other| other.handler == handler && other.event == event) {
            Some(earlier) => earlier.how = how,
            None => noted.push(Unsuccessful { handler, event, how }),
        }
    }

    fn noted(&self) -> MutexGuard<'_, Vec<Unsuccessful>> {
        self.unsuccessful.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Terminal {
    fn note(&self, fact: &Fact<'_>) {
        match *fact {
            Fact::Answered { outcome: Ok(receipt), via, status, .. } => {
                if let Receipt::Handled(handled) = receipt {
                    handled.attempts.iter().for_each(|report| self.note_report(&handled.envelope, report));
                }
                print_receipt(receipt, via, status);
            }
            Fact::Answered { outcome: Err(refusal), via, status, .. } => {
                let at = via.endpoint.as_ref().map(|name| format!(" at `{name}`")).unwrap_or_default();
                print_line(
                    status_of(status),
                    &format!("request refused{at}: {}", printable(&chain(refusal))),
                );
            }
            Fact::AttemptEnded(ref ended) => {
                ended.report.iter().for_each(|report| self.note_report(ended.envelope, report));
                print_attempt(ended);
            }
            Fact::AttemptBlocks { envelope, handler, .. } => {
                self.note_unsuccessful(envelope, handler, "blocks its thread".to_owned());
                self.log.note(fact);
            }
            // `dev` says itself that its inbox is in memory.
            Fact::Recovered { .. } => {}
            _ => self.log.note(fact),
        }
    }

    fn summarise(&self) {
        self.log.summarise();
    }
}

/// Prints a request that starts no run, or whose runs have ended.
fn print_receipt(receipt: &Receipt, via: &Via, status: StatusCode) {
    let status = status_of(status);
    match receipt {
        Receipt::Stored { envelope, tasks: 0, known_occurrences: 1.., .. } => {
            let told = painted("handled as the event of the other kind", AnsiColor::Yellow);
            print_line(status, &format!("{}  {told}", event(envelope)));
        }
        Receipt::Stored { envelope, tasks: 0, .. } => {
            print_line(status, &format!("{}  {}", event(envelope), painted("no handler", AnsiColor::Yellow)));
        }
        // Each run has a line of its own.
        Receipt::Stored { .. } => {}
        // Each run that a further endpoint adds has a line of its own.
        Receipt::Duplicate { tasks: 1.., .. } => {}
        Receipt::Duplicate { envelope, .. } => {
            print_line(
                status,
                &format!("{}  {}", event(envelope), painted("stored before", AnsiColor::Yellow)),
            );
        }
        Receipt::Quarantined { reason, .. } => {
            print_line(status, &format!("kept in quarantine: {}", printable(reason)));
        }
        Receipt::OtherMode { event_id, livemode } => {
            let (mode, other) = if *livemode { ("a live event", "test") } else { ("a test event", "live") };
            let endpoint = via.endpoint.as_deref().unwrap_or_default();
            let told = painted(
                &format!("not handled: endpoint `{endpoint}` takes {other} events only"),
                AnsiColor::Yellow,
            );
            print_line(status, &format!("{}  {mode}  {told}", printable(event_id)));
        }
        Receipt::Handled(handled) => {
            let event = event(&handled.envelope);
            if handled.attempts.is_empty() {
                print_line(status.clone(), &format!("{event}  {}", painted("no handler", AnsiColor::Yellow)));
            }
            for report in &handled.attempts {
                print_line(status.clone(), &format!("{event}  {}", run(report, "")));
            }
        }
    }
}

/// Prints a run and what follows.
fn print_attempt(ended: &AttemptEnded<'_>) {
    let event = event(ended.envelope);
    let then = match ended.disposition {
        Disposition::Retry { after, .. } => format!(", again in {}", rounded(*after)),
        Disposition::Parked { .. } if ended.attempt > 1 => {
            format!(", parked after attempt {}", ended.attempt)
        }
        _ => String::new(),
    };
    match ended.report {
        Some(report) => print_line(status_of(StatusCode::OK), &format!("{event}  {}", run(report, &then))),
        None => {
            let stopped = painted("stopped", AnsiColor::Yellow);
            print_line(status_of(StatusCode::OK), &format!("{event}  {}  {stopped}", ended.handler));
        }
    }
}

fn event(envelope: &Envelope) -> String {
    format!("{}  {}", envelope.event_type, envelope.id)
}

/// One run: its handler, how it ended and why, what follows, and how long it took.
fn run(report: &AttemptReport, then: &str) -> String {
    let outcome = outcome_of(report);
    let colour = match outcome {
        "done" => AnsiColor::Green,
        "skipped" => AnsiColor::Yellow,
        _ => AnsiColor::Red,
    };
    let (handler, cause) = (report.handler.id, cause(report));
    format!("{handler}  {}{cause}{then}  {:.1?}", painted(outcome, colour), report.took)
}

fn cause(report: &AttemptReport) -> String {
    report.error.as_ref().map(|error| format!(" ({})", printable(error))).unwrap_or_default()
}

fn status_of(status: StatusCode) -> String {
    let colour = if status.is_success() { AnsiColor::Green } else { AnsiColor::Red };
    painted(status.as_str(), colour)
}

fn painted(text: &str, colour: AnsiColor) -> String {
    let style = Style::new().fg_color(Some(colour.into()));
    format!("{style}{text}{style:#}")
}

/// Prints one line. It holds no control characters but those of its colours.
fn print_line(status: String, text: &str) {
    let time = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
    let clock = time.get(11..19).unwrap_or(&time);
    print(&format!("{clock}  {status}  {text}\n"));
}
