//! Stripe's list object.

use crate::payload::SchemaPath;
use crate::shape::{self, Shape};
use crate::{DecodeError, FromStripe, Json};

/// A list of objects inside another object: its first values, and where to find the others.
///
/// (<https://docs.stripe.com/api/pagination>)
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct List<T> {
    /// The values that Stripe sent, usually ten at most.
    pub data: Vec<T>,
    /// Whether there are more than these.
    pub has_more: bool,
    /// The path of the whole list in Stripe's API.
    pub url: Option<String>,
}

impl<S: Shape, T: FromStripe<S>> FromStripe<shape::List<S>> for List<T> {
    const PLACES: &'static [SchemaPath] = T::PLACES;

    fn read(json: Json<'_>) -> Result<Self, DecodeError> {
        let mut found = [None; 3];
        json.find(&["data", "has_more", "url"], &mut found)?;
        let data = found[0].ok_or_else(|| DecodeError::missing().in_field("data"))?;
        Ok(Self {
            data: data.elements(T::read).map_err(|error| error.in_field("data"))?,
            has_more: found[1].map_or(Ok(false), |json| json.boolean("true or false"))?,
            url: found[2].map_or(Ok(None), |json| json.decode("a text"))?,
        })
    }
}
