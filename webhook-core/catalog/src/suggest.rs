//! Nearest names, for every "did you mean".

/// Names at least this alike are worth suggesting; 1.0 is equal. Tried on misspellings of event types: below it
/// stand names that share only their group.
const ALIKE: f64 = 0.62;

/// Names that are this much less alike than the best one are noise beside it.
const SPREAD: f64 = 0.08;

/// How many suggestions a message holds at most.
const MOST: usize = 3;

/// Returns the candidates most alike to `name`, best first: at most three, none if nothing is near.
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

/// Tells whether two names differ by one slip of the finger: a letter too many, missing, wrong, or two that changed
/// places.
pub fn is_slip(a: &str, b: &str) -> bool {
    strsim::damerau_levenshtein(a, b) == 1
}
