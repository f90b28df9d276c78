//! Verified Stripe webhook events and the handlers that receive them.
//!
//! This crate is everything about a webhook that needs no runtime, no clock and no network. A library of handlers
//! depends on it alone; an application depends on `webhook-server`, which runs them.
//!
//! ```
//! use webhook_core::{Event, on_event};
//!
//! /// Tells that a payment arrived.
//! #[on_event("payment_intent.succeeded")]
//! async fn paid(event: Event) {
//!     println!("{} was paid", event.object["id"]);
//! }
//! ```
//!
//! The way of an event: [`verify`] makes a [`Verified`] body of a request's bytes, [`Envelope::parse`] an
//! [`Envelope`] of that, [`Registry::handlers_of`] names the handlers, and each decodes its own [`Event<T>`].

mod context;
mod decode;
mod envelope;
mod event;
mod expandable;
mod extract;
mod handler;
mod json;
pub mod ledger;
mod list;
mod policy;
mod private;
mod raw_json;
mod reads;
mod registry;
mod reply;
mod sample;
mod secret;
pub mod shape;
mod sign;
mod signature;
mod timestamp;
mod verify;

#[doc(hidden)]
pub mod __private {
    pub use crate::private::*;
}

pub use context::{Context, Run};
pub use decode::DecodeError;
pub use envelope::{Envelope, EnvelopeError, EventRequest};
pub use event::{Event, Payload, PreviousView, Unchecked, UncheckedValue, View};
pub use expandable::Expandable;
pub use extract::{Extract, Invocation, Needs, State, StateType, StateValue, States};
pub use handler::{HandlerError, HandlerFailure, IntoOutcome, Outcome, ResultExt, Returned, Verdict};
pub use json::Json;
pub use list::List;
pub use policy::{Order, Policy, Retry};
pub use raw_json::RawJson;
pub use reads::Reads;
pub use registry::{Place, Registration, Registry, RegistryProblem, Running, Takes};
pub use reply::Reply;
pub use sample::{Sample, SampleError, Story};
pub use secret::{Secret, SecretError};
pub use sign::sign;
pub use signature::{MAX_SIGNATURES, SIGNATURE_HEADER, SignatureHeader, SignatureHeaderError};
pub use timestamp::Timestamp;
#[cfg(any(feature = "chrono", feature = "jiff", feature = "time"))]
pub use timestamp::TimestampOutOfRange;
pub use verify::{Tolerance, Verified, VerifyError, verify};
/// What Stripe sends: the event types, the objects they carry, and the objects' fields.
pub use webhook_catalog as catalog;
#[doc = include_str!("docs/stripe_enum.md")]
pub use webhook_macros::StripeEnum;
#[doc = include_str!("docs/stripe_object.md")]
pub use webhook_macros::StripeObject;
#[doc = include_str!("docs/fixture.md")]
pub use webhook_macros::fixture;
#[doc = include_str!("docs/objects.md")]
pub use webhook_macros::objects;
#[doc = include_str!("docs/on_event.md")]
pub use webhook_macros::on_event;
#[doc = include_str!("docs/on_unhandled.md")]
pub use webhook_macros::on_unhandled;
