use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::HOST;
use webhook_core::{SIGNATURE_HEADER, Sample, sign};

use super::*;
use crate::alerts::{AlertKind, Alerts};
use crate::app::App;
use crate::receive::tests::{NOW, paid, secret, server, with_inbox};
use crate::settings::Settings;
use crate::store::clock::{ManualClock, StoreClock};
use crate::store::{InboxLocation, Opening, open, open_in_memory};

async fn deliver(server: &Server, body: Bytes) {
    let request = Request::post("/webhook").header(HOST, "a");
    let request = request.header(SIGNATURE_HEADER, sign(&[secret()], NOW, &body));
    let request = request.body(Full::new(body)).expect("it is a request");
    let connection = server.receiver.connections.admit(None).expect("there are few");
    assert_eq!(server.receiver.answer(request, connection).await.status(), 200);
}

/// The lines of a page that begin like one of these.
fn lines(page: &str, names: &[&str]) -> Vec<String> {
    let lines = page.lines().filter_map(|line| line.strip_prefix("stripe_webhook_"));
    lines.filter(|line| names.iter().any(|name| line.starts_with(name))).map(str::to_owned).collect()
}

async fn page_of(server: &Server) -> String {
    server.parts.metrics.page(&server.gauging().gauges().await)
}

#[tokio::test]
async fn the_page_shows_what_a_server_and_its_inbox_do() {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let location = InboxLocation::File(folder.path().join("inbox.db"));
    let opening = Opening { on_network_disk: true, ..Opening::default() };
    let server = server(Some(open(&location, &opening).expect("it can be made")));
    deliver(&server, paid()).await;
    deliver(&server, Bytes::from_static(b"hello")).await;
    // The run ends after the answer.
    server.inbox.as_ref().expect("it has one").worker.in_flight.none().await;
    let page = page_of(&server).await;
    let told = [
        "body_memory",
        "connections",
        "deliveries",
        "inbox_up",
        "oldest_due",
        "quarantined",
        "queue_duration_seconds_count",
        "requests",
        "runs",
        "tasks{",
        "writer_queue",
    ];
    assert_eq!(
        lines(&page, &told),
        [
            r#"deliveries_total{endpoint="/webhook",outcome="quarantined",reason=""} 1"#,
            r#"deliveries_total{endpoint="/webhook",outcome="stored",reason=""} 1"#,
            "connections_refused_total 0",
            r#"runs_total{handler="pays",outcome="done"} 1"#,
            r#"queue_duration_seconds_count{handler="pays"} 1"#,
            "connections 0",
            "requests_in_flight 0",
            "body_memory_bytes 0",
            "writer_queue 0",
            "writer_queue_bytes 0",
            "inbox_up 1",
            r#"tasks{state="blocked"} 0"#,
            r#"tasks{state="ready"} 0"#,
            r#"tasks{state="running"} 0"#,
            "oldest_due_seconds 0",
            "quarantined_bodies 1",
        ]
    );
    let commits = lines(&page, &["commit_writes_count"]);
    let count: u64 =
        commits[0].rsplit(' ').next().and_then(|count| count.parse().ok()).expect("it is a number");
    assert!(count >= 2, "the second delivery may share the commit of the first run's end: {commits:?}");
    let hour = server.parts.metrics.last_hour();
    assert_eq!((hour[59].received, hour[59].handled), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_was_counted_counts_for_a_while() {
    let server = with_inbox();
    let quarantined = async || lines(&page_of(&server).await, &["quarantined"]).concat();
    assert_eq!(quarantined().await, "quarantined_bodies 0");
    deliver(&server, Bytes::from_static(b"hello")).await;
    tokio::time::advance(FRESH - Duration::from_millis(1)).await;
    assert_eq!(quarantined().await, "quarantined_bodies 0");
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(quarantined().await, "quarantined_bodies 1");
}

#[tokio::test]
async fn without_an_inbox_there_is_nothing_to_tell_of_one() {
    let page = page_of(&server(None)).await;
    assert_eq!(lines(&page, &["connections ", "inbox", "tasks{", "writer"]), ["connections 0"]);
}

#[tokio::test]
async fn tasks_that_are_late_are_an_alert() {
    let clock = ManualClock::new(0);
    let store = open_in_memory(Some(StoreClock::manual(&clock))).expect("it is in memory");
    let mut server = server(Some(store));
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let app = App::new().on_alert(move |alert| {
        tell.send(alert).expect("the test waits for it");
        async {}
    });
    let settings = Settings { alert_after: Duration::from_secs(1), ..Settings::default() };
    let now = Arc::clone(&server.parts.now);
    server.parts.alerts = Alerts::of((app.alert_hook, None), &settings, false, now);
    let alerts = server.parts.alerts.clone().expect("there is a hook");
    let failing = Sample::new("charge.failed", 7).expect("there is such a type");
    deliver(&server, failing.body(1_700_000_000).into()).await;
    server.inbox.as_ref().expect("it has one").worker.in_flight.none().await;
    // Nobody makes the second run, which is due by now.
    clock.advance(Duration::from_secs(60 * 60));
    let telling = async {
        while told.is_empty() {
            alerts.tell_hook().await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        () = server.watch_backlog() => unreachable!("it never ends"),
        told = tokio::time::timeout(Duration::from_secs(300), telling) => told.expect("it is told"),
    }
    let alert = told.try_recv().expect("it was told");
    assert_eq!((alert.kind, alert.count, alert.is_over), (AlertKind::Behind, 1, false));
    assert!(alert.lasting > Some(Duration::from_secs(50 * 60)), "{alert:?}");
}
