//! Observations by their sizes.

use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{Key, Recorder};

use super::series::{METADATA, Series};
use super::table::Kind;

/// Counts observations in buckets, and adds them up.
pub(super) struct Histogram {
    bounds: &'static [f64],
    /// One for each bound, and one for what is larger than the last.
    buckets: Box<[AtomicU64]>,
    /// The bits of a floating-point number.
    sum: AtomicU64,
    passed_on: metrics::Histogram,
}

/// The state of a histogram at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Snapshot {
    bounds: &'static [f64],
    buckets: Vec<u64>,
    pub(super) sum: f64,
}

impl Series for Histogram {
    fn begin(kind: Kind, recorder: &dyn Recorder, key: &Key) -> Self {
        let bounds = if let Kind::Histogram(bounds) = kind { bounds } else { &[] };
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        let passed_on = recorder.register_histogram(key, &METADATA);
        Self { bounds, buckets, sum: AtomicU64::new(0), passed_on }
    }
}

impl Histogram {
    pub(super) fn observe(&self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        let add = |sum| Some((f64::from_bits(sum) + value).to_bits());
        // It is tried until it succeeds.
        let _ = self.sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        self.passed_on.record(value);
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            bounds: self.bounds,
            buckets: self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect(),
            sum: f64::from_bits(self.sum.load(Ordering::Relaxed)),
        }
    }
}

impl Snapshot {
    /// The number of observations.
    pub(super) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The bounds, and after them infinity, each with the number of observations that are not larger.
    pub(super) fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        bounds.zip(&self.buckets).scan(0, |sum, (bound, bucket)| {
            *sum += bucket;
            Some((bound, *sum))
        })
    }

    /// Estimates the value that a share of the observations does not exceed, as if those of a bucket were spread evenly. No
    /// more is known of the last bucket than its lower bound. `None` without observations.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        let rank = share * self.count() as f64;
        let (mut lower, mut before) = (0.0, 0);
        for (bound, up_to) in self.cumulative() {
            if up_to > before && up_to as f64 >= rank {
                let part = (rank - before as f64) / (up_to - before) as f64;
                return Some(if bound.is_finite() { lower + (bound - lower) * part } else { lower });
            }
            (lower, before) = (bound, up_to);
        }
        None
    }
}
