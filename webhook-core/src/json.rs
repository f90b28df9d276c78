//! JSON that is read field by field, building nothing that nobody asked for.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::DecodeError;

/// The text of one JSON value, not yet looked into.
///
/// What a type reads itself from: see [`Reads`](crate::Reads).
#[derive(Clone, Copy)]
pub struct Json<'a>(&'a str);

impl<'a> Json<'a> {
    /// Takes the text of one whole JSON value. What is no JSON shows when it is read.
    pub fn new(text: &'a str) -> Self {
        Self(text.trim_ascii())
    }

    /// Returns the text as it was sent.
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// Tells whether the value is `null`.
    pub fn is_null(self) -> bool {
        self.0 == "null"
    }

    /// Tells whether the value is a text.
    pub fn is_text(self) -> bool {
        self.0.starts_with('"')
    }

    /// Decodes a value that has no parts with names of their own: a text, a number, `true`.
    ///
    /// # Errors
    ///
    /// Says that the value is not `expected`, and nothing of the value.
    pub fn decode<T: Deserialize<'a>>(self, expected: &'static str) -> Result<T, DecodeError> {
        serde_json::from_str(self.0).map_err(|_| DecodeError::expected(expected))
    }

    /// Finds the fields of an object, in the order of `names`, and skips all others.
    ///
    /// # Errors
    ///
    /// Fails if the value is no object, or one of the fields stands twice.
    pub(crate) fn find(
        self,
        names: &[&'static str],
        found: &mut [Option<Json<'a>>],
    ) -> Result<(), DecodeError> {
        let mut repeated = None;
        let fields = Fields { names, found, repeated: &mut repeated };
        match self.visit(fields) {
            Ok(()) => Ok(()),
            Err(_) => Err(match repeated {
                Some(name) => DecodeError::expected("a field that stands once").in_field(name),
                None => DecodeError::expected("an object"),
            }),
        }
    }

    /// Reads each element of an array.
    ///
    /// # Errors
    ///
    /// Fails if the value is no array, or an element cannot be read.
    pub(crate) fn elements<T>(
        self,
        read: impl Fn(Json<'a>) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let mut raw: Vec<&RawValue> = self.decode("an array")?;
        raw.drain(..)
            .enumerate()
            .map(|(at, raw)| read(Json(raw.get())).map_err(|error| error.in_element(at)))
            .collect()
    }

    /// Reads each value of an object whose keys are the user's.
    ///
    /// # Errors
    ///
    /// Fails if the value is no object, or one of its values cannot be read.
    pub(crate) fn entries<T, M: Default + Extend<(String, T)>>(
        self,
        read: impl Fn(Json<'a>) -> Result<T, DecodeError>,
    ) -> Result<M, DecodeError> {
        let mut entries = M::default();
        let mut failed = None;
        let visited = self.visit(Entries { entries: &mut entries, read, failed: &mut failed });
        match (visited, failed) {
            (Ok(()), _) => Ok(entries),
            (Err(_), Some(error)) => Err(error),
            (Err(_), None) => Err(DecodeError::expected("an object")),
        }
    }

    fn visit<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, serde_json::Error> {
        let mut json = serde_json::Deserializer::from_str(self.0);
        let value = json.deserialize_map(visitor)?;
        json.end()?;
        Ok(value)
    }
}

/// Shows the size: the content is a customer's data.
impl fmt::Debug for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({} bytes)", self.0.len())
    }
}

struct Fields<'f, 'a> {
    names: &'f [&'static str],
    found: &'f mut [Option<Json<'a>>],
    repeated: &'f mut Option<&'static str>,
}

impl<'a> Visitor<'a> for Fields<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(wanted) = map.next_key_seed(OneOf(self.names))? {
            let Some(at) = wanted else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if self.found[at].is_some() {
                *self.repeated = Some(self.names[at]);
                return Err(A::Error::custom("repeated"));
            }
            self.found[at] = Some(Json(map.next_value::<&RawValue>()?.get()));
        }
        Ok(())
    }
}

/// A key: which of the names it is.
struct OneOf<'f>(&'f [&'static str]);

impl<'a> DeserializeSeed<'a> for OneOf<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for OneOf<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|name| *name == key))
    }
}

struct Entries<'f, M, R> {
    entries: &'f mut M,
    read: R,
    failed: &'f mut Option<DecodeError>,
}

impl<'a, T, M: Extend<(String, T)>, R: Fn(Json<'a>) -> Result<T, DecodeError>> Visitor<'a>
    for Entries<'_, M, R>
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
            match (self.read)(Json(value.get())) {
                Ok(value) => self.entries.extend([(key, value)]),
                Err(error) => {
                    *self.failed = Some(error.in_entry());
                    return Err(A::Error::custom("unreadable"));
                }
            }
        }
        Ok(())
    }
}
