//! The trait of types that read what Stripe sends.

use crate::shape::Shape;
use crate::{DecodeError, Json};

/// A type that reads a value of a shape.
///
/// The type of a view's field must read the shape that the catalog has for the field. Implement the trait for your own
/// types:
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
    note = "use `String` for texts and ids, `i64` for integers, and `Option<…>` for what may be null or absent; `serde_json::Value` reads anything"
)]
pub trait FromStripe<S: Shape>: Sized {
    /// The places in Stripe's schema for which this type, or the type it wraps, is made. Empty if it is not a view.
    #[doc(hidden)]
    const PLACES: &'static [SchemaPath] = &[];

    /// Whether [`absent`](Self::absent) returns a value, so that the type can be used for a field that some events lack.
    const OPTIONAL: bool = false;

    /// Reads a value, which is `null` only if the shape is [`Maybe`](crate::shape::Maybe).
    ///
    /// # Errors
    ///
    /// Fails if the value does not fit. The error says what was expected, and nothing about the value.
    fn read(json: Json<'_>) -> Result<Self, DecodeError>;

    /// Returns the value for a field that is absent. `None` if there is none; an absent field is then an error.
    fn absent() -> Option<Self> {
        None
    }

    /// Reads a value that may lack the part that this type reads. `None` if it does.
    ///
    /// # Errors
    ///
    /// Fails as [`read`](Self::read) does.
    #[doc(hidden)]
    fn read_part(json: Json<'_>) -> Result<Option<Self>, DecodeError> {
        Self::read(json).map(Some)
    }
}

/// A place in Stripe's schema: an object, or an unnamed object inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
#[expect(clippy::exhaustive_structs, reason = "the macros make it, and must set every field")]
pub struct SchemaPath {
    /// The name of the object.
    pub object: &'static str,
    /// The path to the inner object; empty for the object itself.
    pub at: &'static str,
    /// A digest of what is there. It is equal where Stripe sends the same fields in several places.
    pub digest: u64,
}
