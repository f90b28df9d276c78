//! Every row of the status table, by calling `receive` as a function: no socket, no listener.

mod traced;
mod untouchable;

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::UNIX_EPOCH;

use hyper::body::{Body, Frame, SizeHint};
use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};
use tokio::net::{TcpListener, TcpStream};
use webhook_core::{
    HandlerError, HandlerFuture, Invocation, Policy, Registration, Registry, Reply, SIGNATURE_HEADER, Sample,
    Secret, States, Subscription, sign,
};

use self::untouchable::Untouchable;
use super::*;
use crate::endpoint::Endpoint;
use crate::report::metrics::Metrics;
use crate::run::attempt::Runner;
use crate::run::hand_over::HandlerRuntime;
use crate::run::test_handlers::registration;
use crate::secrets::SigningSecrets;
use crate::server::{Parts, Server};
use crate::settings::Settings;
use crate::store::{InboxLocation, Opening, Store, open, open_in_memory};

/// When it is, in seconds since the Unix epoch.
pub(crate) const NOW: u64 = 1_700_000_000;

const BODY_LIMIT: u64 = 100_000;

/// A body that a test makes: its chunks, and what follows them.
struct TestBody {
    chunks: VecDeque<Bytes>,
    announced: u64,
    end: End,
}

#[derive(Clone, Copy)]
enum End {
    Whole,
    Broken,
    Never,
}

impl Body for TestBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        match (self.chunks.pop_front(), self.end) {
            (Some(chunk), _) => Poll::Ready(Some(Ok(Frame::data(chunk)))),
            (None, End::Whole) => Poll::Ready(None),
            (None, End::Broken) => Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into()))),
            (None, End::Never) => Poll::Pending,
        }
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        hint.set_lower(self.announced);
        hint
    }
}

/// The two ends of a connection: the sender's and the server's.
pub(super) async fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let sender = TcpStream::connect(listener.local_addr().expect("it is bound")).await.expect("it listens");
    let (stream, _) = listener.accept().await.expect("one connects");
    (sender, stream)
}

pub(crate) fn secret() -> Secret {
    Secret::new("whsec_0123456789abcdef").expect("it is a secret")
}

pub(crate) fn paid() -> Bytes {
    sample("payment_intent.succeeded")
}

fn sample(event_type: &str) -> Bytes {
    Sample::new(event_type, 7)
        .expect("there is such a type")
        .body(i64::try_from(NOW).expect("it fits"))
        .into()
}

/// A request as Stripe sends it, at `signed_at`.
fn signed_at(signed_at: u64, body: &Bytes) -> Request<TestBody> {
    request("/webhook", &[&sign(&[secret()], signed_at, body)], body)
}

fn request(path: &str, signatures: &[&str], body: &Bytes) -> Request<TestBody> {
    let mut request = Request::post(path).header("host", "a");
    for signature in signatures {
        request = request.header(SIGNATURE_HEADER, *signature);
    }
    let body = TestBody { chunks: [body.clone()].into(), announced: 0, end: End::Whole };
    request.body(body).expect("it is a request")
}

