//! The event as a handler receives it.

mod data;
mod envelope;
mod error;
mod notification;
mod parse;
mod timestamp;

use std::ops::Deref;
use std::sync::Arc;

use crate::{DecodeError, Payload, PreviousView};

pub use self::data::{Data, RelatedObject, Snapshot, Thin};
pub use self::envelope::{Envelope, EventRequest};
pub use self::error::EnvelopeError;
pub use self::notification::Notification;
pub use self::timestamp::Timestamp;
#[cfg(any(feature = "chrono", feature = "jiff", feature = "time"))]
pub use self::timestamp::TimestampOutOfRange;

/// An event and its object, decoded into `T`.
///
/// It dereferences to the [`Envelope`], so the fields of every event (`id`, `event_type`, `livemode`, `account`, …) are
/// within reach:
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
    /// Fails if the object does not fit `T`, and on a thin event, which carries no object.
    pub fn decode(envelope: Arc<Envelope>) -> Result<Self, DecodeError> {
        let object = decode_object(&envelope)?;
        Ok(Self { object, envelope })
    }
}

impl<T> Event<T> {
    /// Decodes the object into a second type.
    ///
    /// # Errors
    ///
    /// Fails if the object does not fit `U`.
    pub fn object_as<U: Payload>(&self) -> Result<U, DecodeError> {
        decode_object(&self.envelope)
    }

    /// Reads the former values of the fields that changed. `None` on events that do not report them; `*.updated` events
    /// do.
    ///
    /// Stripe sends only the fields that changed, at every level, and null for a field that was not set, so the view must
    /// be one of previous attributes: `#[stripe(object = "charge", previous)]`, with every field an `Option`. See
    /// [`StripeObject`](macro@crate::StripeObject).
    ///
    /// # Errors
    ///
    /// Fails if a former value does not fit the view, and if the event carries an object of another type than the view's:
    /// all fields of such a view would seem unchanged.
    pub fn previous<V: PreviousView>(&self) -> Result<Option<V>, DecodeError> {
        let Data::Snapshot(snapshot) = &self.envelope.data else { return Ok(None) };
        let name = snapshot.object.json().field("object").and_then(|name| name.string("a text").ok());
        if let Some(found) =
            name.filter(|found| !V::PREVIOUS_OF.is_empty() && !V::PREVIOUS_OF.contains(&&**found))
        {
            return Err(DecodeError::other_object(Some(found), V::PREVIOUS_OF));
        }
        snapshot.previous_attributes.as_ref().map(|previous| V::read(previous.json())).transpose()
    }
}

fn decode_object<T: Payload>(envelope: &Envelope) -> Result<T, DecodeError> {
    let object = envelope.raw_object().ok_or_else(DecodeError::no_object)?;
    T::decode(object).map_err(|error| error.in_event(envelope))
}

impl<T> Deref for Event<T> {
    type Target = Envelope;

    fn deref(&self) -> &Envelope {
        &self.envelope
    }
}
