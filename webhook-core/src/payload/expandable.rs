//! References, in place of which Stripe may send the whole object.

use crate::payload::SchemaPath;
use crate::{DecodeError, FromStripe, Json, shape};

/// A reference to another object: its id, or the object itself.
///
/// In an event it is nearly always the id. `T` is a view of the object; by default, the object is untyped JSON.
/// (<https://docs.stripe.com/expand>)
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a reference is one or the other")]
pub enum Expandable<T = serde_json::Value> {
    /// The id alone.
    Id(String),
    /// The object.
    Object(Box<T>),
}

impl<T> Expandable<T> {
    /// Returns the object, if Stripe sent it.
    pub fn object(&self) -> Option<&T> {
        match self {
            Self::Id(_) => None,
            Self::Object(object) => Some(object),
        }
    }

    /// Returns the id, if Stripe sent only that.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Id(id) => Some(id),
            Self::Object(_) => None,
        }
    }
}

impl<T: FromStripe<shape::Object>> FromStripe<shape::Expandable> for Expandable<T> {
    const PLACES: &'static [SchemaPath] = T::PLACES;

    fn read(json: Json<'_>) -> Result<Self, DecodeError> {
        if json.is_text() {
            return json.string("an id").map(Self::Id);
        }
        T::read(json).map(|object| Self::Object(Box::new(object)))
    }
}

impl<T: FromStripe<shape::PartialObject>> FromStripe<shape::PartialExpandable> for Expandable<T> {
    const PLACES: &'static [SchemaPath] = T::PLACES;

    fn read(json: Json<'_>) -> Result<Self, DecodeError> {
        if json.is_text() {
            return json.string("an id").map(Self::Id);
        }
        T::read(json).map(|object| Self::Object(Box::new(object)))
    }
}
