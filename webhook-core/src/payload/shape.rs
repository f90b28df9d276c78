//! The shapes of Stripe's values, as types: the `S` of [`FromStripe<S>`](crate::FromStripe).
//!
//! The derive macros take a field's shape from the catalog. Your own types implement
//! [`FromStripe`](crate::FromStripe) for each shape that they can read.

/// A shape. The trait is sealed: the shapes are those of Stripe's schema.
pub trait Shape: sealed::Sealed {
    /// The shape without its [`Maybe`].
    type Present: Shape;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! shapes {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        #[expect(clippy::exhaustive_enums, reason = "a shape has no values")]
        pub enum $name {}

        impl sealed::Sealed for $name {}

        impl Shape for $name {
            type Present = Self;
        }
    )*};
}

shapes! {
    /// Any JSON value.
    Any;
    /// `true` or `false`.
    Boolean;
    /// A point in time as RFC 3339 text.
    DateTime;
    /// A decimal number as text, which preserves every digit.
    Decimal;
    /// One of a set of texts, which Stripe extends without notice.
    Enum;
    /// The id of an object, or the object itself.
    Expandable;
    /// A number that may have a fraction.
    Float;
    /// A whole number.
    Integer;
    /// A whole number as text.
    IntegerText;
    /// An object with known fields.
    Object;
    /// A reference in the previous attributes: the former id, or the keys of the object that changed.
    PartialExpandable;
    /// An object in the previous attributes: the keys that changed, each with its former value, which is null if it was
    /// not set. (<https://docs.stripe.com/api/events/object>)
    PartialObject;
    /// A text.
    Text;
    /// A point in time in whole seconds since the Unix epoch.
    Timestamp;
}

macro_rules! shapes_of_shapes {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name<S>(std::marker::PhantomData<S>);

        impl<S: Shape> sealed::Sealed for $name<S> {}
    )*};
}

shapes_of_shapes! {
    /// An array.
    Array;
    /// Stripe's list object: `{"object": "list", "data": [...], "has_more": ..., "url": ...}`.
    List;
    /// An object whose keys are chosen by the user, such as `metadata`.
    Map;
    /// A value that may be null or absent.
    Maybe;
    /// A map in the previous attributes: the keys that changed, and null for each that was not set.
    PartialMap;
}

impl<S: Shape> Shape for Array<S> {
    type Present = Self;
}

impl<S: Shape> Shape for List<S> {
    type Present = Self;
}

impl<S: Shape> Shape for Map<S> {
    type Present = Self;
}

impl<S: Shape> Shape for PartialMap<S> {
    type Present = Self;
}

impl<S: Shape> Shape for Maybe<S> {
    type Present = S;
}
