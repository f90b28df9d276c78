//! What a handler's attribute says, as text.

use webhook_core::{Order, OrderMode, Policy, Registration, Retry, Subscription, catalog};

/// The parts of a handler's policy that differ from the default, as its attribute would write them, and whether it runs in a
/// transaction.
pub(crate) fn runs(policy: &Policy, in_transaction: bool) -> String {
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
pub(crate) fn word(mode: OrderMode) -> &'static str {
    match mode {
        OrderMode::Serial => "serial",
        OrderMode::Strict => "strict",
        OrderMode::Unordered => "unordered",
    }
}

/// A type's name, marked if the catalog does not contain it, and if not all enabled API versions have it.
fn marked(name: &str) -> String {
    match catalog::find(name) {
        Some(known) => format!("{name}{}", not_in_all(known.only_in().as_deref())),
        None => format!("{name} (unlisted)"),
    }
}

/// The enabled API versions in which Stripe sends a type, if those are not all: ` (only in 2026-10-28.endive)`.
pub(crate) fn not_in_all(only_in: Option<&[catalog::Version]>) -> String {
    only_in.map(|versions| format!(" (only in {})", catalog::names(versions))).unwrap_or_default()
}

/// The types of a handler in one line.
pub(crate) fn takes(handler: &Registration) -> String {
    types(handler).join(", ")
}

/// The types of a handler, one per line, and its endpoint if it has one.
pub(crate) fn takes_in_lines(handler: &Registration) -> String {
    let endpoint = handler.endpoint.map(|name| format!("(endpoint {name})"));
    types(handler).into_iter().chain(endpoint).collect::<Vec<_>>().join("\n")
}

fn types(handler: &Registration) -> Vec<String> {
    match handler.takes {
        Subscription::Types(types) => types.iter().map(|name| marked(name)).collect(),
        Subscription::Unhandled => vec!["every other type".to_owned()],
    }
}
