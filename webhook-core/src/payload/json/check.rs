//! Whether a text is JSON (RFC 8259), in one pass that builds nothing but the ends of its objects and arrays.

use std::ops::Range;

use super::MOST_LEVELS;
use super::ends::Ends;
use super::scan::{behind_blanks, end_of_checked_text, looked_at};

/// Checks that a text is one JSON value, however deeply nested. It accepts what serde_json skips: a number of any size,
/// and an escape of half a character.
///
/// # Errors
///
/// Returns the position of the first byte that does not fit. A text of 4 GiB and more does not.
pub(crate) fn check(text: &str) -> Result<Ends, usize> {
    let mut check = Check {
        bytes: text.as_bytes(),
        at: 0,
        open: Vec::with_capacity(16),
        places: [0; LEVELS],
        ends: Vec::with_capacity(64),
    };
    if u32::try_from(text.len()).is_err() {
        return Err(u32::MAX as usize);
    }
    check.blanks();
    match check.values() {
        Some(()) => Ok(Ends(check.ends)),
        None => Err(check.at),
    }
}

/// The levels whose ends are noted: those that can be read, and the two around an event's object.
const LEVELS: usize = MOST_LEVELS as usize + 2;

struct Check<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the objects and arrays around the place begin. There may be as many as the text has bytes.
    open: Vec<u32>,
    /// Their positions among the ends.
    places: [usize; LEVELS],
    ends: Vec<Range<u32>>,
}

impl Check<'_> {
    /// Moves behind the whole value. Stops at the first byte that does not fit, as each step does.
    fn values(&mut self) -> Option<()> {
        loop {
            match self.bytes.get(self.at)? {
                b'"' => self.text()?,
                b'{' => {
                    self.enter();
                    if self.bytes.get(self.at)? != &b'}' {
                        self.key()?;
                        continue;
                    }
                }
                b'[' => {
                    self.enter();
                    if self.bytes.get(self.at)? != &b']' {
                        continue;
                    }
                }
                b't' => self.word(b"true")?,
                b'f' => self.word(b"false")?,
                b'n' => self.word(b"null")?,
                b'-' | b'0'..=b'9' => self.number()?,
                _ => return None,
            }
            if self.leave()? {
                return Some(());
            }
        }
    }

    /// Moves from behind a value to the next one, out of each object and array that ends. True at the end of the text.
    fn leave(&mut self) -> Option<bool> {
        loop {
            self.blanks();
            let Some(&open) = self.open.last() else {
                return (self.at == self.bytes.len()).then_some(true);
            };
            let is_object = self.bytes[open as usize] == b'{';
            match (self.bytes.get(self.at)?, is_object) {
                (b',', _) => {
                    self.at += 1;
                    self.blanks();
                    if is_object {
                        self.key()?;
                    }
                    return Some(false);
                }
                (b'}', true) | (b']', false) => {
                    self.at += 1;
                    self.open.pop();
                    if let Some(place) = self.places.get(self.open.len()) {
                        self.ends[*place].end = self.at as u32;
                    }
                }
                _ => return None,
            }
        }
    }

    #[inline]
    fn enter(&mut self) {
        if let Some(place) = self.places.get_mut(self.open.len()) {
            *place = self.ends.len();
            self.ends.push(self.at as u32..0);
        }
        self.open.push(self.at as u32);
        self.at += 1;
        self.blanks();
    }

    /// Moves behind a key and its colon.
    #[inline]
    fn key(&mut self) -> Option<()> {
        if self.bytes.get(self.at)? != &b'"' {
            return None;
        }
        self.text()?;
        if self.bytes.get(self.at)? != &b':' {
            self.blanks();
            if self.bytes.get(self.at)? != &b':' {
                return None;
            }
        }
        self.at += 1;
        self.blanks();
        Some(())
    }

    #[inline]
    fn text(&mut self) -> Option<()> {
        match end_of_checked_text(self.bytes, self.at) {
            Ok(end) => {
                self.at = end;
                Some(())
            }
            Err(at) => {
                self.at = at;
                None
            }
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let is_here = self.bytes[self.at..].starts_with(word);
        self.at += if is_here { word.len() } else { 0 };
        is_here.then_some(())
    }

    fn number(&mut self) -> Option<()> {
        self.at += usize::from(self.bytes[self.at] == b'-');
        if self.bytes.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            self.at += usize::from(matches!(self.bytes.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        Some(())
    }

    /// Moves behind digits, of which there must be one.
    fn digits(&mut self) -> Option<()> {
        let before = self.at;
        while let Some(b'0'..=b'9') = self.bytes.get(self.at) {
            self.at += 1;
        }
        looked_at(self.at - before);
        (self.at > before).then_some(())
    }

    #[inline]
    fn blanks(&mut self) {
        self.at = behind_blanks(self.bytes, self.at);
    }
}

#[cfg(test)]
mod tests;
