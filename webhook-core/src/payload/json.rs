//! JSON that is read field by field, without building what is not needed.

mod check;
mod ends;
mod names;
mod parts;
mod scan;

use std::fmt;

use serde::Deserialize;

use crate::{DecodeError, RawJson};
pub(super) use check::check;
pub(super) use ends::Ends;
use names::Names;
use parts::Parts;

/// The maximum nesting of objects and arrays, which is serde_json's as well. Without it, the sender could make a type that
/// contains itself recurse until the stack overflows and the process ends.
const MOST_LEVELS: u8 = 127;

/// The maximum total size of nested views, in units of 16 bytes: 96 KiB. Without optimisation, reading a view takes eight
/// times its size on the stack, and the runtime's threads have 2 MiB each. A view of a whole charge has 9 KiB.
const MOST_ROOM: u16 = 96 * 64;

/// The text of one JSON value, not yet parsed.
///
/// A type reads itself from it: see [`FromStripe`](crate::FromStripe).
#[derive(Clone, Copy)]
pub struct Json<'a> {
    text: &'a str,
    /// The number of objects and arrays around it.
    depth: u8,
    /// The maximum size of the views inside it, in units of 16 bytes.
    room: u16,
    /// Whether it is known to be a text without escapes.
    is_plain_text: bool,
    /// The whole value, if it is known to be valid JSON.
    raw: Option<&'a RawJson>,
}

impl<'a> Json<'a> {
    /// Takes the text of one complete JSON value.
    ///
    /// The text should be valid JSON, as an event's object is, which was checked when the event was parsed. Malformed text
    /// is an error only in the parts that are read.
    pub fn new(text: &'a str) -> Self {
        Self { text: text.trim_ascii(), depth: 0, room: MOST_ROOM, is_plain_text: false, raw: None }
    }

    /// Takes the text of valid JSON, from which parts are read faster.
    pub(crate) fn of_raw(text: &'a str, raw: &'a RawJson) -> Self {
        Self { raw: Some(raw), ..Self::new(text) }
    }

