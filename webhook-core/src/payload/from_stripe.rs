//! Which type reads which shape.

use crate::shape::Shape;
use crate::{DecodeError, Json};

/// A type that reads a value of a shape.
///
/// A view's field has a type that reads what the catalog says of the field. Implement it for your own types:
///
/// ```
/// use webhook_core::{DecodeError, Json, FromStripe, shape};
///
/// /// The id of an order in our shop.
/// struct OrderId(u64);
///
/// impl FromStripe<shape::Text> for OrderId {
///     fn read(json: Json<'_>) -> Result<Self, DecodeError> {
///         let text: &str = json.decode("a text")?;
///         let number = text.strip_prefix("o_").and_then(|number| number.parse().ok());
///         number.map(Self).ok_or_else(|| DecodeError::expected("an order id"))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot read `{S}`",
    label = "cannot read what Stripe sends here",
    note = "texts and ids are read as `String`, integers as `i64`, what may be null or absent as `Option<…>`; `serde_json::Value` reads anything"
)]
pub trait FromStripe<S: Shape>: Sized {
    /// The places in Stripe's schema that this type, or the type it wraps, is a view of. Empty if it is no view.
    #[doc(hidden)]
    const PLACES: &'static [SchemaPath] = &[];

    /// Whether [`absent`](Self::absent) gives a value, so that the type can read a field that an event lacks.
    const OPTIONAL: bool = false;

    /// Reads a value that is there. It may be `null` only where the shape is [`shape::Maybe`].
    ///
    /// # Errors
    ///
    /// Says what was expected, and nothing of the value.
    fn read(json: Json<'_>) -> Result<Self, DecodeError>;

    /// Returns the value for a field that is absent; `None` if this type has none, which is an error then.
    fn absent() -> Option<Self> {
        None
    }

    /// Reads a value that may have come without the part that this type reads; that is then `None`.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    #[doc(hidden)]
    fn read_part(json: Json<'_>) -> Result<Option<Self>, DecodeError> {
        Self::read(json).map(Some)
    }
}

/// A place in Stripe's schema: an object, or an object without a name inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
#[expect(clippy::exhaustive_structs, reason = "the macros make it, and must state every field")]
pub struct SchemaPath {
    /// The name of the object.
    pub object: &'static str,
    /// The path to the inner object; empty for the object itself.
    pub at: &'static str,
    /// What the place holds, digested: equal where Stripe sends the same fields in several places.
    pub digest: u64,
}
