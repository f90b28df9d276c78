//! Where each object and array in a value ends.

use super::MOST_LEVELS;

/// Where each object and array in a value ends, found in one pass, so that whatever skips one does so in one step: else
/// what lies in many of them is looked at once for each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ends(
    /// Where each begins and ends, in the order in which they begin. The end is 0 where there is none.
    Vec<(u32, u32)>,
);

impl Ends {
    /// Finds the ends in the text of one JSON value. Of malformed text it may find some; what lies deeper than is ever
    /// read is left out.
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

    /// Returns where the object or array ends that begins at `start`.
    pub(super) fn of_what_begins_at(&self, start: u32) -> Option<u32> {
        let at = self.0.binary_search_by_key(&start, |(start, _)| *start).ok()?;
        let (_, end) = self.0[at];
        (end > 0).then_some(end)
    }
}

/// Where a text ends that begins with the quote at `start`.
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

/// Counts the bytes that are looked at, for the test that they grow with the text alone.
pub(super) fn looked_at(bytes: usize) {
    #[cfg(test)]
    LOOKED_AT.with(|count| count.set(count.get() + bytes));
    let _ = bytes;
}
