//! The nearest names, for every "did you mean".

/// The minimum similarity for a suggestion; 1.0 is equal. The value was tried on misspellings of event types: names below
/// it share only their group.
const ALIKE: f64 = 0.62;

/// A name that is this much less similar than the best one is not suggested beside it.
const SPREAD: f64 = 0.08;

/// The maximum number of suggestions in a message.
const MOST: usize = 3;

/// Returns the candidates that are most similar to `name`, best first: at most three, and none if nothing is similar.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut scored: Vec<(f64, &str)> = candidates
        .into_iter()
        .map(|candidate| (strsim::normalized_damerau_levenshtein(name, candidate), candidate))
        .filter(|(score, _)| *score >= ALIKE)
        .collect();
    scored.sort_by(|(a, a_name), (b, b_name)| b.total_cmp(a).then(a_name.cmp(b_name)));
    let floor = scored.first().map_or(0.0, |(best, _)| best - SPREAD);
    scored.into_iter().take_while(|(score, _)| *score >= floor).map(|(_, name)| name).take(MOST).collect()
}

/// Tells whether two names differ by one typing error: an extra, missing or wrong letter, or two swapped ones.
pub fn is_slip(a: &str, b: &str) -> bool {
    strsim::damerau_levenshtein(a, b) == 1
}
