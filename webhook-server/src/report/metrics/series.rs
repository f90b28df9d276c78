//! The series of a metric: one for each combination of labels that has occurred.
//!
//! Each has numbers of its own, for the page and the dashboard, and passes on what it counts to the recorder that the
//! application may have installed for the `metrics` crate. A series is made when its labels first occur; after that, counting
//! allocates nothing, and all it shares with others is a read lock.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use metrics::{Key, KeyName, Label, Level, Metadata, Recorder, Unit};
use rapidhash::fast::RandomState;

use super::table::{Kind, Metric};

/// The labels' values of a series, in the order in which the metric declares them.
pub(super) type Values<const N: usize> = [Cow<'static, str>; N];

/// A metric with its series.
pub(super) struct Family<S, const N: usize> {
    pub(super) of: &'static Metric<N>,
    /// Found by a fast hash: of the labels that senders choose, there are few.
    series: RwLock<HashMap<Values<N>, S, RandomState>>,
}

/// What a series counts with.
pub(super) trait Series: Sized {
    /// A series at its beginning.
    fn begin(kind: Kind, recorder: &dyn Recorder, key: &Key) -> Self;
}

impl<S: Series, const N: usize> Family<S, N> {
    pub(super) fn new(of: &'static Metric<N>) -> Self {
        describe(of);
        let family = Self { of, series: RwLock::default() };
        if N == 0 {
            // It is there from the beginning, at 0.
            family.begin(of.labels, |_| ());
        }
        family
    }

    /// Counts in the series with these labels.
    pub(super) fn with(&self, values: [&str; N], count: impl FnOnce(&S)) {
        let series = self.series.read().unwrap_or_else(PoisonError::into_inner);
        let known: &HashMap<[Cow<'_, str>; N], S, RandomState> = &series;
        match known.get(&values.map(Cow::Borrowed)) {
            Some(series) => count(series),
            None => {
                drop(series);
                self.begin(values, count);
            }
        }
    }

    /// Shows each series, in the order of their labels.
    pub(super) fn each(&self, mut show: impl FnMut(&Values<N>, &S)) {
        let series = self.series.read().unwrap_or_else(PoisonError::into_inner);
        let mut sorted: Vec<_> = series.iter().collect();
        sorted.sort_by_key(|(values, _)| *values);
        sorted.into_iter().for_each(|(values, series)| show(values, series));
    }

    /// Makes a series, unless another thread just has, and counts in it.
    #[cold]
    fn begin(&self, values: [&str; N], count: impl FnOnce(&S)) {
        let values = values.map(|value| Cow::Owned(value.to_owned()));
        let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
        count(series.entry(values).or_insert_with_key(|values| {
            let labels: Vec<_> = self
                .of
                .labels
                .iter()
                .zip(values)
                .map(|(name, value)| Label::new(*name, value.clone()))
                .collect();
            let key = Key::from_parts(self.of.name, labels);
            metrics::with_recorder(|recorder| S::begin(self.of.kind, recorder, &key))
        }));
    }
}

/// Tells the application's recorder what a metric means.
pub(super) fn describe<const N: usize>(of: &Metric<N>) {
    let (name, help) = (KeyName::from_const_str(of.name), of.help.into());
    let unit = match of.name.rsplit('_').next() {
        Some("seconds") => Some(Unit::Seconds),
        Some("bytes") => Some(Unit::Bytes),
        _ => None,
    };
    metrics::with_recorder(|recorder| match of.kind {
        Kind::Counter => recorder.describe_counter(name, unit, help),
        Kind::Gauge => recorder.describe_gauge(name, unit, help),
        Kind::Histogram(_) => recorder.describe_histogram(name, unit, help),
    });
}

/// What the recorder is told about where a series comes from.
pub(super) const METADATA: Metadata<'static> =
    Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

/// Counts what happens.
pub(super) struct Counter {
    count: AtomicU64,
    passed_on: metrics::Counter,
}

impl Series for Counter {
    fn begin(_: Kind, recorder: &dyn Recorder, key: &Key) -> Self {
        Self { count: AtomicU64::new(0), passed_on: recorder.register_counter(key, &METADATA) }
    }
}

impl Counter {
    pub(super) fn add_one(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.passed_on.increment(1);
    }

    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

/// Shows the metric's name.
impl<S, const N: usize> fmt::Debug for Family<S, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Family").field("name", &self.of.name).finish_non_exhaustive()
    }
}
