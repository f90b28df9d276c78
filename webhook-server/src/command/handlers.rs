//! `handlers`: lists this application's handlers.

use clap::Args;
use serde::Serialize;
use webhook_core::{Order, Policy, Registration, Registry, Retry, Takes};

use super::table::{Cell, Column, Table};
use super::{Failure, Format, Output};
use crate::terminal::print;

#[derive(Args)]
pub(super) struct Handlers {
    #[command(flatten)]
    output: Output,
}

#[derive(Serialize)]
struct Row {
    id: &'static str,
    /// `null` for the handler of unhandled types.
    events: Option<&'static [&'static str]>,
    payload: Option<&'static str>,
    /// The fields that the payload reads; empty if it is no view.
    fields: &'static [&'static str],
    state: Vec<&'static str>,
    timeout_ms: Option<u128>,
    retry: RetryRow,
    order: &'static str,
    order_by: Option<&'static str>,
    replies: bool,
    file: &'static str,
    line: u32,
    doc: &'static str,
}

#[derive(Serialize)]
struct RetryRow {
    max: u32,
    first_ms: u128,
    cap_ms: u128,
}

pub(super) fn run(arguments: &Handlers) -> Result<(), Failure> {
    let registry = Registry::linked();
    let registrations = registry.registrations();
    match arguments.output.format {
        Format::Json => {
            print(&super::json(&registrations.iter().map(|handler| row(handler)).collect::<Vec<_>>())?)
        }
        Format::Table if registrations.is_empty() => {
            let mut problems = crate::startup::Problems::default();
            problems.add(webhook_core::RegistryProblem::Empty);
            return Err(problems.into());
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
            print(&table.text(arguments.output.width()));
        }
    }
    Ok(())
}

fn row(handler: &Registration) -> Row {
    let needs = handler.needs();
    Row {
        id: handler.id,
        events: match handler.takes {
            Takes::Types(types) => Some(types),
            Takes::Unhandled => None,
        },
        payload: needs.payload,
        fields: needs.fields,
        state: needs.states.iter().map(|state| state.name()).collect(),
        timeout_ms: handler.policy.timeout.map(|timeout| timeout.as_millis()),
        retry: RetryRow {
            max: handler.policy.retry.max,
            first_ms: handler.policy.retry.first.as_millis(),
            cap_ms: handler.policy.retry.cap.as_millis(),
        },
        order: word(handler.policy.order),
        order_by: handler.policy.order_by,
        replies: handler.policy.replies,
        file: handler.file,
        line: handler.line,
        doc: handler.doc,
    }
}

/// A handler's row, with a line for each event type that it takes.
fn cells(handler: &Registration) -> [Cell; 6] {
    let Row { id, payload, fields, file, line, doc, .. } = row(handler);
    let events = match handler.takes {
        Takes::Types(types) => types.join("\n"),
        Takes::Unhandled => "every other type".to_owned(),
    };
    let summary = doc.lines().next().unwrap_or_default();
    let payload = match (payload, fields) {
        (None, _) => "-".to_owned(),
        (Some(name), []) => short_type(name).to_owned(),
        (Some(name), fields) => format!("{}: {}", short_type(name), fields.join(", ")),
    };
    let at = format!("{file}:{line}");
    [id.into(), events.into(), payload.into(), runs(&handler.policy).into(), at.into(), summary.into()]
}

/// What is not as usual in how a handler's runs are made, as its attribute would say it.
fn runs(policy: &Policy) -> String {
    let Policy { timeout, retry, order, order_by, replies } = *policy;
    let time = humantime::format_duration;
    let mut said = Vec::new();
    said.extend(timeout.map(|timeout| format!("timeout = \"{}\"", time(timeout))));
    if retry != Retry::DEFAULT {
        let (first, cap) = (time(retry.first), time(retry.cap));
        said.push(format!("retry(max = {}, first = \"{first}\", cap = \"{cap}\")", retry.max));
    }
    // A handler that replies waits for no other, and its attribute cannot say so.
    said.extend((order != Order::default() && !replies).then(|| format!("order = {}", word(order))));
    said.extend(order_by.map(|field| format!("order_by = \"{field}\"")));
    said.extend(replies.then(|| "reply".to_owned()));
    if said.is_empty() { "-".to_owned() } else { said.join(", ") }
}

/// An order in the attribute's words.
fn word(order: Order) -> &'static str {
    match order {
        Order::Serial => "serial",
        Order::Strict => "strict",
        Order::None => "none",
    }
}

/// A type's name without its path: `Value` for `serde_json::value::Value`.
fn short_type(name: &str) -> &str {
    if name.contains('<') { name } else { name.rsplit("::").next().unwrap_or(name) }
}

/// The types of a handler in one line.
pub(super) fn takes(handler: &Registration) -> String {
    match handler.takes {
        Takes::Types(types) => types.join(", "),
        Takes::Unhandled => "every other type".to_owned(),
    }
}
