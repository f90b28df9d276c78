//! The fields that are looked for in an object.

use std::borrow::Cow;

/// A key as it was sent, with its quotes.
#[derive(Clone, Copy)]
pub(super) struct Key<'a> {
    pub(super) written: &'a str,
    /// Whether it has no escapes.
    pub(super) is_plain: bool,
}

impl Key<'_> {
    /// Returns what it says. `None` if an escape in it is not a character.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        match self.plain() {
            Some(plain) => Some(Cow::Borrowed(plain)),
            None => serde_json::from_str(self.written).ok().map(Cow::Owned),
        }
    }

    /// Tells whether it is this name.
    pub(super) fn is(&self, name: &str) -> bool {
        self.text().is_some_and(|text| text == name)
    }

    fn plain(&self) -> Option<&str> {
        if self.is_plain { self.written.get(1..self.written.len() - 1) } else { None }
    }
}

/// Finds keys among names. Keys that come in the order of the names are found at once.
pub(super) struct Names<'n> {
    names: &'n [&'static str],
    /// A bit for the length and first letter of each name. Most of the other keys lack theirs.
    hints: u64,
    /// The position after that of the last key that was found.
    next: usize,
}

impl<'n> Names<'n> {
    pub(super) fn new(names: &'n [&'static str]) -> Self {
        Self { names, hints: names.iter().fold(0, |hints, name| hints | hint(name)), next: 0 }
    }

    /// Returns the position of a key.
    pub(super) fn position(&mut self, key: Key<'_>) -> Option<usize> {
        let text = key.text()?;
        if self.hints & hint(&text) == 0 {
            return None;
        }
        let found = self.position_of(&text)?;
        self.next = found + 1;
        Some(found)
    }

    /// Returns the name at a position.
    pub(super) fn name(&self, at: usize) -> &'static str {
        self.names[at]
    }

    fn position_of(&self, key: &str) -> Option<usize> {
        let (before, behind) = self.names.split_at(self.next);
        let at = |names: &[&str]| names.iter().position(|name| *name == key);
        at(behind).map(|at| self.next + at).or_else(|| at(before))
    }
}

fn hint(name: &str) -> u64 {
    let first = name.as_bytes().first().copied().unwrap_or(0);
    1 << ((usize::from(first) + 5 * name.len()) % 64)
}
