//! How a view reads its fields.

use crate::payload::SchemaPath;
use crate::payload::SparseField;
use crate::shape::Shape;
use crate::{DecodeError, FromStripe, Json, View};

/// What the expansion needs to know about one field of a view. It is made once per field, so that a type that cannot read
/// the field is reported once.
#[expect(missing_debug_implementations, reason = "only expanded code has one")]
pub struct Field<T> {
    /// The places that the type is a view of.
    pub places: &'static [SchemaPath],
    /// Whether the type can do without the field.
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

/// Reads a field, which may be absent.
///
/// # Errors
///
/// Fails if a required field is missing, or if the field does not fit the type.
pub fn read_field<S: Shape, T: FromStripe<S>>(
    found: Option<Json<'_>>,
    name: &'static str,
) -> Result<T, DecodeError> {
    read::<S, T>(found).map_err(|error| error.in_field(name))
}

impl<T> Field<T> {
    /// Reads the field at the end of a path whose first step has already been found.
    ///
    /// # Errors
    ///
    /// Fails if a required field is missing, or if the field does not fit the type.
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
/// Fails if the value is not an object or is nested too deeply, or if one of the fields occurs twice.
pub fn find<'a, T, const N: usize>(
    json: Json<'a>,
    names: &[&'static str; N],
) -> Result<[Option<Json<'a>>; N], DecodeError> {
    let mut found = [None; N];
    find_for(size_of::<T>(), json, names, &mut found)?;
    Ok(found)
}

/// The part of [`find`] that is compiled once for all views.
fn find_for<'a>(
    size: usize,
    json: Json<'a>,
    names: &[&'static str],
    found: &mut [Option<Json<'a>>],
) -> Result<(), DecodeError> {
    json.take_room(size)?.find(names, found)
}

/// Returns which of the expected objects this is, by its `object` field.
///
/// # Errors
///
/// Fails if it is another object, whose type the error names.
pub fn object_position(
    name: Option<Json<'_>>,
    expected: &'static [&'static str],
) -> Result<usize, DecodeError> {
    // The names of Stripe's objects contain no escapes. A name that is not one of them is not repeated.
    let name = name.and_then(|name| name.plain_text().or_else(|| name.decode("a text").ok()));
    expected.iter().position(|expected| name == Some(*expected)).ok_or_else(|| {
        let name = name.filter(|name| crate::catalog::object(name).is_some());
        DecodeError::other_object(name.map(str::to_owned), expected)
    })
}

/// What the expansion needs to know about one variant of an enum over views.
#[expect(missing_debug_implementations, reason = "only expanded code has one")]
pub struct Variant<T> {
    /// The place that the view is made for.
    pub place: SchemaPath,
    /// Its fields that some events lack.
    pub sparse_fields: &'static [SparseField],
    /// Reads the view.
    pub read: fn(Json<'_>) -> Result<T, DecodeError>,
}

/// Describes a variant. A type that is not a view violates the bound.
pub const fn variant<V: View>() -> Variant<V> {
    Variant { place: V::PLACES[0], sparse_fields: V::SPARSE_FIELDS, read: V::read }
}

/// The bound on a type with parameters in a view of previous attributes, which a constant cannot describe.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from previous attributes",
    label = "reads more than what changed",
    note = "the previous attributes contain only the keys of an object that changed, and null for those that were not set: use views that are `previous`, and maps of `Option<…>`"
)]
pub trait ReadsPrevious<S: Shape>: FromStripe<S> {}

#[diagnostic::do_not_recommend]
impl<S: Shape, T: FromStripe<S>> ReadsPrevious<S> for T {}

/// The bound on a payload, which moves to the handler's thread.
pub trait Sendable: Send + 'static {}

impl<T: Send + 'static> Sendable for T {}
