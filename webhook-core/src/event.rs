//! The event as a handler receives it.

use std::ops::Deref;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::{Envelope, RawJson};

/// An event and its object, decoded into `T`.
///
/// What every event has (`id`, `event_type`, `livemode`, `account`, …) reads through to the [`Envelope`]:
///
/// ```
/// # use webhook_core::Event;
/// fn describe(event: &Event) -> String {
///     format!("{} says {}", event.id, event.object["status"])
/// }
/// ```
///
/// `T` is a [`Payload`]; without one, the object is untyped JSON.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event<T = serde_json::Value> {
    /// The object that the event is about, as it was when the event happened.
    pub object: T,
    /// What every event has. Shared by all handlers of the event.
    pub envelope: Arc<Envelope>,
}

impl<T: Payload> Event<T> {
    /// Decodes the object of an envelope.
    ///
    /// # Errors
    ///
    /// Fails where the object does not fit `T`.
    pub fn decode(envelope: Arc<Envelope>) -> Result<Self, DecodeError> {
        Ok(Self { object: T::decode(&envelope.object)?, envelope })
    }
}

impl<T> Deref for Event<T> {
    type Target = Envelope;

    fn deref(&self) -> &Envelope {
        &self.envelope
    }
}

/// A type that the object of an event decodes into.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the payload of an event",
    label = "no payload type",
    note = "take `Event` for untyped JSON, or `Event<Unchecked<{Self}>>` for any type that implements `serde::Deserialize`"
)]
pub trait Payload: Sized + Send + 'static {
    /// Decodes the object.
    ///
    /// # Errors
    ///
    /// Names the place where the object does not fit, and nothing of what stands there.
    fn decode(object: &RawJson) -> Result<Self, DecodeError>;
}

/// Untyped JSON.
impl Payload for serde_json::Value {
    fn decode(object: &RawJson) -> Result<Self, DecodeError> {
        object.decode()
    }
}

/// A payload of any deserialisable type, unchecked against Stripe's schema.
///
/// The way to use types from elsewhere. Such a type fails at run time where it disagrees with what Stripe sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Unchecked<T>(pub T);

impl<T: UncheckedValue> Payload for Unchecked<T> {
    fn decode(object: &RawJson) -> Result<Self, DecodeError> {
        object.decode().map(Self)
    }
}

/// A type that [`Unchecked`] decodes into.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be decoded from JSON",
    label = "no deserialisable type",
    note = "`Unchecked` takes any type that implements `serde::Deserialize` and is `Send + 'static`: add `#[derive(Deserialize)]` to it"
)]
pub trait UncheckedValue: DeserializeOwned + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + Send + 'static> UncheckedValue for T {}

/// Where an object does not fit the type that a handler asks for. Never holds any of the object.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the object does not fit `{target}` at `{path}` (line {line}, column {column} of the object)")]
#[non_exhaustive]
pub struct DecodeError {
    /// The type that was asked for.
    pub target: &'static str,
    /// The path to the value that does not fit, such as `charges.data[0].amount`; `.` for the object itself.
    pub path: String,
    /// The line in the object's text, from 1.
    pub line: usize,
    /// The column in the object's text, from 1.
    pub column: usize,
}

impl DecodeError {
    /// Keeps the place and drops serde_json's text, which can quote the value.
    pub(crate) fn new<T>(error: &serde_path_to_error::Error<serde_json::Error>) -> Self {
        Self {
            target: std::any::type_name::<T>(),
            path: error.path().to_string(),
            line: error.inner().line(),
            column: error.inner().column(),
        }
    }
}
