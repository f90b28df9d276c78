//! What the macros' output calls. It is not public API: it changes with the macros, whose version is pinned.

mod agreement;
mod arguments;
mod compat_checks;
mod const_str;
mod field;
mod fixture;
mod transaction;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pub use inventory;

pub use agreement::{Carried, assert_agrees};
pub use arguments::{ArgumentList, Arguments};
pub use compat_checks::{assert_any_object, assert_place, assert_reply, assert_sent, assert_variant};
pub use field::{Field, ReadsPrevious, Sendable, Variant, field, find, object_position, read_field, variant};

pub use fixture::{Writes, fixture, write};
pub use transaction::Lending;

pub use crate::IntoOutcome;
pub use crate::handler::{
    Extract, HandlerFuture, Invocation, Order, OrderMode, Policy, Registration, Requirements, Retry,
    Subscription, Transaction,
};
pub use crate::payload::{
    DecodeError, FromStripe, Json, Payload, PreviousView, RawJson, SchemaPath, SparseField, View,
};
pub use crate::shape::{self, Shape};
use crate::{HandlerError, HandlerResult};

// The names from the prelude that expanded code needs, because a user's module may shadow them.
pub use std::boxed::Box;
pub use std::collections::BTreeMap;
pub use std::fmt::{Display, Formatter, Result as FmtResult};
pub use std::option::Option;
pub use std::result::Result;
pub use std::string::String;
pub use std::time::Duration;
pub use std::unreachable;
pub use std::vec::Vec;

pub use serde_json::Value;

pub use crate::{Expandable, List, Timestamp};

/// What the expansion needs to know about one argument. It is made once per argument, so that a type that is not an
/// argument is reported once.
#[expect(missing_debug_implementations, reason = "only expanded code has one")]
pub struct Argument<T> {
    /// What it is, besides a type.
    pub kind: ArgumentKind,
    /// Adds what the argument needs.
    pub needs: fn(&mut Requirements),
    /// Makes the argument.
    pub extraction: Extraction<T>,
    /// What it reads of the event: the payload's name and the objects that it reads.
    pub payload: (&'static str, &'static [&'static str]),
    /// The payload's fields that some events lack, for each object that it reads.
    pub sparse_fields: &'static [&'static [SparseField]],
}

/// What an argument is, besides a type: what of the event it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "only expanded code has one")]
pub enum ArgumentKind {
    /// A snapshot event.
    Event,
    /// A thin event.
    Notification,
    /// A thin event, and its data, which its type decides.
    NotificationWithData,
    /// The object that the event is about, as it is now.
    Fresh,
    /// Nothing of the event, or it is not known.
    Other,
}

/// How an argument is made: a function pointer, so that expanded code names the type only once.
#[expect(missing_debug_implementations, reason = "only expanded code has one")]
#[expect(clippy::exhaustive_enums, reason = "only expanded code has one")]
pub enum Extraction<T> {
    /// Without waiting.
    Immediate(fn(&Invocation) -> Result<T, HandlerError>),
    /// In a future whose type has no name.
    Waiting(for<'i> fn(&'i Invocation) -> ExtractFuture<'i, T>),
}

/// The future of an `extract`.
type ExtractFuture<'i, T> = Pin<Box<dyn Future<Output = Result<T, HandlerError>> + Send + 'i>>;

impl<T: Extract> Extraction<T> {
    /// Uses the type's own `extract`.
    pub const fn waiting() -> Self {
        Self::Waiting(|invocation| Box::pin(T::extract(invocation)))
    }
}

impl<T> Extraction<T> {
    /// Tells whether making the argument may have to wait.
    pub const fn waits(&self) -> bool {
        matches!(self, Self::Waiting(_))
    }

    /// Makes the argument for one run.
    ///
    /// # Errors
    ///
    /// Fails if the type's `extract` does.
    pub async fn run(&self, invocation: &Invocation) -> Result<T, HandlerError> {
        match self {
            Self::Immediate(extract) => extract(invocation),
            Self::Waiting(extract) => extract(invocation).await,
        }
    }
}

/// What the expansion needs to know about a return type. It is made once, so that a type that is not an outcome is
/// reported once.
#[expect(missing_debug_implementations, reason = "only expanded code has one")]
pub struct Returning<T> {
    /// Whether the handler replies.
    pub replies: bool,
    /// Converts what was returned.
    pub into_outcome: fn(T) -> HandlerResult,
}

/// Tells whether an argument is an event and one before it is an event, too.
pub const fn is_second_event(this: ArgumentKind, before: &[ArgumentKind]) -> bool {
    let mut at = 0;
    while at < before.len() {
        if matches!(this, ArgumentKind::Event) && matches!(before[at], ArgumentKind::Event) {
            return true;
        }
        at += 1;
    }
    false
}

/// Whether an argument is a second event, as a type, because the message of an error about a type can be set.
#[expect(missing_debug_implementations, reason = "there are no values")]
pub struct SecondEvent<const YES: bool>;

/// Implemented where there is no second event.
#[diagnostic::on_unimplemented(
    message = "a handler takes only one `Event`",
    label = "second event",
    note = "a handler that needs the object in two types decodes it again: `event.object_as::<Other>()`"
)]
pub trait OnlyEvent {
    /// Names the check.
    const CHECKED: () = ();
}

#[diagnostic::do_not_recommend]
impl OnlyEvent for SecondEvent<false> {}

/// Boxes a handler's future, which moves between threads. The compiler shows this name if a future cannot. The future
/// borrows at most the handler's transaction.
pub fn a_handlers_future_must_be_send<'f, T: 'f, F: Future<Output = T> + Send + 'f>(
    future: F,
    into_outcome: fn(T) -> HandlerResult,
) -> Pin<Box<dyn Future<Output = HandlerResult> + Send + 'f>> {
    Box::pin(Finished { future, into_outcome })
}

pin_project_lite::pin_project! {
    /// A handler's future, whose output is converted. Its own type, because an `async` block is compiled more slowly, and
    /// it is compiled for each handler.
    struct Finished<F, T> {
        #[pin]
        future: F,
        into_outcome: fn(T) -> HandlerResult,
    }
}

impl<T, F: Future<Output = T>> Future for Finished<F, T> {
    type Output = HandlerResult;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<HandlerResult> {
        let this = self.project();
        this.future.poll(context).map(*this.into_outcome)
    }
}
