//! Verified Stripe webhook events and the handlers that receive them.
//!
//! This crate contains the parts of a webhook that need no runtime, no clock and no network. A library of handlers
//! depends on this crate alone; an application depends on `webhook-server`, which runs the handlers.
//!
//! ```
//! use webhook_core::{Event, on_event};
//!
//! /// Reports a payment.
//! #[on_event("payment_intent.succeeded")]
//! async fn paid(event: Event) {
//!     println!("{} was paid", event.object["id"]);
//! }
//! ```
//!
//! An event takes these steps: [`verify`] turns request bytes into a [`Verified`] body, [`Envelope::parse`] reads its
//! [`Envelope`], [`Registry::handlers_of`] finds the handlers, and each handler decodes its own [`Event<T>`].

#![cfg_attr(docsrs, feature(doc_cfg))]

mod event;
mod handler;
mod macro_support;
mod payload;
mod sample;
mod signing;

#[doc(hidden)]
pub mod __private {
    pub use crate::macro_support::*;
}

#[cfg(any(feature = "chrono", feature = "jiff", feature = "time"))]
pub use event::TimestampOutOfRange;
pub use event::{
    Data, Envelope, EnvelopeError, Event, EventRequest, Notification, RelatedObject, Snapshot, Thin,
    Timestamp,
};
pub use handler::{
    Attempt, Context, Extract, Fresh, HandlerError, HandlerFailure, HandlerFuture, HandlerResult,
    IntoOutcome, Invocation, OpenTransaction, Order, OrderMode, Outcome, Policy, ReadFuture, Registration,
    Registry, RegistryProblem, Reply, Requirements, ResultExt, Retry, SourceLocation, State, StateType,
    StateValue, States, StripeRead, StripeReader, Subscription, Transaction, TransactionFuture,
    TransactionManager, TransactionType, Verdict, idempotency,
};
pub use payload::{
    DecodeError, Expandable, FromStripe, Json, List, Payload, PreviousView, RawJson, Unchecked,
    UncheckedValue, View, shape,
};
pub use sample::{Sample, SampleError, Story};
pub use signing::{
    MAX_SIGNATURES, SIGNATURE_HEADER, Secret, SecretError, SignatureHeader, SignatureHeaderError, Tolerance,
    Verified, VerifyError, sign, verify,
};
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
