//! JSON that is read field by field, building nothing that nobody asked for.

use std::fmt;

use serde::Deserialize;

use crate::DecodeError;

/// The text of one JSON value, not yet looked into.
///
/// What a type reads itself from: see [`Reads`](crate::Reads).
#[derive(Clone, Copy)]
pub struct Json<'a>(&'a str);

impl<'a> Json<'a> {
    /// Takes the text of one whole JSON value.
    ///
    /// It should be JSON, as an event's object is, which was checked as a whole when it came: what is malformed shows
    /// where it is read, and not in what nobody reads.
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
        let no_object = || DecodeError::expected("an object");
        let mut parts = Parts::of(self.0, b'{', b'}').ok_or_else(no_object)?;
        while parts.advance().ok_or_else(no_object)? {
            let (key, value) = parts.entry().ok_or_else(no_object)?;
            let Some(at) = position(names, key) else { continue };
            if found[at].replace(Json(value)).is_some() {
                return Err(DecodeError::expected("a field that stands once").in_field(names[at]));
            }
        }
        Ok(())
    }

    /// Finds one field of an object. `None` if the value is no object or has no such field.
    pub(crate) fn field(self, name: &str) -> Option<Self> {
        let mut parts = Parts::of(self.0, b'{', b'}')?;
        while parts.advance()? {
            let (key, value) = parts.entry()?;
            if position(&[name], key).is_some() {
                return Some(Json(value));
            }
        }
        None
    }

    /// Finds what stands at a path. The names of Stripe's fields hold no dot and keys of `metadata` may, so what is
    /// left of the path is looked for as one key first.
    pub(crate) fn at_path(self, path: &str) -> Option<Self> {
        self.field(path).or_else(|| {
            let (step, left) = path.split_once('.')?;
            self.field(step)?.at_path(left)
        })
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
        let mut parts = Parts::of(self.0, b'[', b']').ok_or_else(no_array)?;
        let mut values = Vec::new();
        while parts.advance().ok_or_else(no_array)? {
            let value = parts.value().ok_or_else(no_array)?;
            values.push(read(Json(value)).map_err(|error| error.in_element(values.len()))?);
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
        let mut parts = Parts::of(self.0, b'{', b'}').ok_or_else(no_object)?;
        let mut entries = M::default();
        while parts.advance().ok_or_else(no_object)? {
            let (key, value) = parts.entry().ok_or_else(no_object)?;
            let key = Json(key).decode("a text").map_err(DecodeError::in_entry)?;
            let value = read(Json(value)).map_err(DecodeError::in_entry)?;
            entries.extend([(key, value)]);
        }
        Ok(entries)
    }
}

/// Shows the size: the content is a customer's data.
impl fmt::Debug for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({} bytes)", self.0.len())
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

/// The parts of an object or array, one after the other. Every step gives nothing where the text is malformed.
///
/// A part that nobody reads costs a look at its quotes and brackets, and no stack however deep it is.
struct Parts<'a> {
    text: &'a str,
    at: usize,
    close: u8,
    first: bool,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str, open: u8, close: u8) -> Option<Self> {
        (text.as_bytes().first() == Some(&open)).then_some(Self { text, at: 1, close, first: true })
    }

    /// Moves to the next part; false at the end, behind which nothing may stand.
    fn advance(&mut self) -> Option<bool> {
        self.blanks();
        let first = std::mem::replace(&mut self.first, false);
        match self.byte()? {
            byte if byte == self.close => {
                self.at += 1;
                self.blanks();
                (self.at == self.text.len()).then_some(false)
            }
            b',' if !first => {
                self.at += 1;
                self.blanks();
                Some(true)
            }
            _ => first.then_some(true),
        }
    }

    /// Takes a key as it is written, and its value.
    fn entry(&mut self) -> Option<(&'a str, &'a str)> {
        let key = self.value().filter(|key| key.starts_with('"'))?;
        self.blanks();
        if self.byte()? != b':' {
            return None;
        }
        self.at += 1;
        self.blanks();
        Some((key, self.value()?))
    }

    fn value(&mut self) -> Option<&'a str> {
        let start = self.at;
        match self.byte()? {
            b'"' => self.skip_text()?,
            b'{' | b'[' => self.skip_nested()?,
            _ => {
                let rest = &self.text.as_bytes()[start..];
                let length = rest.iter().position(|byte| b",:]} \t\r\n".contains(byte)).unwrap_or(rest.len());
                self.at += length;
            }
        }
        self.text.get(start..self.at).filter(|value| !value.is_empty())
    }

    fn skip_text(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            let rest = self.text.as_bytes().get(self.at..)?;
            let found = memchr::memchr2(b'"', b'\\', rest)?;
            if rest[found] == b'"' {
                self.at += found + 1;
                return Some(());
            }
            self.at += found + 2;
        }
    }

    fn skip_nested(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.byte()? {
                b'"' => {
                    self.skip_text()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn blanks(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}