const fn handler(id: &'static str, event_types: &'static [&'static str], replies: bool) -> Registration {
    registration(id, Subscription::Types(event_types), Policy { replies, ..Policy::DEFAULT }, run)
}

static HANDLERS: [Registration; 5] = [
    handler("pays", &["payment_intent.succeeded"], false),
    handler("approves", &["issuing_authorization.request"], true),
    Registration { endpoint: Some("connect"), ..handler("welcomes", &["checkout.session.completed"], true) },
    handler("either", &["payment_intent.canceled", "v1.payment_intent.canceled"], false),
    handler("fails", &["charge.failed", "charge.refunded", "charge.captured", "invoice.paid"], false),
];

fn run(invocation: Invocation) -> HandlerFuture {
    Box::pin(async move {
        match &*invocation.envelope.event_type {
            "issuing_authorization.request" | "checkout.session.completed" => {
                Ok(Some(Reply::json(&serde_json::json!({ "approved": true }))?))
            }
            "charge.failed" => Err(HandlerError::retry("not now")),
            "charge.refunded" => Err(HandlerError::park("not like this")),
            "charge.captured" => Err(HandlerError::skip("not wanted")),
            "invoice.paid" => std::future::pending().await,
            _ => Ok(None),
        }
    })
}

/// A server whose clock stands still.
pub(crate) fn server(store: Option<Arc<dyn Store>>) -> Server {
    server_at(vec![Endpoint::at("/webhook")], store)
}

fn server_at(endpoints: Vec<Endpoint>, store: Option<Arc<dyn Store>>) -> Server {
    let settings = Settings { body_limit: BODY_LIMIT, ..Settings::default() };
    let endpoints = Endpoints::of_a_test(endpoints, SigningSecrets::only(secret(), "test"));
    let runner = Runner {
        states: Arc::new(States::default()),
        timeout: Duration::from_secs(10),
        unknown_version: settings.unknown_version,
        reader: None,
        runtime: HandlerRuntime::default(),
    };
    let now: WallClock = Arc::new(|| UNIX_EPOCH + Duration::from_secs(NOW));
    let metrics = Arc::new(Metrics::new(Arc::clone(&now)));
    let parts = Parts {
        registry: Arc::new(Registry::new(&HANDLERS)),
        runner,
        endpoints,
        settings,
        report: Report::to(Arc::clone(&metrics)),
        alerts: None,
        metrics,
        tls: None,
        #[cfg(feature = "admin")]
        token: None,
        now,
    };
    Server::new(parts, store)
}

pub(crate) fn with_inbox() -> Server {
    server(Some(open_in_memory(None).expect("it is in memory")))
}

async fn receive(server: &Server, request: Request<TestBody>) -> Outcome {
    let connection = server.receiver.connections.admit(None).expect("there are few");
    connection.began_request();
    server.receiver.receive(request, &connection, &mut Via::default()).await
}

/// The status of an outcome, and a word for the outcome itself.
fn told(outcome: &Outcome) -> (u16, &'static str) {
    let word = match outcome {
        Ok(Receipt::Stored { .. }) => "stored",
        Ok(Receipt::Duplicate { same_body: true, .. }) => "duplicate",
        Ok(Receipt::Duplicate { same_body: false, .. }) => "changed duplicate",
        Ok(Receipt::Quarantined { .. }) => "quarantined",
        Ok(Receipt::Handled(_)) => "handled",
        Ok(Receipt::OtherMode { .. }) => "other mode",
        Err(refusal) => refusal.kind(),
    };
    let response = reply::to(outcome);
    let has = |name: &str| response.headers().contains_key(name);
    let status = response.status();
    assert_eq!(has("retry-after"), status == StatusCode::SERVICE_UNAVAILABLE, "{word}");
    assert_eq!(has("allow"), status == StatusCode::METHOD_NOT_ALLOWED, "{word}");
    let goes_on = [
        "mismatch",
        "clock",
        "no-event",
        "in-progress",
        "not-stored",
        "not-signed",
        "signature-header",
        "untimely",
    ];
    let ends = outcome.is_err() && !goes_on.contains(&word);
    assert_eq!(
        has("connection"),
        ends,
        "{word}: only a request of good form whose body may be there goes on"
    );
    (status.as_u16(), word)
}

fn thin_event() -> Bytes {
    Bytes::from_static(
        br#"{"object":"v2.core.event","id":"evt_thin","type":"v1.payout.paid","livemode":false,
             "related_object":{"id":"po_1","type":"payout","url":"/v1/payouts/po_1"}}"#,
    )
}

