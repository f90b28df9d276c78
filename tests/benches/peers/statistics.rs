//! The few statistics that the tables need.

use std::time::Duration;

/// The median of some numbers, with the smallest and the largest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    pub(crate) fn of(numbers: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = numbers.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (half, rest) = (sorted.len() / 2, sorted.len() % 2);
        let median = if rest == 1 { sorted[half] } else { f64::midpoint(sorted[half - 1], sorted[half]) };
        Self { median, min: sorted[0], max: sorted[sorted.len() - 1] }
    }
}

/// The time that this share of all answers, in percent, did not exceed.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let Some(last) = sorted.len().checked_sub(1) else { return Duration::ZERO };
    sorted[(sorted.len() * percent / 100).min(last)]
}

/// The slope of the straight line through some points that is nearest to them, by least squares.
pub(crate) fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0., 0.), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let above: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let below: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    above / below
}