    /// Returns the text as it was sent.
    pub fn as_str(self) -> &'a str {
        self.text
    }

    /// Tells whether the value is `null`.
    pub fn is_null(self) -> bool {
        self.text == "null"
    }

    /// Tells whether the value is a text.
    pub fn is_text(self) -> bool {
        self.text.starts_with('"')
    }

    /// Decodes a value without named parts: a text, a number, `true`.
    ///
    /// # Errors
    ///
    /// Fails if the value is not a `T`. The error says that it is not `expected`, and nothing about the value.
    pub fn decode<T: Deserialize<'a>>(self, expected: &'static str) -> Result<T, DecodeError> {
        serde_json::from_str(self.text).map_err(|error| match DecodeError::of_depth(&error) {
            Some(too_deep) => too_deep,
            None => DecodeError::expected(expected),
        })
    }

    /// Decodes a text.
    ///
    /// # Errors
    ///
    /// Fails as [`decode`](Self::decode) does.
    pub(crate) fn string(self, expected: &'static str) -> Result<String, DecodeError> {
        match self.plain_text() {
            Some(text) => Ok(text.to_owned()),
            None => self.decode(expected),
        }
    }

    /// Returns the text, if it is known to be one without escapes.
    pub(crate) fn plain_text(self) -> Option<&'a str> {
        if self.is_plain_text { self.text.get(1..self.text.len() - 1) } else { None }
    }

    /// Decodes a whole number.
    ///
    /// # Errors
    ///
    /// Fails as [`decode`](Self::decode) does.
    pub(crate) fn integer<T: TryFrom<u64> + Deserialize<'a>>(
        self,
        expected: &'static str,
    ) -> Result<T, DecodeError> {
        // Most numbers are written with digits alone. Two that JSON writes otherwise are left to serde_json: one that
        // begins with 0, which is not JSON, and -0, which is not a whole number.
        let digits = match self.text.as_bytes() {
            [b'0'] | [b'1'..=b'9', ..] => self.text.parse().ok(),
            _ => None,
        };
        match digits.and_then(|number: u64| T::try_from(number).ok()) {
            Some(number) => Ok(number),
            None => self.decode(expected),
        }
    }

    /// Decodes `true` or `false`.
    ///
    /// # Errors
    ///
    /// Fails as [`decode`](Self::decode) does.
    pub(crate) fn boolean(self, expected: &'static str) -> Result<bool, DecodeError> {
        match self.text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(DecodeError::expected(expected)),
        }
    }

    /// Makes a part of this value. `is_plain_text` is believed only of valid JSON, where control characters have escapes.
    fn part(self, text: &'a str, is_plain_text: bool) -> Self {
        Self {
            text,
            depth: self.depth.saturating_add(1),
            is_plain_text: is_plain_text && self.raw.is_some(),
            ..self
        }
    }

    /// Returns the text. `None` if the value is something else.
    pub(crate) fn text(self) -> Option<String> {
        if self.is_text() { self.string("a text").ok() } else { None }
    }

    /// Reserves room for a value of `size` bytes that is read from this one, so that less is left for the values inside.
    ///
    /// # Errors
    ///
    /// Fails if no room is left, because the values are nested too deeply.
    pub(crate) fn take_room(self, size: usize) -> Result<Self, DecodeError> {
        let needed = u16::try_from(size.div_ceil(16)).unwrap_or(u16::MAX);
        // The outermost value may have any size.
        let room = if self.depth == 0 { Some(self.room) } else { self.room.checked_sub(needed) };
        Ok(Self { room: room.ok_or_else(DecodeError::too_deep)?, ..self })
    }

    /// Finds the fields of an object, in the order of `names`, and skips all other fields.
    ///
    /// # Errors
    ///
    /// Fails if the value is not an object, or if one of the fields occurs twice.
    pub(crate) fn find(
        self,
        names: &[&'static str],
        found: &mut [Option<Json<'a>>],
    ) -> Result<(), DecodeError> {
        let no_object = || DecodeError::expected("an object");
        let parts = self.parts(b'{', b'}')?.ok_or_else(no_object)?;
        fields(parts, names, found)
            .ok_or_else(no_object)?
            .map_err(|doubled| DecodeError::doubled().in_field(doubled.name))
    }

    /// As [`find`](Self::find). `None` if the value is not an object.
    pub(crate) fn find_or_place<const N: usize>(
        self,
        names: &[&'static str; N],
    ) -> Option<Result<[Option<Json<'a>>; N], Doubled<'a>>> {
        let mut found = [None; N];
        let doubled = fields(Parts::of(self, b'{', b'}')?, names, &mut found)?;
        Some(doubled.map(|()| found))
    }

    /// Finds one field of an object. `None` if the value is not an object or has no such field.
    pub(crate) fn field(self, name: &str) -> Option<Self> {
        let mut parts = Parts::of(self, b'{', b'}')?;
        while parts.advance()? {
            if parts.key()?.is(name) {
                return parts.value();
            }
            parts.skip()?;
        }
        None
    }

    /// Enters an object or array, unless it is nested too deeply. `None` if the value is something else.
    fn parts(self, open: u8, close: u8) -> Result<Option<Parts<'a>>, DecodeError> {
        if self.depth >= MOST_LEVELS {
            Err(DecodeError::too_deep())
        } else {
            Ok(Parts::of(self, open, close))
        }
    }

    /// Finds the value at a path. Keys of `metadata` may contain dots, unlike the names of Stripe's fields, so the rest of
    /// the path is tried as one key first.
    pub(crate) fn at_path(self, path: &str) -> Option<Self> {
        let (mut value, mut left) = (self, path);
        loop {
            if let Some(found) = value.field(left) {
                return Some(found);
            }
            let (step, after) = left.split_once('.')?;
            (value, left) = (value.field(step)?, after);
        }
    }

    /// Reads each element of an array.
    ///
    /// # Errors
    ///
    /// Fails if the value is not an array, or if an element cannot be read.
    pub(crate) fn elements<T>(
        self,
        read: impl Fn(Json<'a>) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let no_array = || DecodeError::expected("an array");
        let mut parts = self.parts(b'[', b']')?.ok_or_else(no_array)?;
        let mut values = Vec::new();
        while parts.advance().ok_or_else(no_array)? {
            let value = parts.value().ok_or_else(no_array)?;
            values.push(read(value).map_err(|error| error.in_element(values.len()))?);
        }
        Ok(values)
    }

    /// Reads each value of an object whose keys are chosen by the user.
    ///
    /// # Errors
    ///
    /// Fails if the value is not an object, or if one of its values cannot be read.
    pub(crate) fn entries<T, M: Default + Extend<(String, T)>>(
        self,
        read: impl Fn(Json<'a>) -> Result<T, DecodeError>,
    ) -> Result<M, DecodeError> {
        let no_object = || DecodeError::expected("an object");
        let mut parts = self.parts(b'{', b'}')?.ok_or_else(no_object)?;
        let mut entries = M::default();
        while parts.advance().ok_or_else(no_object)? {
            let key = parts.key().ok_or_else(no_object)?;
            let value = parts.value().ok_or_else(no_object)?;
            let key = self.part(key.written, key.is_plain).string("a text").map_err(DecodeError::in_entry)?;
            let value = read(value).map_err(DecodeError::in_entry)?;
            entries.extend([(key, value)]);
        }
        Ok(entries)
    }
}

/// A field that occurs twice in an object.
pub(crate) struct Doubled<'a> {
    name: &'static str,
    /// The key of the second, as it was sent.
    pub(crate) key: &'a str,
}

/// Finds fields among the parts of an object. `None` if it is malformed.
fn fields<'a>(
    mut parts: Parts<'a>,
    names: &[&'static str],
    found: &mut [Option<Json<'a>>],
) -> Option<Result<(), Doubled<'a>>> {
    let mut names = Names::new(names);
    while parts.advance()? {
        let key = parts.key()?;
        let Some(at) = names.position(key) else {
            parts.skip()?;
            continue;
        };
        if found[at].replace(parts.value()?).is_some() {
            return Some(Err(Doubled { name: names.name(at), key: key.written }));
        }
    }
    Some(Ok(()))
}

/// Shows the size; the content is personal data.
impl fmt::Debug for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({} bytes)", self.text.len())
    }
}

#[cfg(test)]
mod tests;
