//! Reading an event's object into the application's own types, which are checked against Stripe's schema.

mod error;
mod expandable;
mod from_stripe;
mod impls;
mod json;
mod list;
mod raw_json;
pub mod shape;

use serde::de::DeserializeOwned;

pub use self::error::DecodeError;
pub use self::expandable::Expandable;
pub use self::from_stripe::{FromStripe, SchemaPath};
pub use self::json::Json;
pub use self::list::List;
pub use self::raw_json::RawJson;

/// A type into which an event's object can be decoded: a view (`#[derive(StripeObject)]`), `serde_json::Value` or
/// [`Unchecked`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the payload of an event",
    label = "not a payload type",
    note = "derive `StripeObject` for `{Self}` to read fields that are checked against Stripe's schema, take `Event` for untyped JSON, or `Event<Unchecked<{Self}>>` for any type that implements `serde::Deserialize`"
)]
pub trait Payload: Sized + Send + 'static {
    /// The name of the type, for messages.
    #[doc(hidden)]
    const NAME: &'static str = "the payload type";

    /// The names of the objects that it reads; empty if it reads any.
    #[doc(hidden)]
    const OBJECTS: &'static [&'static str] = &[];

    /// The paths of the fields that it reads; empty if it reads all.
    #[doc(hidden)]
    const FIELDS: &'static [&'static str] = &[];

    /// Its fields that some events lack, for each object that it reads.
    #[doc(hidden)]
    const SPARSE_FIELDS: &'static [&'static [SparseField]] = &[];

    /// Decodes the object.
    ///
    /// # Errors
    ///
    /// Fails if the object does not fit. The error names the place, never a value.
    fn decode(object: &RawJson) -> Result<Self, DecodeError>;
}

/// Untyped JSON.
impl Payload for serde_json::Value {
    fn decode(object: &RawJson) -> Result<Self, DecodeError> {
        object.decode()
    }
}

/// A payload of any deserialisable type, which is not checked against Stripe's schema.
///
/// Use it for types from other crates. Where such a type disagrees with what Stripe sends, it fails at run time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Unchecked<T>(pub T);

impl<T: UncheckedValue> Payload for Unchecked<T> {
    fn decode(object: &RawJson) -> Result<Self, DecodeError> {
        object.decode().map(Self)
    }
}

/// A type into which [`Unchecked`] decodes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be decoded from JSON",
    label = "not a deserialisable type",
    note = "`Unchecked` takes any type that implements `serde::Deserialize` and is `Send + 'static`: add `#[derive(Deserialize)]` to it"
)]
pub trait UncheckedValue: DeserializeOwned + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + Send + 'static> UncheckedValue for T {}

/// A struct that `#[derive(StripeObject)]` checked against a place in Stripe's schema.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a view of a Stripe object",
    label = "not a view",
    note = "a view is a struct with `#[derive(StripeObject)] #[stripe(object = \"…\")]`"
)]
pub trait View: FromStripe<shape::Object> {
    /// Its fields that some events lack.
    #[doc(hidden)]
    const SPARSE_FIELDS: &'static [SparseField] = &[];

    /// Reads an object that must be one of those named; any if none is named.
    #[doc(hidden)]
    fn read_object(json: Json<'_>, expected: &'static [&'static str]) -> Result<Self, DecodeError>;
}

/// A view's field that some events with this object lack.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
#[expect(clippy::exhaustive_structs, reason = "the macros make it, and must set every field")]
pub struct SparseField {
    /// The object.
    pub object: &'static str,
    /// The field, at the top of the object.
    pub field: &'static str,
    /// Whether the view can do without it.
    pub is_optional: bool,
    /// What to do if it cannot.
    pub cure: &'static str,
}

/// A view of previous attributes, any of which may be missing: `#[stripe(object = "charge", previous)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a view of previous attributes",
    label = "any of its fields may be missing",
    note = "add `previous` to its `#[stripe(object = \"…\")]`, and make every field an `Option`"
)]
pub trait PreviousView: View {
    /// The object whose former values it reads; empty if it reads a part of one.
    #[doc(hidden)]
    const PREVIOUS_OF: &'static [&'static str] = &[];
}
