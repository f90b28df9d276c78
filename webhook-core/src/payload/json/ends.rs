//! The ends of the objects and arrays in a value.

use super::MOST_LEVELS;

/// The end of each object and array in a value, found in one pass, so that skipping one takes one step. Otherwise a value
/// inside many of them would be scanned once for each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ends(
    /// The beginning and end of each, sorted by the beginning. The end is 0 if there is none.
    Vec<(u32, u32)>,
);

impl Ends {
    /// Finds the ends in the text of one JSON value. In malformed text it may find only some. It leaves out what is nested
    /// too deeply to be read.
    pub(crate) fn of(text: &str) -> Self {
        let mut ends = Vec::new();
        let mut open = [0; MOST_LEVELS as usize];
        let mut depth = 0_usize;
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            looked_at(1);
            let Ok(place) = u32::try_from(at) else { break };
            match byte {
                b'"' => match end_of_text(bytes, at) {
                    Some(end) => {
                        at = end;
                        continue;
                    }
                    None => break,
                },
                b'{' | b'[' => {
                    if let Some(open) = open.get_mut(depth) {
                        *open = ends.len();
                        ends.push((place, 0));
                    }
                    depth += 1;
                }
                b'}' | b']' => {
                    let Some(left) = depth.checked_sub(1) else { break };
                    depth = left;
                    if let Some((_, end)) = open.get(depth).and_then(|open| ends.get_mut(*open)) {
                        *end = place + 1;
                    }
                }
                _ => {}
            }
            at += 1;
        }
        Self(ends)
    }

    /// Returns the end of the object or array that begins at `start`.
    pub(super) fn of_what_begins_at(&self, start: u32) -> Option<u32> {
        let at = self.0.binary_search_by_key(&start, |(start, _)| *start).ok()?;
        let (_, end) = self.0[at];
        (end > 0).then_some(end)
    }
}

/// The end of the text that begins with the quote at `start`.
pub(super) fn end_of_text(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        let rest = bytes.get(at..)?;
        let found = memchr::memchr2(b'"', b'\\', rest)?;
        looked_at(found);
        if rest[found] == b'"' {
            return Some(at + found + 1);
        }
        at += found + 2;
    }
}

#[cfg(test)]
thread_local! {
    pub(super) static LOOKED_AT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts the bytes that are scanned, for the test that their number grows with the text only.
pub(super) fn looked_at(bytes: usize) {
    #[cfg(test)]
    LOOKED_AT.with(|count| count.set(count.get() + bytes));
    let _ = bytes;
}