#[tokio::test]
async fn what_is_verified_is_stored_and_answered_with_200() {
    let server = with_inbox();
    let changed = Bytes::from([b" ", &*paid()].concat());
    for (name, body, expected) in [
        ("an event", paid(), "stored"),
        ("the same event", paid(), "duplicate"),
        ("the same event with another body", changed, "changed duplicate"),
        ("an event without a handler", sample("customer.created"), "stored"),
        ("an event whose handler fails", sample("charge.failed"), "stored"),
        ("an event whose handler parks it", sample("charge.refunded"), "stored"),
        ("a thin event", thin_event(), "stored"),
        ("the same thin event", thin_event(), "duplicate"),
        ("a thin event without an id", Bytes::from_static(br#"{"object":"v2.core.event"}"#), "quarantined"),
        ("not JSON", Bytes::from_static(b"hello"), "quarantined"),
        ("nothing", Bytes::new(), "quarantined"),
    ] {
        let outcome = receive(&server, signed_at(NOW, &body)).await;
        assert_eq!(told(&outcome), (200, expected), "{name}: {outcome:?}");
    }
}

#[tokio::test]
async fn an_endpoint_of_one_mode_handles_no_event_of_the_other() {
    let live = |event: &str| Bytes::from(event.replace("\"livemode\":false", "\"livemode\":true"));
    let text =
        String::from_utf8(paid().to_vec()).expect("it is JSON").replace("\"livemode\": ", "\"livemode\":");
    let (test_event, live_event) = (Bytes::from(text.clone()), live(&text));
    assert_ne!(test_event, live_event);
    let any = || Endpoint::at("/webhook");
    for with_inbox in [true, false] {
        for (name, endpoint, event, expected) in [
            ("a test event, live alone", any().live_only(), &test_event, "other mode"),
            ("a live event, live alone", any().live_only(), &live_event, "taken"),
            ("a test event, test alone", any().test_only(), &test_event, "taken"),
            ("a live event, test alone", any().test_only(), &live_event, "other mode"),
            ("a test event, any", any(), &test_event, "taken"),
            ("a live event, any", any(), &live_event, "taken"),
        ] {
            let store = || open_in_memory(None).expect("it is in memory");
            let server = server_at(vec![endpoint], with_inbox.then(store));
            let outcome = receive(&server, signed_at(NOW, event)).await;
            let taken = if with_inbox { "stored" } else { "handled" };
            let expected = if expected == "taken" { taken } else { expected };
            assert_eq!(told(&outcome), (200, expected), "{name}: {outcome:?}");
        }
    }
}

/// What one endpoint does not take, another one may: it was not stored.
#[tokio::test]
async fn an_event_that_two_endpoints_receive_is_one_event() {
    let endpoints = vec![
        Endpoint::at("/live").live_only(),
        Endpoint::at("/webhook"),
        Endpoint::at("/connect").named("connect"),
    ];
    let server = server_at(endpoints, Some(open_in_memory(None).expect("it is in memory")));
    for (path, expected) in [
        ("/live", (200, "other mode")),
        ("/webhook", (200, "stored")),
        ("/connect", (200, "duplicate")),
        ("/live", (200, "other mode")),
        ("/elsewhere", (404, "path")),
    ] {
        let outcome = receive_at(&server, path, &paid()).await;
        assert_eq!(told(&outcome), expected, "{path}: {outcome:?}");
    }
}

/// Sends an event to the endpoint at a path.
async fn receive_at(server: &Server, path: &str, body: &Bytes) -> Outcome {
    let mut request = signed_at(NOW, body);
    *request.uri_mut() = path.parse().expect("it is a path");
    receive(server, request).await
}

#[tokio::test]
async fn a_sender_that_waits_gets_the_reply_of_its_endpoints_handler_also_to_a_known_event() {
    let endpoints = vec![Endpoint::at("/webhook"), Endpoint::at("/connect").named("connect")];
    let server = server_at(endpoints, Some(open_in_memory(None).expect("it is in memory")));
    let first = sample("checkout.session.completed");
    let changed = Bytes::from([b" ", &*first].concat());
    for (name, path, body, word, expected) in [
        ("without a handler there", "/webhook", &first, "stored", (0, false)),
        ("its handler runs now", "/connect", &changed, "changed duplicate", (1, true)),
        ("it ran before", "/connect", &changed, "duplicate", (0, false)),
        ("the first endpoint again", "/webhook", &first, "changed duplicate", (0, false)),
    ] {
        let outcome = receive_at(&server, path, body).await;
        assert_eq!(told(&outcome), (200, word), "{name}: {outcome:?}");
        let Ok(Receipt::Stored { tasks, reply, .. } | Receipt::Duplicate { tasks, reply, .. }) = &outcome
        else {
            panic!("{outcome:?}")
        };
        assert_eq!((*tasks, reply.is_some()), expected, "{name}");
    }
}

/// The thin event that reports the same as a snapshot event.
fn twin_of(snapshot: &Bytes) -> Bytes {
    let snapshot = Envelope::parse_stored(snapshot).expect("it is an event");
    let (id, event_type, object) =
        (&snapshot.id, &snapshot.event_type, snapshot.object_id().expect("it has one"));
    format!(
        r#"{{"object":"v2.core.event","id":"evt_thin","type":"v1.{event_type}","livemode":false,"snapshot_event":"{id}",
            "related_object":{{"id":"{object}","type":"payment_intent","url":"/v1/payment_intents/{object}"}}}}"#
    )
    .into()
}

