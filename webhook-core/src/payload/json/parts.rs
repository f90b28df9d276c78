//! The parts of an object or array, without building them.

use super::Json;
use super::ends::{end_of_text, looked_at};

/// Iterates over the parts of an object or array. Every step returns nothing if the text is malformed.
///
/// A part that is not read costs a scan for quotes and brackets, and no stack, however deeply it is nested.
pub(super) struct Parts<'a> {
    whole: Json<'a>,
    text: &'a str,
    at: usize,
    close: u8,
    first: bool,
}

impl<'a> Parts<'a> {
    /// Begins with an object (`{`, `}`) or array (`[`, `]`).
    pub(super) fn of(whole: Json<'a>, open: u8, close: u8) -> Option<Self> {
        let text = whole.text;
        (text.as_bytes().first() == Some(&open)).then_some(Self { whole, text, at: 1, close, first: true })
    }

    /// Moves to the next part. False at the end, after which nothing may follow.
    pub(super) fn advance(&mut self) -> Option<bool> {
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

    /// Takes a key as it was sent, and its value.
    pub(super) fn entry(&mut self) -> Option<(&'a str, Json<'a>)> {
        let key = self.value()?.text;
        if !key.starts_with('"') {
            return None;
        }
        self.blanks();
        if self.byte()? != b':' {
            return None;
        }
        self.at += 1;
        self.blanks();
        Some((key, self.value()?))
    }

    /// Takes a value.
    pub(super) fn value(&mut self) -> Option<Json<'a>> {
        let start = self.at;
        match self.byte()? {
            b'"' => self.skip_text()?,
            b'{' | b'[' => self.skip_nested()?,
            _ => {
                let rest = &self.text.as_bytes()[start..];
                let length = rest.iter().position(|byte| b",:]} \t\r\n".contains(byte)).unwrap_or(rest.len());
                looked_at(length);
                self.at += length;
            }
        }
        let text = self.text.get(start..self.at).filter(|value| !value.is_empty())?;
        Some(Json {
            text,
            start: self.start_of(start),
            depth: self.whole.depth.saturating_add(1),
            ..self.whole
        })
    }

    fn skip_text(&mut self) -> Option<()> {
        self.at = end_of_text(self.text.as_bytes(), self.at)?;
        Some(())
    }

    fn skip_nested(&mut self) -> Option<()> {
        if let Some(end) = self.whole.ends.and_then(|ends| ends.of_what_begins_at(self.start_of(self.at))) {
            self.at = end.checked_sub(self.whole.start)? as usize;
            return Some(());
        }
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

    /// The position of a part in the whole value. A text too long for this type has no ends, so it is never used.
    fn start_of(&self, at: usize) -> u32 {
        self.whole.start.saturating_add(u32::try_from(at).unwrap_or(u32::MAX))
    }

    fn blanks(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn byte(&self) -> Option<u8> {
        looked_at(1);
        self.text.as_bytes().get(self.at).copied()
    }
}
