//! `handlers`: lists this application's handlers, and compares them with a lock file.

mod lock;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use webhook_core::{Registration, Registry, Subscription};

use super::table::{Cell, Column, Table};
use super::{Failure, Format, Output};
use crate::report::attribute::{runs, takes_in_lines, word};
use crate::report::console::print;

#[derive(Args)]
#[command(
    after_help = "A handler in a library crate, including the library of the same package, is linked only if the \
    program names the crate (`use my_handlers as _;`). To notice a missing handler, keep the file that --lock writes under \
    version control: --check compares it in CI, and `App::handlers_lock(include_str!(…))` compares it at every start."
)]
pub(super) struct Handlers {
    /// Write the handlers and their event types to a file, one line each
    #[arg(long, value_name = "FILE", conflicts_with_all = ["check", "format", "json", "wide"])]
    lock: Option<PathBuf>,
    /// Fail if the handlers and their event types differ from a file that --lock wrote
    #[arg(long, value_name = "FILE", conflicts_with_all = ["format", "json", "wide"])]
    check: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

#[derive(Serialize)]
struct Row {
    id: &'static str,
    /// `null` for the handler of unhandled types.
    events: Option<&'static [&'static str]>,
    /// `null` if it takes events of every endpoint.
    endpoint: Option<&'static str>,
    payload: Option<&'static str>,
    /// The fields that the payload reads; empty if it is not a view.
    fields: &'static [&'static str],
    state: Vec<&'static str>,
    /// The pool of its transaction; `null` if it takes none.
    transaction: Option<&'static str>,
    timeout_ms: Option<u128>,
    retry: RetryRow,
    order: OrderRow,
    replies: bool,
    #[serde(rename = "crate")]
    crate_name: &'static str,
    /// `null` in a library.
    binary: Option<&'static str>,
    file: &'static str,
    line: u32,
    doc: &'static str,
}

#[derive(Serialize)]
struct RetryRow {
    attempts: u32,
    first_delay_ms: u128,
    max_delay_ms: u128,
}

#[derive(Serialize)]
struct OrderRow {
    mode: &'static str,
    per: Option<&'static str>,
    group: Option<&'static str>,
}

/// Lists the handlers, or writes or checks the lock file.
pub(super) fn run(arguments: &Handlers) -> Result<(), Failure> {
    let registry = Registry::linked();
    if let Some(file) = &arguments.lock {
        return lock::write(&registry, file);
    }
    if let Some(file) = &arguments.check {
        return lock::check(&registry, file);
    }
    let registrations = registry.registrations();
    match arguments.output.format() {
        Format::Json => {
            print(&super::json(&registrations.iter().map(|handler| row(handler)).collect::<Vec<_>>())?)
        }
        Format::Table if registrations.is_empty() => {
            return Err(none());
        }
        Format::Table => {
            let mut table = Table::new([
                Column::wraps("HANDLER"),
                Column::wraps("EVENTS"),
                Column::beneath("PAYLOAD", "takes"),
                Column::beneath("RUNS", ""),
                Column::beneath("AT", "at"),
                Column::beneath("WHAT IT DOES", ""),
            ]);
            registrations.iter().for_each(|handler| table.add(cells(handler)));
            print(&format!("{}\n{}\n", table.text(arguments.output.width()), count(&registry)));
        }
    }
    Ok(())
}

/// The error of a program without handlers.
fn none() -> Failure {
    let mut problems = crate::problems::Problems::default();
    problems.add(webhook_core::RegistryProblem::Empty);
    problems.into()
}

/// What is known of a handler, as JSON shows it.
fn row(handler: &Registration) -> Row {
    let needs = handler.needs();
    Row {
        id: handler.id,
        events: match handler.takes {
            Subscription::Types(types) => Some(types),
            Subscription::Unhandled => None,
        },
        endpoint: handler.endpoint,
        payload: needs.payload,
        fields: needs.fields,
        state: needs.states.iter().map(|state| state.name()).collect(),
        transaction: needs.transaction.map(|of| of.pool().name()),
        timeout_ms: handler.policy.timeout.map(|timeout| timeout.as_millis()),
        retry: RetryRow {
            attempts: handler.policy.retry.attempts,
            first_delay_ms: handler.policy.retry.first_delay.as_millis(),
            max_delay_ms: handler.policy.retry.max_delay.as_millis(),
        },
        order: OrderRow {
            mode: word(handler.policy.order.mode),
            per: handler.policy.order.per,
            group: handler.policy.order.group,
        },
        replies: handler.policy.replies,
        crate_name: handler.crate_name(),
        binary: handler.binary,
        file: handler.file,
        line: handler.line,
        doc: handler.doc,
    }
}

/// How many handlers there are, and in which crates: `12 handlers: shop (program) 9, shop_lib 3`.
fn count(registry: &Registry) -> String {
    let all = registry.registrations().len();
    format!("{all} handler{}: {}", if all == 1 { "" } else { "s" }, by_crate(registry))
}

/// How many handlers each crate has. A package's library and its program may have the same name.
pub(super) fn by_crate(registry: &Registry) -> String {
    let mut crates: BTreeMap<(&str, bool), usize> = BTreeMap::new();
    for handler in registry.registrations() {
        *crates.entry((handler.crate_name(), handler.binary.is_some())).or_default() += 1;
    }
    let counts = crates.into_iter().map(|((name, in_program), count)| {
        format!("{name}{} {count}", if in_program { " (program)" } else { "" })
    });
    counts.collect::<Vec<_>>().join(", ")
}

/// A handler's row, with a line for each event type that it takes.
fn cells(handler: &Registration) -> [Cell; 6] {
    let Row { id, payload, fields, transaction, file, line, doc, .. } = row(handler);
    let events = takes_in_lines(handler);
    let summary = doc.lines().next().unwrap_or_default();
    let payload = match (payload, fields) {
        (None, _) => "-".to_owned(),
        (Some(name), []) => short_type(name).to_owned(),
        (Some(name), fields) => format!("{}: {}", short_type(name), fields.join(", ")),
    };
    let at = format!("{file}:{line}");
    let runs = runs(&handler.policy, transaction.is_some());
    [id.into(), events.into(), payload.into(), runs.into(), at.into(), summary.into()]
}

/// A type's name without its path: `Value` for `serde_json::value::Value`.
fn short_type(name: &str) -> &str {
    if name.contains('<') { name } else { name.rsplit("::").next().unwrap_or(name) }
}