#[tokio::test]
async fn a_handler_that_takes_both_kinds_has_a_task_of_the_event_that_comes_first() {
    let snapshot = sample("payment_intent.canceled");
    let thin = twin_of(&snapshot);
    for order in [[&snapshot, &thin], [&thin, &snapshot]] {
        let server = with_inbox();
        for (body, expected) in order.into_iter().zip([(1, 0), (0, 1)]) {
            let outcome = receive(&server, signed_at(NOW, body)).await;
            let Ok(Receipt::Stored { tasks, known_occurrences, .. }) = outcome else { panic!("{outcome:?}") };
            assert_eq!((tasks, known_occurrences), expected);
        }
    }
}

#[tokio::test]
async fn a_sender_that_waits_gets_the_handlers_reply() {
    let outcome = receive(&with_inbox(), signed_at(NOW, &sample("issuing_authorization.request"))).await;
    assert_eq!(told(&outcome), (200, "stored"));
    let Ok(Receipt::Stored { reply: Some(reply), .. }) = &outcome else { panic!("{outcome:?}") };
    assert!(reply.body().starts_with(br#"{"approved":true"#), "{:?}", reply.body());
    assert!(reply::to(&outcome).headers().contains_key("stripe-version"));
}

#[tokio::test]
async fn without_an_inbox_the_answer_says_how_the_handlers_ended() {
    let server = server(None);
    for (event_type, status) in [
        ("payment_intent.succeeded", 200),
        ("customer.created", 200),
        ("charge.captured", 200),
        ("charge.failed", 500),
        ("charge.refunded", 500),
    ] {
        let outcome = receive(&server, signed_at(NOW, &sample(event_type))).await;
        assert_eq!(told(&outcome), (status, "handled"), "{event_type}");
    }
    let thin = Bytes::from_static(br#"{"object":"v2.core.event"}"#);
    assert_eq!(told(&receive(&server, signed_at(NOW, &thin)).await), (400, "no-event"));

    // The same event again, while its handler is still running.
    let unpaid = sample("invoice.paid");
    let mut first = Box::pin(receive(&server, signed_at(NOW, &unpaid)));
    assert!(futures_poll(&mut first).await, "its handler never ends");
    assert_eq!(told(&receive(&server, signed_at(NOW, &unpaid)).await), (409, "in-progress"));
}

/// Polls a future once; returns whether it is pending.
async fn futures_poll<F: Future + Unpin>(future: &mut F) -> bool {
    std::future::poll_fn(|context| Poll::Ready(Pin::new(&mut *future).poll(context).is_pending())).await
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_says_so_and_never_touches_the_store() {
    let server = server(Some(Arc::new(Untouchable)));
    let body = paid();
    let good = sign(&[secret()], NOW, &body);
    let forged = format!("t={NOW},v1={}", "0".repeat(64));
    let ends = |end: End, announced: u64, chunks: &[Bytes]| {
        let request = Request::post("/webhook").header("host", "a").header(SIGNATURE_HEADER, &good);
        let chunks = chunks.iter().cloned().collect();
        request.body(TestBody { chunks, announced, end }).expect("it is a request")
    };
    let get = || {
        let mut request = request("/webhook", &[&good], &body);
        *request.method_mut() = Method::GET;
        request
    };
    let with = |name, value| {
        let mut request = request("/webhook", &[&good], &body);
        request.headers_mut().append(name, HeaderValue::from_static(value));
        request
    };
    let long = Bytes::from(vec![b' '; 60_000]);
    let untimely = || signed_at(NOW - 301, &body);
    // A few untimely requests are verified all the same; this uses them up.
    for _ in 0..5 {
        assert_eq!(told(&receive(&server, untimely()).await), (400, "clock"));
    }
    for (name, request, expected) in [
        ("another path", request("/", &[&good], &body), (404, "path")),
        ("another method", get(), (405, "method")),
        ("for a proxy", request("http://a/webhook", &[&good], &body), (400, "target")),
        ("two hosts", with("host", "b"), (400, "host")),
        ("compressed", with("content-encoding", "gzip"), (415, "content-encoding")),
        ("compressed in transfer", with("transfer-encoding", "gzip, chunked"), (501, "transfer-encoding")),
        ("chunked twice", with("transfer-encoding", "chunked, chunked"), (400, "transfer-encoding")),
        ("something else expected", with("expect", "200-ok"), (417, "expect")),
        ("no signature", request("/webhook", &[], &body), (400, "not-signed")),
        ("two signatures", request("/webhook", &[&good, &good], &body), (400, "signature-header")),
        ("a malformed signature", request("/webhook", &["t=1"], &body), (400, "signature-header")),
        ("a forged signature", request("/webhook", &[&forged], &body), (400, "mismatch")),
        ("another body", request("/webhook", &[&good], &long), (400, "mismatch")),
        ("too old", untimely(), (400, "untimely")),
        ("ahead of the clock", signed_at(NOW + 301, &body), (400, "untimely")),
        ("announced too long", ends(End::Never, BODY_LIMIT + 1, &[]), (413, "body-too-long")),
        ("too long", ends(End::Never, 0, &[long.clone(), long.clone()]), (413, "body-too-long")),
        ("cut off", ends(End::Broken, 0, &[body.slice(..9)]), (400, "body-broken")),
        ("too slow", ends(End::Never, 0, &[body.slice(..9)]), (408, "body-timeout")),
    ] {
        let outcome = receive(&server, request).await;
        assert_eq!(told(&outcome), expected, "{name}: {outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_received_now_is_to_be_sent_again() {
    let server = with_inbox();
    // It is asked to make way while its body is awaited.
    let connection = server.receiver.connections.admit(None).expect("there are few");
    connection.began_request();
    let request = request("/webhook", &[&sign(&[secret()], NOW, b"")], &Bytes::new());
    let request = request.map(|_| TestBody { chunks: VecDeque::new(), announced: 0, end: End::Never });
    let mut via = Via::default();
    let receiving = server.receiver.receive(request, &connection, &mut via);
    let (outcome, ()) = tokio::join!(receiving, async {
        tokio::task::yield_now().await;
        server.receiver.connections.make_way();
    });
    assert_eq!(told(&outcome), (503, "gave-way"));
    assert_eq!(told(&Err(Refusal::NoMemory)), (503, "no-memory"));
    assert_eq!(told(&Err(Refusal::Failed)), (500, "failed"));
}

#[tokio::test]
async fn what_is_not_stored_is_not_answered_with_200() {
    let folder = tempfile::tempdir().expect("there is room");
    let location = InboxLocation::File(folder.path().join("inbox.db"));
    let opening = Opening { disk_floor: u64::MAX, on_network_disk: true, ..Opening::default() };
    let server = server(Some(open(&location, &opening).expect("it can be made")));
    assert_eq!(told(&receive(&server, signed_at(NOW, &paid())).await), (503, "not-stored"));
    let not_an_event = Bytes::from_static(b"{}");
    assert_eq!(told(&receive(&server, signed_at(NOW, &not_an_event)).await), (503, "not-stored"));
}
