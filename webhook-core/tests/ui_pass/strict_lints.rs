//! A crate with the strictest lints.

#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, missing_debug_implementations, unreachable_pub)]
#![deny(unused_qualifications, unused_results, single_use_lifetimes, elided_lifetimes_in_paths)]
#![deny(non_local_definitions, redundant_lifetimes, trivial_casts, trivial_numeric_casts, unused_lifetimes)]
#![deny(unnameable_types, unused_import_braces, let_underscore_drop, missing_copy_implementations)]
#![deny(future_incompatible, nonstandard_style, rust_2018_idioms, unused, deprecated, unit_bindings)]

use webhook_core::{Context, Event, HandlerError, Registry, State, on_event, on_unhandled};

/// Marks the order as paid.
#[on_event(
    "payment_intent.succeeded",
    "charge.dispute.*",
    id = "strict",
    timeout = "1h 30m",
    retry(attempts = 3, max_delay = "1h"),
    order(strict, per = "currency")
)]
pub async fn paid(_event: Event, _count: State<u32>, _context: Context) -> Result<(), HandlerError> {
    Ok(())
}

#[on_event("invoice.paid")]
async fn private_and_bare() {}

#[on_unhandled]
async fn note(_event: Event) -> () {}

fn main() {
    assert_eq!(Registry::linked().registrations().len(), 3);
}
