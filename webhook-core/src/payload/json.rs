//! JSON that is read field by field, building nothing that nobody asked for.

mod ends;
mod parts;

use std::fmt;

use serde::Deserialize;

use crate::DecodeError;
pub(crate) use ends::Ends;
use parts::Parts;

/// How many objects and arrays, one in the other, are read; serde_json reads as many. A type that reads itself inside
/// itself would otherwise go as deep as the sender wants, until the stack ends and the process with it.
const MOST_LEVELS: u8 = 127;

/// How large the views may be together that are read one in the other, in units of 16 bytes: 96 KiB. On its way a view
/// takes eight times its size of the stack where nothing is optimised, and the runtime's threads have 2 MiB each. A
/// ready-made charge has 9 KiB.
const MOST_ROOM: u16 = 96 * 64;

/// The text of one JSON value, not yet looked into.
///
/// What a type reads itself from: see [`FromStripe`](crate::FromStripe).
#[derive(Clone, Copy)]
pub struct Json<'a> {
    text: &'a str,
    /// Where it begins in the whole value.
    start: u32,
    /// How many objects and arrays it stands in.
    depth: u8,
    /// How large the views may be that are still to be read in it, in units of 16 bytes.
    room: u16,
    /// Where the objects and arrays in the whole value end, if that is known.
    ends: Option<&'a Ends>,
}

impl<'a> Json<'a> {
    /// Takes the text of one whole JSON value.
    ///
    /// It should be JSON, as an event's object is, which was checked as a whole when it came: what is malformed shows
    /// where it is read, and not in what nobody reads.
    pub fn new(text: &'a str) -> Self {
        Self { text: text.trim_ascii(), start: 0, depth: 0, room: MOST_ROOM, ends: None }
    }

    /// Takes the text of one whole JSON value, of which it is known where each part ends: then no part is looked at
    /// again for each level that it stands in.
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

    /// Decodes a value that has no parts with names of their own: a text, a number, `true`.
    ///
    /// # Errors
    ///
    /// Says that the value is not `expected`, and nothing of the value.
    pub fn decode<T: Deserialize<'a>>(self, expected: &'static str) -> Result<T, DecodeError> {
        serde_json::from_str(self.text).map_err(|error| match DecodeError::of_depth(&error) {
            Some(too_deep) => too_deep,
            None => DecodeError::expected(expected),
        })
    }

    /// Takes room for a value that is read from this one, so that what is inside has less.
    ///
    /// # Errors
    ///
    /// Fails if there is no room left: then values lie too deep in each other.
    pub(crate) fn take_room_for<T>(self) -> Result<Self, DecodeError> {
        let needed = u16::try_from(size_of::<T>().div_ceil(16)).unwrap_or(u16::MAX);
        // The outermost value may be as large as it likes.
        let room = if self.depth == 0 { Some(self.room) } else { self.room.checked_sub(needed) };
        Ok(Self { room: room.ok_or_else(DecodeError::too_deep)?, ..self })
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
        let no_object = || DecodeError::expected("an object");
        let mut parts = self.parts(b'{', b'}')?.ok_or_else(no_object)?;
        while parts.advance().ok_or_else(no_object)? {
            let (key, value) = parts.entry().ok_or_else(no_object)?;
            let Some(at) = position(names, key) else { continue };
            if found[at].replace(value).is_some() {
                return Err(DecodeError::expected("a field that stands once").in_field(names[at]));
            }
        }
        Ok(())
    }

    /// Finds one field of an object. `None` if the value is no object or has no such field.
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

    /// Goes into an object or array, unless it lies too deep. `None` if the value is something else.
    fn parts(self, open: u8, close: u8) -> Result<Option<Parts<'a>>, DecodeError> {
        if self.depth >= MOST_LEVELS {
            Err(DecodeError::too_deep())
        } else {
            Ok(Parts::of(self, open, close))
        }
    }

    /// Finds what stands at a path. The names of Stripe's fields hold no dot and keys of `metadata` may, so what is
    /// left of the path is looked for as one key first.
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
    /// Fails if the value is no array, or an element cannot be read.
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

    /// Reads each value of an object whose keys are the user's.
    ///
    /// # Errors
    ///
    /// Fails if the value is no object, or one of its values cannot be read.
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

/// Shows the size: the content is a customer's data.
impl fmt::Debug for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({} bytes)", self.text.len())
    }
}

/// Which of the names a key is, which is given as it is written, with its quotes.
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

    /// A value that holds another one of its type, and so on.
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

    /// A value of so many levels, each with something to skip before and behind the next.
    fn text(levels: usize) -> String {
        const BEFORE: &str = r#"{"before": {"a": [1, "\"]", {}]}, "inner": "#;
        let inner = r#"{"last": [true]}"#;
        BEFORE.repeat(levels - 1) + inner + &r#", "behind": [[{"b": "c"}]]}"#.repeat(levels - 1)
    }

    /// Reads a text as an event's object is read, and counts the bytes that were looked at.
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
