//! Facts in, page out.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use hyper::StatusCode;
use webhook_core::{Envelope, HandlerError, Policy, Registration, Subscription};

use super::gauges::InboxGauges;
use super::table::{Kind, TABLE};
use super::*;
use crate::receive::outcome::{Handled, Refusal};
use crate::report::Retried;
use crate::run::attempt::AttemptReport;
use crate::run::test_handlers::registration;
use crate::store::{Arriving, Backlog, HandlerStats, State, StoreError};

const NOW: u64 = 1_700_000_000;

static PAID: Registration =
    registration("shop::paid", Subscription::Unhandled, Policy::DEFAULT, |_| Box::pin(async { Ok(None) }));

fn metrics() -> Metrics {
    Metrics::new(Arc::new(|| UNIX_EPOCH + Duration::from_secs(NOW)))
}

fn event(event_type: &str, age: u64, version: &str) -> Arc<Envelope> {
    let (created, version) = (NOW - age, serde_json::Value::from(version));
    let body = format!(
        r#"{{"id":"evt_1","object":"event","type":"{event_type}","created":{created},"livemode":true,
            "api_version":{version},"data":{{"object":{{}}}}}}"#
    );
    Arc::new(Envelope::parse_stored(&Bytes::from(body)).expect("it is an event"))
}

fn via(endpoint: &str, secret: Option<&str>) -> Via {
    Via { endpoint: Some(endpoint.into()), secret: secret.map(Into::into), ..Via::default() }
}

fn answer(metrics: &Metrics, outcome: &Outcome, via: &Via) {
    let took = Duration::from_millis(3);
    metrics.note(&Fact::Answered { outcome, via, status: StatusCode::OK, took, peer: None });
}

fn stored(event_type: &str, tasks: usize) -> Outcome {
    let envelope = event(event_type, 4, "2025-09-30.clover");
    Ok(Receipt::Stored { envelope, tasks, known_occurrences: 0, id_is_reused: false, reply: None })
}

fn report(outcome: Result<(), HandlerError>) -> AttemptReport {
    let (error, took) = (None, Duration::from_millis(20));
    AttemptReport { handler: &PAID, attempt: 1, outcome, error, reply: None, took, has_started: true }
}

fn end(metrics: &Metrics, disposition: &Disposition, was_ours: bool) {
    let (report, envelope) = (Arc::new(report(Ok(()))), event("invoice.paid", 4, "1"));
    metrics.note(&Fact::AttemptEnded(AttemptEnded {
        envelope: &envelope,
        handler: PAID.id,
        attempt: 1,
        waited: Some(Duration::from_millis(400)),
        report: Some(&report),
        disposition,
        was_ours,
    }));
}

fn error() -> String {
    "declined".to_owned()
}

/// The lines of a page that begin with a name, without the prefix of all names.
fn lines(metrics: &Metrics, name: &str) -> Vec<String> {
    let page = metrics.page(&Gauges::default());
    let lines = page.lines().filter_map(|line| line.strip_prefix("stripe_webhook_"));
    lines.filter(|line| line.starts_with(name)).map(str::to_owned).collect()
}

