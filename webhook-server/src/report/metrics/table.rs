//! Every metric, declared once: its name, its type, its labels and what it means.
//!
//! Names and units follow Prometheus' conventions: base units, and `_total` at the end of what only grows. The values of
//! `reason` are those of the log and of `inbox list --why`. `docs/metrics.md` has the same table, and a test compares both.

/// A metric with `N` labels.
#[derive(Debug)]
pub(super) struct Metric<const N: usize> {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) labels: [&'static str; N],
    pub(super) help: &'static str,
}

/// What a metric measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// It only grows while the process lives.
    Counter,
    Gauge,
    /// Observations, by their sizes. The bounds are the largest values of each bucket but the last.
    Histogram(&'static [f64]),
}

impl Kind {
    #[cfg_attr(not(feature = "admin"), allow(dead_code, reason = "only the admin pages show it"))]
    /// The name of the type in Prometheus.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// Bounds for what takes milliseconds as a rule, in seconds.
const SHORT: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Bounds for handlers.
const RUNS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
/// Bounds for what waits: up to a day.
const WAITS: &[f64] =
    &[0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0];
/// Bounds for the age of what arrives. Stripe tells it in whole seconds, and sends for three days.
const AGES: &[f64] = &[1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0, 259_200.0];
/// Bounds for how many share a commit.
const BATCHES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// Declares the metrics, and the table of all.
macro_rules! metrics {
    ($($id:ident = $kind:expr, $name:literal, [$($label:literal),*], $help:literal;)+) => {
        $(pub(super) static $id: Metric<{ <[&str]>::len(&[$($label),*]) }> = Metric {
            name: concat!("stripe_webhook_", $name),
            kind: $kind,
            labels: [$($label),*],
            help: $help,
        };)+

        /// All metrics: the name, the type, the labels and the help of each.
        #[cfg(test)]
        pub(super) static TABLE: &[(&str, Kind, &[&str], &str)] =
            &[$((concat!("stripe_webhook_", $name), $kind, &[$($label),*], $help)),+];
    };
}

metrics! {
    DELIVERIES = Kind::Counter, "deliveries_total", ["endpoint", "outcome", "reason"],
        "Requests answered, by what became of them";
    DELIVERY_DURATION = Kind::Histogram(SHORT), "delivery_duration_seconds", ["endpoint"],
        "From a request's head to its answer";
    VERIFIED = Kind::Counter, "verified_deliveries_total", ["endpoint", "secret"],
        "Requests whose signature is right, by the label of the secret";
    EVENTS = Kind::Counter, "events_total", ["endpoint", "api_version", "livemode"],
        "Events that arrived for the first time";
    EVENT_LAG = Kind::Histogram(AGES), "event_lag_seconds", ["endpoint"],
        "From the time at which Stripe made an event to its first arrival";
    UNHANDLED = Kind::Counter, "unhandled_events_total", ["type"],
        "Events that arrived for the first time and have no handler";
    CONNECTIONS_REFUSED = Kind::Counter, "connections_refused_total", [],
        "Connections that were not accepted";
    MALFORMED = Kind::Counter, "malformed_requests_total", [],
        "Connections closed because what arrived is not a request";
    RUNS_ENDED = Kind::Counter, "runs_total", ["handler", "outcome"],
        "Runs that ended, by how they ended";
    RUN_DURATION = Kind::Histogram(RUNS), "run_duration_seconds", ["handler"],
        "How long handlers ran";
    QUEUE_DURATION = Kind::Histogram(WAITS), "queue_duration_seconds", ["handler"],
        "From the time at which a task was due to the start of its run";
    PARKED = Kind::Counter, "tasks_parked_total", ["handler", "reason"],
        "Tasks that were set aside for a person";
    BLOCKED = Kind::Counter, "blocked_runs_total", ["handler"],
        "Runs past their deadline that could not be stopped";
    ALERTS = Kind::Counter, "alerts_total", ["to", "outcome"],
        "Bundles of alerts for the application's hook or the URL";
    STORE_FAILURES = Kind::Counter, "store_failures_total", ["operation"],
        "What the inbox could not do at once, and what was tried again";
    COMMIT_DURATION = Kind::Histogram(SHORT), "commit_duration_seconds", [],
        "How long commits to the inbox took, with their sync";
    COMMIT_WRITES = Kind::Histogram(BATCHES), "commit_writes", [],
        "How many writes shared a commit";
    CONNECTIONS = Kind::Gauge, "connections", [], "Open connections";
    REQUESTS = Kind::Gauge, "requests_in_flight", [], "Requests that are not answered yet";
    BODY_MEMORY = Kind::Gauge, "body_memory_bytes", [], "Memory that long bodies take beyond 64 KiB each";
    WRITER_QUEUE = Kind::Gauge, "writer_queue", [], "Deliveries that wait to be stored";
    WRITER_QUEUE_BYTES = Kind::Gauge, "writer_queue_bytes", [], "The bytes of the bodies that wait to be stored";
    INBOX_UP = Kind::Gauge, "inbox_up", [], "Whether the inbox can be read: 1 or 0";
    TASKS = Kind::Gauge, "tasks", ["state"], "Tasks that are not closed";
    OLDEST_DUE = Kind::Gauge, "oldest_due_seconds", [], "How long the oldest due task has been due; 0 if none is due";
    PARKED_NOW = Kind::Gauge, "parked_tasks", ["handler", "reason"], "Tasks that wait for a person";
    QUARANTINED = Kind::Gauge, "quarantined_bodies", [], "Verified bodies that the inbox cannot keep as events";
    BUILD_INFO = Kind::Gauge, "build_info", ["version", "api_version"],
        "1; the framework's version, and the version of Stripe's API that its catalog has";
}
