//! The server of a Stripe webhook application, and its command line.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use webhook_server::{App, Event, on_event};
//!
//! /// Tells that a payment arrived.
//! #[on_event("payment_intent.succeeded")]
//! async fn paid(event: Event) {
//!     println!("{} was paid", event.object["id"]);
//! }
//!
//! #[tokio::main]
//! async fn main() -> ExitCode {
//!     App::new().main().await
//! }
//! ```
//!
//! One request's way: `serve` accepts the connection, `service` answers the request (`body` reads it, `webhook_core`
//! verifies and parses it, `inbox` stores the event, and its `worker` runs the
//! handlers), and `reply` chooses the status.

mod address;
mod app;
mod body;
mod client;
mod command;
mod control;
mod delivery;
mod failpoint;
mod inbox;
mod ingest;
mod inline;
mod journal;
mod log;
mod reply;
mod run;
mod secrets;
mod serve;
mod service;
mod settings;
mod startup;
mod terminal;
pub mod testing;
mod words;

pub use app::App;
pub use inbox::InboxLocation;
pub use settings::Settings;
pub use webhook_core::{
    Context, DecodeError, Envelope, Event, EventRequest, Expandable, Extract, HandlerError, Invocation, Json,
    List, Needs, Order, Payload, Policy, RawJson, Reads, Reply, ResultExt, Retry, Sample, State, Story,
    Timestamp, Tolerance, Unchecked, Verdict, View, ledger, shape,
};
/// Makes an enum read one of Stripe's enums: see [`webhook_core::StripeEnum`].
pub use webhook_macros::StripeEnumOfServer as StripeEnum;
/// Makes a struct a view of one of Stripe's objects: see [`webhook_core::StripeObject`].
pub use webhook_macros::StripeObjectOfServer as StripeObject;
/// Registers an async function as a handler of the event types it names: see [`webhook_core::on_event`].
pub use webhook_macros::on_event_of_server as on_event;
/// Registers an async function as the handler of every type that no other handler names: see
/// [`webhook_core::on_unhandled`].
pub use webhook_macros::on_unhandled_of_server as on_unhandled;

/// Makes a sample event for a test: see [`webhook_core::fixture`].
pub use webhook_macros::fixture_of_server as fixture;
/// Makes ready-made types of whole objects: see [`webhook_core::objects`].
pub use webhook_macros::objects_of_server as objects;

#[doc(hidden)]
pub use webhook_core::__private;

/// The README's program compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
