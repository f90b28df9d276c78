//! `handlers`: lists this application's handlers, and compares them with a lock file.

mod lock;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use webhook_core::{Order, OrderMode, Policy, Registration, Registry, Retry, Subscription, catalog};

use super::table::{Cell, Column, Table};
use super::{Failure, Format, Output};
use crate::report::console::print;

#[derive(Args)]
#[command(
    after_help = "A handler in a library crate, including the library of the same package, is linked only if the \
    program names the crate (`use my_handlers as _;`). To notice a missing handler, keep the file that --lock writes under \
    version control: --check compares it in CI, and `App::handlers_lock(include_str!(…))` compares it at every start."
)]
pub(super) struct Handlers {
    /// Write the handlers and their event types to a file, one line each
    #[arg(long, value_name = "FILE", conflicts_with_all = ["check", "format", "wide"])]
    lock: Option<PathBuf>,
    /// Fail if the handlers and their event types differ from a file that --lock wrote
    #[arg(long, value_name = "FILE", conflicts_with_all = ["format", "wide"])]
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
    match arguments.output.format {
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

/// The parts of a handler's policy that differ from the default, as its attribute would write them, and whether it runs in a
/// transaction.
fn runs(policy: &Policy, in_transaction: bool) -> String {
    let Policy { timeout, retry, order, replies } = *policy;
    let time = humantime::format_duration;
    let mut said = Vec::new();
    said.extend(timeout.map(|timeout| format!("timeout = \"{}\"", time(timeout))));
    if retry != Retry::DEFAULT {
        let (attempts, first, max) = (retry.attempts, time(retry.first_delay), time(retry.max_delay));
        said.push(format!("retry(attempts = {attempts}, first_delay = \"{first}\", max_delay = \"{max}\")"));
    }
    // A handler that replies has no order, and its attribute cannot set one.
    said.extend(Some(order).filter(|_| !replies).and_then(order_in_words));
    said.extend(replies.then(|| "reply".to_owned()));
    said.extend(in_transaction.then(|| "in a transaction".to_owned()));
    if said.is_empty() { "-".to_owned() } else { said.join(", ") }
}

/// An order that differs from the default, as the attribute would write it.
fn order_in_words(order: Order) -> Option<String> {
    let Order { mode, per, group } = order;
    let settings = [("per", per), ("group", group)].into_iter();
    let settings: Vec<_> =
        settings.filter_map(|(key, value)| Some(format!("{key} = \"{}\"", value?))).collect();
    let mode = Some(word(mode).to_owned()).filter(|_| mode != OrderMode::default());
    match mode {
        None if settings.is_empty() => None,
        Some(mode) if settings.is_empty() => Some(format!("order = {mode}")),
        mode => Some(format!("order({})", mode.into_iter().chain(settings).collect::<Vec<_>>().join(", "))),
    }
}

/// A mode as the attribute names it.
fn word(mode: OrderMode) -> &'static str {
    match mode {
        OrderMode::Serial => "serial",
        OrderMode::Strict => "strict",
        OrderMode::Unordered => "unordered",
    }
}

/// A type's name without its path: `Value` for `serde_json::value::Value`.
fn short_type(name: &str) -> &str {
    if name.contains('<') { name } else { name.rsplit("::").next().unwrap_or(name) }
}

/// A type's name, marked if the catalog does not contain it.
fn marked(name: &str) -> String {
    if catalog::find(name).is_some() { name.to_owned() } else { format!("{name} (unlisted)") }
}

/// The types of a handler in one line.
pub(super) fn takes(handler: &Registration) -> String {
    types(handler).join(", ")
}

/// The types of a handler, one per line, and its endpoint if it has one.
pub(super) fn takes_in_lines(handler: &Registration) -> String {
    let endpoint = handler.endpoint.map(|name| format!("(endpoint {name})"));
    types(handler).into_iter().chain(endpoint).collect::<Vec<_>>().join("\n")
}

fn types(handler: &Registration) -> Vec<String> {
    match handler.takes {
        Subscription::Types(types) => types.iter().map(|name| marked(name)).collect(),
        Subscription::Unhandled => vec!["every other type".to_owned()],
    }
}
