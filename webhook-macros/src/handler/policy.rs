//! How a handler's runs are made: `timeout`, `retry(…)`, `order(…)` and `reply`.

mod check;
mod names;
mod parse;

use std::time::Duration;

use proc_macro2::Span;
use syn::{Ident, LitInt, LitStr};

pub(super) use names::as_argument;

/// The arguments as they were written.
#[derive(Default)]
pub(super) struct Written {
    pub(super) timeout: Option<LitStr>,
    retry: Option<WrittenRetry>,
    order: Option<WrittenOrder>,
    pub(super) reply: Option<Ident>,
}

/// What was written in `retry(…)`.
#[derive(Default)]
struct WrittenRetry {
    attempts: Option<LitInt>,
    first_delay: Option<LitStr>,
    max_delay: Option<LitStr>,
}

/// What was written in `order(…)`, or after `order =`.
struct WrittenOrder {
    key: Span,
    mode: Option<OrderMode>,
    per: Option<LitStr>,
    group: Option<LitStr>,
}

/// A checked policy. A setting that is `None` was not written.
pub(super) struct Policy {
    pub(super) timeout: Option<Duration>,
    pub(super) retry: Retry,
    pub(super) order: Order,
    pub(super) replies: bool,
    pub(super) returns: Option<Returns>,
}

#[derive(Default)]
pub(super) struct Retry {
    pub(super) attempts: Option<u32>,
    pub(super) first_delay: Option<Duration>,
    pub(super) max_delay: Option<Duration>,
}

#[derive(Default)]
pub(super) struct Order {
    pub(super) mode: OrderMode,
    pub(super) per: Option<String>,
    pub(super) group: Option<String>,
}

#[derive(Clone, Copy, Default, PartialEq)]
pub(super) enum OrderMode {
    #[default]
    Serial,
    Strict,
    Unordered,
}

/// What only the compiler can tell about the return type: whether it holds a `Reply`.
pub(super) struct Returns {
    pub(super) reply: bool,
    /// The error if the return type is otherwise.
    pub(super) otherwise: String,
}