#[test]
fn what_became_of_a_request_is_counted_by_endpoint_and_reason() {
    let metrics = metrics();
    let envelope = || event("invoice.paid", 4, "1");
    let handled = |is_success| {
        let attempts = vec![report(if is_success { Ok(()) } else { Err(HandlerError::retry("not now")) })];
        Ok(Receipt::Handled(Handled { envelope: envelope(), attempts, is_success }))
    };
    let outcomes: [Outcome; 9] = [
        stored("invoice.paid", 1),
        Ok(Receipt::Duplicate { envelope: envelope(), same_body: true, tasks: 0, reply: None }),
        Ok(Receipt::Quarantined { reason: "no id".to_owned(), is_new: true }),
        Ok(Receipt::OtherMode { event_id: "evt_1".to_owned(), livemode: true }),
        handled(true),
        handled(false),
        Err(Refusal::NotSigned),
        Err(StoreError::DiskFull.into()),
        Err(Refusal::NotSigned),
    ];
    for outcome in &outcomes {
        let secret = outcome.is_ok().then_some("2025");
        answer(&metrics, outcome, &via("/webhook", secret));
    }
    answer(&metrics, &Err(Refusal::Stopping), &Via::default());
    assert_eq!(
        lines(&metrics, "deliveries_total"),
        [
            r#"deliveries_total{endpoint="",outcome="refused",reason="stopping"} 1"#,
            r#"deliveries_total{endpoint="/webhook",outcome="duplicate",reason=""} 1"#,
            r#"deliveries_total{endpoint="/webhook",outcome="failed",reason=""} 1"#,
            r#"deliveries_total{endpoint="/webhook",outcome="handled",reason=""} 1"#,
            r#"deliveries_total{endpoint="/webhook",outcome="other-mode",reason=""} 1"#,
            r#"deliveries_total{endpoint="/webhook",outcome="quarantined",reason=""} 1"#,
            r#"deliveries_total{endpoint="/webhook",outcome="refused",reason="not-signed"} 2"#,
            r#"deliveries_total{endpoint="/webhook",outcome="refused",reason="not-stored"} 1"#,
            r#"deliveries_total{endpoint="/webhook",outcome="stored",reason=""} 1"#,
        ]
    );
    assert_eq!(
        lines(&metrics, "verified"),
        [r#"verified_deliveries_total{endpoint="/webhook",secret="2025"} 6"#]
    );
    // A duplicate does not count as another event.
    assert_eq!(
        lines(&metrics, "events_total"),
        [
            r#"events_total{endpoint="/webhook",api_version="1",livemode="true"} 2"#,
            r#"events_total{endpoint="/webhook",api_version="2025-09-30.clover",livemode="true"} 1"#,
        ]
    );
    let versions = metrics.versions().into_iter().map(|of| (of.api_version, of.is_live, of.events));
    assert_eq!(
        versions.collect::<Vec<_>>(),
        [("1".to_owned(), true, 2), ("2025-09-30.clover".to_owned(), true, 1)]
    );
    assert_eq!(
        lines(&metrics, "event_lag_seconds_count"),
        [r#"event_lag_seconds_count{endpoint="/webhook"} 3"#]
    );
    assert_eq!(
        lines(&metrics, "event_lag_seconds_sum"),
        [r#"event_lag_seconds_sum{endpoint="/webhook"} 12"#]
    );
    assert_eq!(metrics.last_hour()[MINUTES - 1], Minute { received: 3, handled: 1, failed: 1 });
}

#[test]
fn runs_are_counted_by_handler_and_outcome_and_parked_ones_by_reason() {
    let metrics = metrics();
    let parked = |why| Disposition::Parked { why, error: error() };
    for (disposition, was_ours) in [
        (Disposition::Done, true),
        (Disposition::Done, true),
        (Disposition::Done, false),
        (Disposition::Skipped { error: error() }, true),
        (Disposition::Retry { after: Duration::ZERO, error: error() }, true),
        (parked(ParkReason::Exhausted), true),
        (parked(ParkReason::Asked), false),
        (Disposition::Released, true),
    ] {
        end(&metrics, &disposition, was_ours);
    }
    let (handler, error) = ("shop::gone", "");
    metrics.note(&Fact::TaskParked {
        task: 1,
        envelope: None,
        handler,
        attempt: 1,
        reason: ParkReason::NoHandler,
        error,
    });
    let runs =
        lines(&metrics, "runs_total").join("\n").replace(r#"runs_total{handler="shop::paid",outcome="#, "");
    assert_eq!(
        runs,
        "\"done\"} 2\n\"failed\"} 1\n\"lost\"} 2\n\"parked\"} 1\n\"released\"} 1\n\"skipped\"} 1"
    );
    assert_eq!(
        lines(&metrics, "tasks_parked_total"),
        [
            r#"tasks_parked_total{handler="shop::gone",reason="no-handler"} 1"#,
            r#"tasks_parked_total{handler="shop::paid",reason="exhausted"} 1"#,
        ]
    );
    let of_paid = &metrics.handlers()["shop::paid"];
    assert_eq!((of_paid.handled, of_paid.failed), (3, 2));
    // All took 20 ms: they are in the bucket from 10 to 25 ms.
    let p95 = of_paid.p95.expect("there were runs");
    assert!((p95 - (0.010 + 0.95 * 0.015)).abs() < 1e-9, "{p95}");
    assert_eq!(metrics.last_hour()[MINUTES - 1], Minute { received: 0, handled: 3, failed: 2 });
}

#[test]
fn a_sender_can_neither_make_many_series_nor_forge_lines() {
    let metrics = metrics();
    for number in 0..1_000 {
        answer(&metrics, &stored(&format!("hostile.type_{number}"), 0), &via("/webhook", None));
    }
    let unhandled = lines(&metrics, "unhandled_events_total");
    assert_eq!(unhandled.len(), 101);
    assert!(unhandled.contains(&r#"unhandled_events_total{type="other"} 900"#.to_owned()), "{unhandled:?}");
    // The type has a form; an API version may be any text.
    let forged = "1\"} 9\nstripe_webhook_runs_total{handler=\"a\\\"} 9\r\u{2028}#\u{7}";
    let long = "x".repeat(1_000);
    for version in [forged, &long] {
        let envelope = event("a.b", 4, version);
        let outcome = Ok(Receipt::Stored {
            envelope,
            tasks: 1,
            known_occurrences: 0,
            id_is_reused: false,
            reply: None,
        });
        answer(&metrics, &outcome, &via("/webhook", None));
    }
    assert_eq!(lines(&metrics, "runs_total"), Vec::<String>::new());
    let versions = lines(&metrics, "events_total");
    assert!(
        versions[0].contains(r#"api_version="1\"} 9\nstripe_webhook_runs_total{handler=\"a\\\"} 9��#�""#),
        "{versions:?}"
    );
    assert!(versions[2].contains(r#"api_version="other",livemode="true"} 1"#), "{versions:?}");
}

#[test]
fn threads_that_count_at_once_lose_nothing() {
    let metrics = metrics();
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| (0..1_000).for_each(|_| end(&metrics, &Disposition::Done, true)));
        }
    });
    assert_eq!(lines(&metrics, "runs_total"), [r#"runs_total{handler="shop::paid",outcome="done"} 4000"#]);
    let sum = lines(&metrics, "queue_duration_seconds_sum");
    let sum: f64 = sum[0].rsplit(' ').next().and_then(|sum| sum.parse().ok()).expect("it is a number");
    assert!((sum - 1_600.0).abs() < 1e-6, "{sum}");
}

/// `tests/page.txt` is also read by Prometheus' own parser: see `tests/tests/tools/metrics.rs`.
#[test]
fn the_page_is_the_one_that_prometheus_reads() {
    let metrics = metrics();
    answer(&metrics, &stored("invoice.paid", 1), &via("/webhook", Some("2025 \"new\"\\")));
    answer(&metrics, &stored("price.created", 0), &via("/webhook", Some("2025 \"new\"\\")));
    answer(&metrics, &Err(Refusal::TooMany), &Via::default());
    end(&metrics, &Disposition::Done, true);
    end(&metrics, &Disposition::Parked { why: ParkReason::Asked, error: error() }, true);
    let envelope = event("invoice.paid", 4, "1");
    let (handler, limit) = (PAID.id, Duration::from_secs(1));
    metrics.note(&Fact::AttemptBlocks { envelope: &envelope, handler, limit, has_started: true });
    metrics.note(&Fact::Alerted { to: "hook", alerts: 3, error: None });
    metrics.note(&Fact::Alerted { to: "url", alerts: 3, error: Some("") });
    metrics.note(&Fact::ConnectionRefused { reason: "" });
    metrics.note(&Fact::Malformed { reason: "", peer: None });
    metrics.note(&Fact::StoreFailed { what: Retried::Claim, task: None, error: &StoreError::DiskFull });
    metrics.note(&Fact::Committed(Commit { writes: 12, took: Duration::from_micros(1_500) }));
    let tasks = |state, why, tasks| HandlerStats { handler: PAID.id.to_owned(), state, why, tasks };
    let backlog = Backlog {
        quarantined: 4,
        oldest_due_ms: Some(1_250),
        handlers: vec![
            tasks(State::Ready, None, 3),
            tasks(State::Running, None, 2),
            tasks(State::Blocked, None, 1),
            tasks(State::Parked, Some(ParkReason::Asked), 37),
        ],
        secrets: Vec::new(),
    };
    let arriving = Arriving { count: 5, bytes: 20_480 };
    let inbox = Some(InboxGauges { arriving, backlog: Some(backlog) });
    let page = metrics.page(&Gauges { connections: 7, requests: 6, body_memory: 65_536, inbox });
    // These change with every release.
    let page = page.lines().filter(|line| !line.starts_with("stripe_webhook_build_info"));
    let page: String = page
        .map(|line| {
            format!(
                "{line}
"
            )
        })
        .collect();
    assert!(page == include_str!("tests/page.txt"), "{page}");
    for (name, kind, labels, help) in TABLE {
        let is_told = page.contains(&format!("# HELP {name} {help}\n# TYPE {name} {}\n", kind.name()));
        assert!(is_told, "{name} is not on the page");
        let first = page.lines().find(|line| {
            line.starts_with(&format!("{name}{{")) || line.starts_with(&format!("{name}_bucket{{"))
        });
        for label in labels.iter().filter(|_| *name != "stripe_webhook_build_info") {
            assert!(
                first.is_some_and(|line| line.contains(&format!("{label}=\""))),
                "{name} lacks {label}: {first:?}"
            );
        }
    }
}

#[test]
fn names_are_as_prometheus_wants_them() {
    for (name, kind, labels, help) in TABLE {
        let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        assert!(is_name(name) && labels.iter().all(|label| is_name(label) && *label != "le"), "{name}");
        assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
        assert!(!["_count", "_sum", "_bucket"].iter().any(|suffix| name.ends_with(suffix)), "{name}");
        assert!(!help.is_empty() && !help.ends_with('.'), "{name}: {help}");
        if let Kind::Histogram(bounds) = kind {
            assert!(bounds.is_sorted_by(|one, next| one < next), "{name}");
        }
    }
}

/// The same table is in the documentation.
#[test]
fn every_metric_is_documented() {
    let documented = include_str!("../../../../docs/metrics.md");
    let rows: Vec<&str> = documented.lines().filter(|line| line.starts_with("| `stripe_webhook_")).collect();
    let declared: Vec<String> = TABLE
        .iter()
        .map(|(name, kind, labels, help)| {
            let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
            format!("| `{name}` | {} | {} | {help} |", kind.name(), labels.join(", "))
        })
        .collect();
    assert_eq!(rows, declared, "docs/metrics.md should have these rows:\n{}", declared.join("\n"));
}

#[test]
fn a_quantile_is_between_the_bounds_of_its_bucket() {
    let family: Family<Histogram, 0> = Family::new(&table::COMMIT_WRITES);
    let quantile = |share| {
        let mut found = None;
        family.each(|_, sizes| found = sizes.snapshot().quantile(share));
        found
    };
    assert_eq!(quantile(0.95), None);
    for _ in 0..10 {
        family.with([], |sizes| sizes.observe(3.0));
    }
    assert_eq!((quantile(0.5), quantile(1.0)), (Some(3.0), Some(4.0)));
    for _ in 0..10 {
        family.with([], |sizes| sizes.observe(8.0));
    }
    // A bound belongs to its bucket.
    assert_eq!((quantile(0.5), quantile(0.75)), (Some(4.0), Some(6.0)));
    for _ in 0..1_000 {
        family.with([], |sizes| sizes.observe(10_000.0));
    }
    assert_eq!(quantile(0.95), Some(512.0), "no more is known of what is larger");
}
