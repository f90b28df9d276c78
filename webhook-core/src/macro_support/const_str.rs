//! Strings at compile time.

use crate::payload::SchemaPath;

/// Tells whether two strings are equal.
pub(super) const fn is_same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut same = a.len() == b.len();
    let mut at = 0;
    while same && at < a.len() {
        same = a[at] == b[at];
        at += 1;
    }
    same
}

/// A string that is built at compile time.
pub(super) struct ConstText {
    bytes: [u8; ConstText::ROOM],
    length: usize,
}

impl ConstText {
    const ROOM: usize = 512;

    pub(super) const fn new() -> Self {
        Self { bytes: [0; Self::ROOM], length: 0 }
    }

    /// Adds a string, cut where the buffer ends.
    pub(super) const fn add(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        let mut at = 0;
        while at < text.len() && self.length < Self::ROOM {
            self.bytes[self.length] = text[at];
            self.length += 1;
            at += 1;
        }
        self
    }

    pub(super) const fn join(mut self, names: &[&str]) -> Self {
        let mut at = 0;
        while at < names.len() {
            self = if at > 0 { self.add("` or `") } else { self };
            self = self.add(names[at]);
            at += 1;
        }
        self
    }

    pub(super) const fn place(self, place: SchemaPath) -> Self {
        let text = self.add(place.object);
        if place.at.is_empty() { text } else { text.add(".").add(place.at) }
    }

    #[track_caller]
    pub(super) const fn panic(&self) -> ! {
        match std::str::from_utf8(self.bytes.split_at(self.length).0) {
            Ok(text) => panic!("{}", text),
            Err(_) => panic!("the message was cut within a character"),
        }
    }
}
