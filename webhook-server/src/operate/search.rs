//! Searching an inbox in sections, the newest first.
//!
//! Only an event's id has an index that is meant for searching: one for each of the others would make storing slower. So a
//! search that finds little looks at much of the inbox. It does so section by section, since SQLite has one reader, and
//! others wait for it meanwhile; and a caller that cannot wait gets what was found so far.

use std::time::Duration;

use tokio::time::Instant;

use crate::store::{Filter, StoreError};

/// How many numbers the first section has.
const FIRST: i64 = 20_000;

/// A section that took less is followed by one of twice its length: the numbers of deleted rows take no time.
const SHORT: Duration = Duration::from_millis(20);

/// A section that took more is followed by one of half its length, down to the shortest.
const LONG: Duration = Duration::from_millis(100);

const SHORTEST: i64 = 1_000;

/// What a search found.
#[derive(Debug)]
pub(crate) struct Found<T> {
    /// The newest first.
    pub(crate) rows: Vec<T>,
    /// What the filter's `after` must be to go on, if the time was over before everything was looked at.
    #[cfg_attr(not(feature = "admin"), allow(dead_code, reason = "only a page ends a search early"))]
    pub(crate) reached: Option<i64>,
}

#[cfg(feature = "admin")]
impl<T> Found<T> {
    /// The same, with something made of each row.
    pub(crate) fn map<U>(self, of: impl FnMut(T) -> U) -> Found<U> {
        Found { rows: self.rows.into_iter().map(of).collect(), reached: self.reached }
    }
}

/// Reads the rows that match a filter: all, as many as its limit, or those that are found within about `time`.
///
/// `number` is by what rows are ordered.
pub(super) async fn search<T, F>(
    mut filter: Filter,
    time: Duration,
    number: fn(&T) -> i64,
    read: impl Fn(Filter) -> F,
) -> Result<Found<T>, StoreError>
where
    F: Future<Output = Result<Vec<T>, StoreError>>,
{
    let (limit, oldest) = (filter.limit, filter.before.unwrap_or(0));
    // An index leads to what has an id, and without conditions every row is meant.
    if !filter.event_ids.is_empty() || !filter.has_conditions() {
        return Ok(Found { rows: read(filter).await?, reached: None });
    }
    let newest = read(Filter { after: filter.after, limit: 1, ..Filter::default() }).await?;
    let mut after = newest.first().map_or(0, number).saturating_add(1);
    let (mut rows, mut length, began) = (Vec::new(), FIRST, Instant::now());
    while after > oldest.saturating_add(1) {
        let before = after.saturating_sub(length).max(oldest);
        let started = Instant::now();
        (filter.after, filter.before, filter.limit) = (Some(after), Some(before), limit - rows.len());
        rows.extend(read(filter.clone()).await?);
        if rows.len() >= limit {
            break;
        }
        after = before.saturating_add(1);
        if began.elapsed() >= time && after > oldest.saturating_add(1) {
            return Ok(Found { rows, reached: Some(after) });
        }
        length = match started.elapsed() {
            short if short < SHORT => length.saturating_mul(2),
            long if long > LONG => (length / 2).max(SHORTEST),
            _ => length,
        };
    }
    Ok(Found { rows, reached: None })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Searches a list of numbers. Each section takes `takes`. Returns what was found, and the sections that were read.
    async fn search_in(
        numbers: &[i64],
        filter: Filter,
        takes: Duration,
        time: Duration,
    ) -> (Found<i64>, Vec<(Option<i64>, Option<i64>)>) {
        let sections = Mutex::new(Vec::new());
        let found = search(
            filter,
            time,
            |number| *number,
            |part| {
                let is_in = |number: &i64| {
                    part.after.is_none_or(|after| *number < after)
                        && part.before.is_none_or(|before| *number > before)
                        && (part.state.is_none() || number % 10_000 == 0)
                };
                let rows = numbers.iter().rev().copied().filter(is_in).take(part.limit).collect();
                // Not the look for the newest.
                if part.before.is_some() || part.limit > 1 {
                    sections.lock().expect("no thread panics").push((part.after, part.before));
                }
                async move {
                    tokio::time::sleep(takes).await;
                    Ok(rows)
                }
            },
        );
        let found = found.await.expect("it does not fail");
        (found, sections.into_inner().expect("no thread panics"))
    }

    fn rare(limit: usize) -> Filter {
        Filter { state: Some(crate::store::State::Parked), limit, ..Filter::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn every_row_is_looked_at_once() {
        let numbers: Vec<i64> = (1..=100_000).collect();
        for takes in [Duration::ZERO, Duration::from_millis(50), Duration::from_millis(200)] {
            let (found, sections) = search_in(&numbers, rare(100), takes, Duration::MAX).await;
            let expected: Vec<i64> = (1..=10).rev().map(|nth| nth * 10_000).collect();
            assert_eq!((found.rows, found.reached), (expected, None), "{takes:?}");
            assert_eq!(sections.first().and_then(|first| first.0), Some(100_001));
            assert_eq!(sections.last().and_then(|last| last.1), Some(0));
            for pair in sections.windows(2) {
                assert_eq!(pair[1].0, pair[0].1.map(|before| before + 1), "{takes:?}: {sections:?}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_page_reads_one_section() {
        let numbers: Vec<i64> = (1..=100_000).collect();
        let everything = Filter { limit: 50, ..Filter::default() };
        let (found, sections) = search_in(&numbers, everything, Duration::ZERO, Duration::MAX).await;
        assert_eq!((found.rows.len(), found.rows[0], sections.len()), (50, 100_000, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_search_whose_time_is_over_can_go_on() {
        let numbers: Vec<i64> = (1..=100_000).collect();
        let (takes, time) = (Duration::from_millis(50), Duration::from_millis(100));
        let (mut rows, mut searches, mut filter) = (Vec::new(), 0, rare(100));
        loop {
            let (found, _) = search_in(&numbers, filter.clone(), takes, time).await;
            rows.extend(found.rows);
            searches += 1;
            filter.after = found.reached;
            if found.reached.is_none() {
                break;
            }
        }
        assert_eq!((rows.len(), searches), (10, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn numbers_that_are_no_longer_there_take_few_sections() {
        let numbers: Vec<i64> = (1_000_000_000..1_000_000_100).collect();
        let (found, sections) = search_in(&numbers, rare(10), Duration::ZERO, Duration::MAX).await;
        assert_eq!((found.rows.len(), found.reached), (1, None));
        assert!(sections.len() < 20, "{sections:?}");
        let (nothing, sections) = search_in(&[], rare(10), Duration::ZERO, Duration::MAX).await;
        assert!(nothing.rows.is_empty() && sections.is_empty(), "{sections:?}");
    }
}
