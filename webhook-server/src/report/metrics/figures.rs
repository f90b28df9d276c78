//! The numbers as the dashboard shows them.

use std::collections::BTreeMap;

use super::{MINUTES, Metrics, Minute};

/// How many events of one API version arrived at an endpoint since the program started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VersionFigures {
    /// The endpoint's name.
    pub(crate) endpoint: String,
    /// Empty if the events do not say.
    pub(crate) api_version: String,
    pub(crate) is_live: bool,
    pub(crate) events: u64,
}

/// How a handler's runs ended since the program started, and how long they took.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct HandlerFigures {
    /// Runs after which the handler is done with its event.
    pub(crate) handled: u64,
    /// Runs that failed or were parked.
    pub(crate) failed: u64,
    /// What 95 of 100 runs do not exceed, in seconds: an estimate. `None` if none has ended.
    pub(crate) p95: Option<f64>,
}

#[cfg_attr(not(feature = "admin"), allow(dead_code, reason = "only the admin pages show it"))]
impl Metrics {
    /// The figures of each handler that has run, by its id.
    pub(crate) fn handlers(&self) -> BTreeMap<String, HandlerFigures> {
        let mut handlers = BTreeMap::<String, HandlerFigures>::new();
        self.runs.each(|[handler, outcome], runs| {
            let figures = handlers.entry(handler.to_string()).or_default();
            match &**outcome {
                "done" | "skipped" => figures.handled += runs.count(),
                "failed" | "parked" => figures.failed += runs.count(),
                _ => {}
            }
        });
        self.run_duration.each(|[handler], durations| {
            if let Some(figures) = handlers.get_mut(&**handler) {
                figures.p95 = durations.snapshot().quantile(0.95);
            }
        });
        handlers
    }

    /// The API versions that have arrived, by endpoint and mode.
    pub(crate) fn versions(&self) -> Vec<VersionFigures> {
        let mut versions = Vec::new();
        self.events.each(|[endpoint, api_version, livemode], events| {
            versions.push(VersionFigures {
                endpoint: endpoint.to_string(),
                api_version: api_version.to_string(),
                is_live: livemode == "true",
                events: events.count(),
            });
        });
        versions
    }

    /// What happened in each minute of the last hour, the oldest first.
    pub(crate) fn last_hour(&self) -> [Minute; MINUTES] {
        self.last_hour.until((self.now)())
    }
}
