//! What a value of Stripe's can be, as types: the `S` of [`FromStripe<S>`](crate::FromStripe).
//!
//! The derive macros choose the shape from the catalog; a type of yours implements [`FromStripe`](crate::FromStripe) for the
//! shapes that it can be read from.

/// A shape. Closed: the shapes are those of Stripe's schema.
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
    /// A decimal number as text, so that no digit is lost.
    Decimal;
    /// One of a known set of texts, to which Stripe adds without notice.
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
    /// What the previous attributes have of a reference: the former id, or of an object the keys that changed.
    PartialExpandable;
    /// What the previous attributes have of an object: the keys that changed, each with its former value, which is null
    /// if it was not set. (<https://docs.stripe.com/api/events/object>)
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
    /// An object whose keys the user chose, such as `metadata`.
    Map;
    /// A value that may be null or absent.
    Maybe;
    /// What the previous attributes have of a map: the keys that changed, and null for each that was not set.
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
