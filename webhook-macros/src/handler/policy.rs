//! How a handler's runs are made: `timeout`, `retry(…)`, `order`, `order_by`, `order_group` and `reply`.

mod check;
mod parse;

use std::time::Duration;

use syn::{Ident, LitInt, LitStr};

pub(super) use parse::order;

/// The arguments as they were written.
#[derive(Default)]
pub(super) struct Written {
    pub(super) timeout: Option<LitStr>,
    pub(super) retry: Option<WrittenRetry>,
    pub(super) order: Option<(Ident, Order)>,
    pub(super) order_by: Option<LitStr>,
    pub(super) order_group: Option<LitStr>,
    pub(super) reply: Option<Ident>,
}

/// What was written in `retry(…)`.
#[derive(Default)]
pub(super) struct WrittenRetry {
    max: Option<LitInt>,
    first: Option<LitStr>,
    cap: Option<LitStr>,
}

/// A policy in which no mistake was found. What is `None` was not written.
pub(super) struct Policy {
    pub(super) timeout: Option<Duration>,
    pub(super) retry: Retry,
    pub(super) order: Order,
    pub(super) order_by: Option<String>,
    pub(super) order_group: Option<String>,
    pub(super) replies: bool,
    pub(super) returns: Option<Returns>,
}

#[derive(Default)]
pub(super) struct Retry {
    pub(super) max: Option<u32>,
    pub(super) first: Option<Duration>,
    pub(super) cap: Option<Duration>,
}

#[derive(Clone, Copy, Default, PartialEq)]
pub(super) enum Order {
    #[default]
    Serial,
    Strict,
    Unordered,
}

/// What the compiler has to tell of the return type: whether it holds a `Reply`.
pub(super) struct Returns {
    pub(super) reply: bool,
    /// What to say if it is otherwise.
    pub(super) otherwise: String,
}
