//! How a view reads its fields.

use crate::payload::SchemaPath;
use crate::payload::SparseField;
use crate::shape::Shape;
use crate::{DecodeError, FromStripe, Json, View};

/// What the expansion needs of one field of a view. Made once for each, so that a type that cannot read the field is
/// reported once.
#[expect(missing_debug_implementations, reason = "only expanded code has one")]
pub struct Field<T> {
    /// The places that the type is a view of.
    pub places: &'static [SchemaPath],
    /// Whether the type does without the field.
    pub is_optional: bool,
    read: fn(Option<Json<'_>>) -> Result<T, DecodeError>,
}

/// Describes a field of a shape.
pub const fn field<S: Shape, T: FromStripe<S>>() -> Field<T> {
    Field { places: T::PLACES, is_optional: T::OPTIONAL, read: read::<S, T> }
}

fn read<S: Shape, T: FromStripe<S>>(json: Option<Json<'_>>) -> Result<T, DecodeError> {
    match json {
        Some(json) => T::read(json),
        None => T::absent().ok_or_else(DecodeError::missing),
    }
}

/// Reads a field that was found, or not.
///
/// # Errors
///
/// Fails if the field is missing and must not be, or does not fit the type.
pub fn read_field<S: Shape, T: FromStripe<S>>(
    found: Option<Json<'_>>,
    name: &'static str,
) -> Result<T, DecodeError> {
    read::<S, T>(found).map_err(|error| error.in_field(name))
}

impl<T> Field<T> {
    /// Reads the field at the end of a path, of which the first step was found already.
    ///
    /// # Errors
    ///
    /// Fails if the field is missing and must not be, or does not fit the type.
    pub fn read_at(&self, first: Option<Json<'_>>, path: &[&'static str]) -> Result<T, DecodeError> {
        let mut json = first;
        for (depth, step) in path.iter().enumerate().skip(1) {
            json = match json {
                Some(object) if !object.is_null() => {
                    let mut found = [None];
                    object.find(&[*step], &mut found).map_err(|error| in_path(error, &path[..depth]))?;
                    found[0]
                }
                _ => None,
            };
        }
        (self.read)(json).map_err(|error| in_path(error, path))
    }
}

fn in_path(error: DecodeError, path: &[&'static str]) -> DecodeError {
    path.iter().rev().fold(error, |error, step| error.in_field(step))
}

/// Finds the fields of an object from which a `T` is read.
///
/// # Errors
///
/// Fails if the value is no object or lies too deep, or one of the fields stands twice.
pub fn find<'a, T, const N: usize>(
    json: Json<'a>,
    names: &[&'static str; N],
) -> Result<[Option<Json<'a>>; N], DecodeError> {
    let mut found = [None; N];
    json.take_room_for::<T>()?.find(names, &mut found)?;
    Ok(found)
}

/// Tells which of the expected objects came, by its `object` field.
///
/// # Errors
///
/// Fails with the object's name if it is another one.
pub fn object_position(
    name: Option<Json<'_>>,
    expected: &'static [&'static str],
) -> Result<usize, DecodeError> {
    // A name of Stripe's is a text without escapes; what is none is not repeated.
    let name = name.and_then(|name| name.decode::<&str>("a text").ok());
    expected.iter().position(|expected| name == Some(*expected)).ok_or_else(|| {
        let name = name.filter(|name| crate::catalog::object(name).is_some());
        DecodeError::other_object(name.map(str::to_owned), expected)
    })
}

/// What the expansion needs of one variant of an enum over views.
#[expect(missing_debug_implementations, reason = "only expanded code has one")]
pub struct Variant<T> {
    /// The place that the view is of.
    pub place: SchemaPath,
    /// Those of its fields that some event lacks.
    pub sparse_fields: &'static [SparseField],
    /// Reads the view.
    pub read: fn(Json<'_>) -> Result<T, DecodeError>,
}

/// Describes a variant. The bound is what a type that is no view violates.
pub const fn variant<V: View>() -> Variant<V> {
    Variant { place: V::PLACES[0], sparse_fields: V::SPARSE_FIELDS, read: V::read }
}

/// What a type with parameters must read in a view of previous attributes, where a constant cannot say it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from previous attributes",
    label = "reads more than what changed",
    note = "of an object the previous attributes have only the keys that changed, and null for those that were not set: use views that are `previous`, and maps of `Option<…>`"
)]
pub trait ReadsPrevious<S: Shape>: FromStripe<S> {}

#[diagnostic::do_not_recommend]
impl<S: Shape, T: FromStripe<S>> ReadsPrevious<S> for T {}

/// What a payload must be besides: it moves to the handler's thread.
pub trait Sendable: Send + 'static {}

impl<T: Send + 'static> Sendable for T {}
