//! The common types, and the shapes that each of them reads.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

use super::from_stripe::SchemaPath;
use crate::shape::{self, Shape};
use crate::{DecodeError, FromStripe, Json, Timestamp};

impl<S: Shape, T: FromStripe<S::Present>> FromStripe<S> for Option<T> {
    const PLACES: &'static [SchemaPath] = T::PLACES;
    const OPTIONAL: bool = true;

    fn read(json: Json<'_>) -> Result<Self, DecodeError> {
        if json.is_null() { Ok(None) } else { T::read_part(json) }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<S: Shape, T: FromStripe<S>> FromStripe<S> for Box<T> {
    const PLACES: &'static [SchemaPath] = T::PLACES;
    const OPTIONAL: bool = T::OPTIONAL;

    fn read(json: Json<'_>) -> Result<Self, DecodeError> {
        T::read(json).map(Box::new)
    }

    fn absent() -> Option<Self> {
        T::absent().map(Box::new)
    }

    fn read_part(json: Json<'_>) -> Result<Option<Self>, DecodeError> {
        T::read_part(json).map(|value| value.map(Box::new))
    }
}

/// Untyped JSON reads everything, and an absent field as `null`.
impl<S: Shape> FromStripe<S> for Value {
    const OPTIONAL: bool = true;

    fn read(json: Json<'_>) -> Result<Self, DecodeError> {
        json.decode("JSON")
    }

    fn absent() -> Option<Self> {
        Some(Self::Null)
    }
}

macro_rules! reads {
    ($($target:ty: $($shape:ident)*, $decode:ident, $expected:literal;)*) => {$($(
        impl FromStripe<shape::$shape> for $target {
            fn read(json: Json<'_>) -> Result<Self, DecodeError> {
                json.$decode($expected)
            }
        }
    )*)*};
}

reads! {
    String: Text Enum Decimal DateTime IntegerText, string, "a text";
    bool: Boolean, boolean, "true or false";
    f64: Float, decode, "a number";
    f32: Float, decode, "a number";
    i64: Integer Timestamp, integer, "a whole number that fits `i64`";
    i32: Integer, integer, "a whole number that fits `i32`";
    i16: Integer, integer, "a whole number that fits `i16`";
    i8: Integer, integer, "a whole number that fits `i8`";
    i128: Integer, integer, "a whole number";
    u64: Integer Timestamp, integer, "a whole number that fits `u64`";
    u32: Integer, integer, "a whole number that fits `u32`";
    u16: Integer, integer, "a whole number that fits `u16`";
    u8: Integer, integer, "a whole number that fits `u8`";
    u128: Integer, integer, "a whole number that is not negative";
    usize: Integer, integer, "a whole number that fits `usize`";
    isize: Integer, integer, "a whole number that fits `isize`";
}

macro_rules! reads_as_text {
    ($($target:ty: $($shape:ident)*;)*) => {$($(
        impl FromStripe<shape::$shape> for $target {
            fn read(json: Json<'_>) -> Result<Self, DecodeError> {
                <String as FromStripe<shape::$shape>>::read(json).map(Into::into)
            }
        }
    )*)*};
}

reads_as_text! {
    Arc<str>: Text Enum Decimal DateTime IntegerText Expandable;
    Box<str>: Text Enum Decimal DateTime IntegerText Expandable;
}

/// The id, whether Stripe sent the id or the object.
impl FromStripe<shape::Expandable> for String {
    fn read(json: Json<'_>) -> Result<Self, DecodeError> {
        if json.is_text() {
            return json.string("an id");
        }
        let mut id = [None];
        json.find(&["id"], &mut id)?;
        id[0]
            .ok_or_else(DecodeError::missing)
            .and_then(|id| id.string("an id"))
            .map_err(|error| error.in_field("id"))
    }
}

/// The former id. `None` if only keys of the object changed and its id did not; then the field must be an `Option`.
impl FromStripe<shape::PartialExpandable> for String {
    fn read(json: Json<'_>) -> Result<Self, DecodeError> {
        <Self as FromStripe<shape::Expandable>>::read(json)
    }

    fn read_part(json: Json<'_>) -> Result<Option<Self>, DecodeError> {
        match <Self as FromStripe<shape::Expandable>>::read(json) {
            Err(error) if error.is_missing() => Ok(None),
            read => read.map(Some),
        }
    }
}

macro_rules! reads_as_former_id {
    ($($target:ty)*) => {$(
        impl FromStripe<shape::PartialExpandable> for $target {
            fn read(json: Json<'_>) -> Result<Self, DecodeError> {
                <String as FromStripe<shape::PartialExpandable>>::read(json).map(Into::into)
            }

            fn read_part(json: Json<'_>) -> Result<Option<Self>, DecodeError> {
                <String as FromStripe<shape::PartialExpandable>>::read_part(json).map(|id| id.map(Into::into))
            }
        }
    )*};
}

reads_as_former_id! { Arc<str> Box<str> }

impl FromStripe<shape::IntegerText> for i64 {
    fn read(json: Json<'_>) -> Result<Self, DecodeError> {
        let text = json.string("an integer as text")?;
        text.parse().map_err(|_| DecodeError::expected("an integer as text"))
    }
}

impl FromStripe<shape::Timestamp> for Timestamp {
    fn read(json: Json<'_>) -> Result<Self, DecodeError> {
        json.integer("a time in whole seconds").map(Self::from_unix_seconds)
    }
}

impl<S: Shape, T: FromStripe<S>> FromStripe<shape::Array<S>> for Vec<T> {
    const PLACES: &'static [SchemaPath] = T::PLACES;

    fn read(json: Json<'_>) -> Result<Self, DecodeError> {
        json.elements(T::read)
    }
}

macro_rules! reads_maps {
    ($($map:ident)*) => {$(
        impl<S: Shape, T: FromStripe<S>> FromStripe<shape::Map<S>> for $map<String, T> {
            const PLACES: &'static [SchemaPath] = T::PLACES;

            fn read(json: Json<'_>) -> Result<Self, DecodeError> {
                json.entries(T::read)
            }
        }

        impl<S: Shape, T: FromStripe<shape::Maybe<S>>> FromStripe<shape::PartialMap<S>> for $map<String, T> {
            const PLACES: &'static [SchemaPath] = T::PLACES;

            fn read(json: Json<'_>) -> Result<Self, DecodeError> {
                json.entries(T::read)
            }
        }
    )*};
}

reads_maps! { BTreeMap HashMap }
