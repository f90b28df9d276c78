//! The parts of an object or array, without building them.

use super::Json;
use super::names::Key;
use super::scan::{behind_blanks, behind_spaces, end_of_text, looked_at};

/// Iterates over the parts of an object or array. Every step returns nothing if the text is malformed.
///
/// A part that is not read costs a scan for quotes and brackets, and no stack, however deeply it is nested.
pub(super) struct Parts<'a> {
    whole: Json<'a>,
    bytes: &'a [u8],
    at: usize,
    close: u8,
    first: bool,
}

impl<'a> Parts<'a> {
    /// Begins with an object (`{`, `}`) or array (`[`, `]`).
    pub(super) fn of(whole: Json<'a>, open: u8, close: u8) -> Option<Self> {
        let bytes = whole.text.as_bytes();
        (bytes.first() == Some(&open)).then_some(Self { whole, bytes, at: 1, close, first: true })
    }

    /// Moves to the next part. False at the end, after which nothing may follow.
    pub(super) fn advance(&mut self) -> Option<bool> {
        self.blanks();
        let first = std::mem::replace(&mut self.first, false);
        match self.byte()? {
            byte if byte == self.close => {
                self.at += 1;
                self.blanks();
                (self.at == self.bytes.len()).then_some(false)
            }
            b',' if !first => {
                self.at += 1;
                self.blanks();
                Some(true)
            }
            _ => first.then_some(true),
        }
    }

    /// Takes a key, and leaves its value to be taken.
    pub(super) fn key(&mut self) -> Option<Key<'a>> {
        let start = self.at;
        if self.byte()? != b'"' {
            return None;
        }
        let is_plain = self.skip_text()?;
        let key = Key { written: self.whole.text.get(start..self.at)?, is_plain };
        if self.byte()? != b':' {
            self.blanks();
            if self.byte()? != b':' {
                return None;
            }
        }
        self.at += 1;
        self.blanks();
        Some(key)
    }

    /// Takes a value.
    pub(super) fn value(&mut self) -> Option<Json<'a>> {
        let start = self.at;
        let is_plain_text = self.skip()?;
        Some(self.whole.part(self.whole.text.get(start..self.at)?, is_plain_text))
    }

    /// Moves behind a value. Tells whether it is a text without escapes.
    pub(super) fn skip(&mut self) -> Option<bool> {
        match self.byte()? {
            b'"' => return self.skip_text(),
            b'{' | b'[' => self.skip_nested()?,
            _ => {
                let is_end =
                    |byte: &u8| matches!(byte, b',' | b':' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n');
                let rest = self.bytes.get(self.at..)?;
                let length = rest.iter().position(is_end).unwrap_or(rest.len());
                looked_at(length);
                self.at += length;
                return (length > 0).then_some(false);
            }
        }
        Some(false)
    }

    /// Moves behind a text. Tells whether it has no escapes.
    fn skip_text(&mut self) -> Option<bool> {
        let (end, is_plain) = end_of_text(self.bytes, self.at)?;
        self.at = end;
        Some(is_plain)
    }

    fn skip_nested(&mut self) -> Option<()> {
        if let Some(end) = self.whole.raw.and_then(|raw| raw.length_of_what_begins(&self.bytes[self.at..])) {
            self.at += end;
            return Some(());
        }
        let (mut at, mut depth) = (self.at, 0_usize);
        loop {
            looked_at(1);
            match *self.bytes.get(at)? {
                b'"' => {
                    (at, _) = end_of_text(self.bytes, at)?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                b'\n' => {
                    at = behind_spaces(self.bytes, at + 1);
                    continue;
                }
                _ => {}
            }
            at += 1;
            if depth == 0 {
                self.at = at;
                return Some(());
            }
        }
    }

    #[inline]
    fn blanks(&mut self) {
        self.at = behind_blanks(self.bytes, self.at);
    }

    fn byte(&self) -> Option<u8> {
        looked_at(1);
        self.bytes.get(self.at).copied()
    }
}
