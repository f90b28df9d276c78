//! The ends of the objects and arrays in a value.

use std::ops::Range;

/// The beginning and end of each object and array in a value, in their order, so that skipping one takes one step.
/// Otherwise a value inside many of them would be scanned once for each. What is nested too deeply to be read is left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ends(pub(super) Vec<Range<u32>>);

impl Ends {
    /// Returns the end of the object or array that begins at `start`.
    pub(crate) fn of_what_begins_at(&self, start: usize) -> Option<usize> {
        let at = self.0.binary_search_by_key(&start, |part| part.start as usize).ok()?;
        Some(self.0[at].end as usize)
    }

    /// Returns the ends in a part of the value, from its beginning on.
    pub(crate) fn inside(&self, part: Range<usize>) -> Self {
        let before = |at: usize| self.0.partition_point(|inner| (inner.start as usize) < at);
        let inside = self.0[before(part.start)..before(part.end)].iter();
        let from_start = |at: u32| at - part.start as u32;
        Self(inside.map(|inner| from_start(inner.start)..from_start(inner.end)).collect())
    }
}
