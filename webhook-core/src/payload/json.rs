//! JSON that is read field by field, without building what is not needed.

mod ends;
mod parts;

use std::fmt;

use serde::Deserialize;

use crate::DecodeError;
pub(crate) use ends::Ends;
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
    /// Its position in the whole value.
    start: u32,
    /// The number of objects and arrays around it.
    depth: u8,
    /// The maximum size of the views inside it, in units of 16 bytes.
    room: u16,
    /// The ends of the objects and arrays in the whole value, if they are known.
    ends: Option<&'a Ends>,
}

impl<'a> Json<'a> {
    /// Takes the text of one complete JSON value.
    ///
    /// The text should be valid JSON, as an event's object is, which was checked when the event was parsed. Malformed text
    /// is an error only in the parts that are read.
    pub fn new(text: &'a str) -> Self {
        Self { text: text.trim_ascii(), start: 0, depth: 0, room: MOST_ROOM, ends: None }
    }

    /// Takes the text of one complete JSON value and the ends of its parts, so that no part is scanned again for each level
    /// around it.
    pub(crate) fn with_ends(text: &'a str, ends: &'a Ends) -> Self {
        Self { ends: Some(ends), ..Self::new(text) }
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

    /// Reserves room for a value that is read from this one, so that less is left for the values inside.
    ///
    /// # Errors
    ///
    /// Fails if no room is left, because the values are nested too deeply.
    pub(crate) fn take_room_for<T>(self) -> Result<Self, DecodeError> {
        let needed = u16::try_from(size_of::<T>().div_ceil(16)).unwrap_or(u16::MAX);
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
        let mut parts = self.parts(b'{', b'}')?.ok_or_else(no_object)?;
        while parts.advance().ok_or_else(no_object)? {
            let (key, value) = parts.entry().ok_or_else(no_object)?;
            let Some(at) = position(names, key) else { continue };
            if found[at].replace(value).is_some() {
                return Err(DecodeError::doubled().in_field(names[at]));
            }
        }
        Ok(())
    }

    /// Finds one field of an object. `None` if the value is not an object or has no such field.
    pub(crate) fn field(self, name: &str) -> Option<Self> {
        let mut parts = Parts::of(self, b'{', b'}')?;
        while parts.advance()? {
            let (key, value) = parts.entry()?;
            if position(&[name], key).is_some() {
                return Some(value);
            }
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
            let (key, value) = parts.entry().ok_or_else(no_object)?;
            let key = Json::new(key).decode("a text").map_err(DecodeError::in_entry)?;
            let value = read(value).map_err(DecodeError::in_entry)?;
            entries.extend([(key, value)]);
        }
        Ok(entries)
    }
}

/// Shows the size; the content is personal data.
impl fmt::Debug for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({} bytes)", self.text.len())
    }
}

/// Finds a key among the names. The key is as it was sent, with its quotes.
fn position(names: &[&str], key: &str) -> Option<usize> {
    let written = key.strip_prefix('"')?.strip_suffix('"')?;
    if !written.contains('\\') {
        return names.iter().position(|name| *name == written);
    }
    let key: String = serde_json::from_str(key).ok()?;
    names.iter().position(|name| *name == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value that contains another one of its type, and so on.
    struct Nested(Option<Box<Nested>>);

    impl Nested {
        fn read(json: Json<'_>) -> Result<Self, DecodeError> {
            let mut found = [None];
            json.find(&["inner"], &mut found)?;
            found[0].map(|inner| Self::read(inner).map(Box::new)).transpose().map(Self)
        }

        fn levels(&self) -> usize {
            1 + self.0.as_ref().map_or(0, |inner| inner.levels())
        }
    }

    /// A value with this many levels, each with something to skip before and after the next.
    fn text(levels: usize) -> String {
        const BEFORE: &str = r#"{"before": {"a": [1, "\"]", {}]}, "inner": "#;
        let inner = r#"{"last": [true]}"#;
        BEFORE.repeat(levels - 1) + inner + &r#", "behind": [[{"b": "c"}]]}"#.repeat(levels - 1)
    }

    /// Reads a text as an event's object is read, and counts the bytes that were scanned.
    fn read(text: &str) -> (Result<usize, DecodeError>, usize) {
        ends::LOOKED_AT.set(0);
        let ends = Ends::of(text);
        let read = Nested::read(Json::with_ends(text, &ends)).map(|nested| nested.levels());
        (read, ends::LOOKED_AT.get())
    }

    #[test]
    fn each_byte_is_looked_at_a_few_times_however_deep_it_lies() {
        for levels in [1, 2, 8, 32, 126, 127] {
            let text = text(levels);
            let (read, looked_at) = read(&text);
            assert_eq!(read, Ok(levels));
            assert!(looked_at <= 5 * text.len(), "{levels} levels: {looked_at} of {} bytes", text.len());
        }
        for levels in [128, 6_000, 20_000] {
            let text = text(levels);
            let (read, looked_at) = read(&text);
            assert_eq!(
                read.unwrap_err().to_string().split(", at ").next(),
                Some(TOO_DEEP),
                "{levels} levels"
            );
            assert!(looked_at <= 5 * text.len(), "{levels} levels: {looked_at} of {} bytes", text.len());
        }
    }

    const TOO_DEEP: &str = "the object is nested too deeply for the types that read it";

    #[test]
    fn without_the_ends_a_value_reads_the_same() {
        for levels in [1, 2, 126, 127, 128] {
            let text = text(levels);
            let plain = Nested::read(Json::new(&text)).map(|nested| nested.levels());
            assert_eq!(read(&text).0, plain, "{levels} levels");
        }
    }

    #[test]
    fn malformed_text_has_no_ends_that_mislead() {
        for text in [
            "",
            "{",
            "}",
            "[}",
            "{]",
            "{\"a",
            "[[[",
            "]]]",
            "{\"inner\": {",
            "{\"inner\": {}",
            "{\"inner\": [}}",
        ] {
            let ends = Ends::of(text);
            let with_ends = Nested::read(Json::with_ends(text, &ends)).map(|nested| nested.levels());
            let plain = Nested::read(Json::new(text)).map(|nested| nested.levels());
            assert_eq!(with_ends, plain, "{text}");
        }
    }
}
