//! The steps.

use std::hint::black_box;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use webhook_core::{
    Attempt, Context, Envelope, Event, Invocation, Payload, RawJson, Registry, Secret, SignatureHeader,
    State, States, StripeObject, Tolerance, objects, on_event, sign, verify,
};
use webhook_server::App;
use webhook_server::testing::TestApp;

use crate::by_hand;

/// A step's name, and what repeats it.
type Step = (&'static str, fn(usize));

/// All steps. Those that end in "by hand" are what an expert would write with serde, for comparison. The last three begin
/// behind the signature.
pub(crate) const STEPS: &[Step] = &[
    ("verify", verify_body),
    ("envelope", envelope),
    ("envelope-and-view-by-hand", event_by_hand),
    ("view", |times| decode::<Nine>(times, PAYMENT_INTENT)),
    ("view-by-hand", |times| by_hand(times, PAYMENT_INTENT, by_hand::nine)),
    ("object", |times| decode::<stripe::PaymentIntent>(times, PAYMENT_INTENT)),
    ("object-by-hand", |times| by_hand(times, PAYMENT_INTENT, by_hand::whole)),
    ("sparse-view", |times| decode::<Sparse>(times, &invoice())),
    ("sparse-view-by-hand", |times| by_hand(times, &invoice(), by_hand::sparse)),
    ("dispatch", dispatch),
    ("record", |times| deliver(times, "charge.succeeded", App::new())),
    ("record-run-finish", |times| deliver(times, "payment_intent.canceled", App::new())),
    ("inline", |times| deliver(times, "payment_intent.succeeded", App::new().inline())),
];

const PAYMENT_INTENT: &str = include_str!("../../../webhook-core/benches/payment_intent.json");
const NOW: u64 = 1_700_000_000;

objects! {
    mod stripe { payment_intent }
}

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
#[expect(dead_code, reason = "decoding is the point")]
struct Nine {
    id: String,
    amount: i64,
    amount_received: i64,
    created: i64,
    currency: String,
    customer: Option<String>,
    receipt_email: Option<String>,
    status: String,
    #[stripe(path = "metadata.order_id")]
    order: Option<String>,
}

#[derive(StripeObject)]
#[stripe(object = "invoice")]
#[expect(dead_code, reason = "decoding is the point")]
struct Sparse {
    id: Option<String>,
    total: i64,
    #[stripe(path = "metadata.order_id")]
    order: Option<String>,
}

/// Takes what arguments there are, and reads the object.
#[on_event("payment_intent.succeeded")]
async fn succeeded(event: Event<Nine>, State(unit): State<()>, context: Context) {
    black_box((event, unit, context));
}

/// Leaves the object alone.
#[on_event("payment_intent.canceled")]
async fn canceled(State(unit): State<()>, context: Context) {
    black_box((unit, context));
}

fn repeat<T>(times: usize, mut step: impl FnMut() -> T) {
    for _ in 0..times {
        black_box(step());
    }
}

/// An event as Stripe sends it, indented; `number` makes its id.
fn event(event_type: &str, number: usize) -> Bytes {
    event_with(event_type, number, PAYMENT_INTENT)
}

fn event_with(event_type: &str, number: usize, object: &str) -> Bytes {
    let object = object.replace('\n', "\n    ");
    format!(
        r#"{{
  "id": "evt_1MtwBwLkdIwHu7ix{number:08}",
  "object": "event",
  "api_version": "2025-09-30.clover",
  "created": {NOW},
  "data": {{
    "object": {object}
  }},
  "livemode": false,
  "pending_webhooks": 1,
  "request": {{
    "id": "req_0123456789abcd",
    "idempotency_key": "7f9a0a3c-51c9-4e4e-8ee2-0123456789ab"
  }},
  "type": "{event_type}"
}}"#
    )
    .into()
}

/// The object of an event, which was not read before.
fn raw(object: &str) -> RawJson {
    let envelope = Envelope::parse_stored(&event_with("x.y", 0, object)).expect("it is an event");
    envelope.raw_object().expect("it carries an object").clone()
}

fn decode<T: Payload>(times: usize, object: &str) {
    let object = raw(object);
    repeat(times, || T::decode(black_box(&object.clone())).expect("the sample fits"));
}

fn by_hand<T>(times: usize, object: &str, decode: fn(&[u8]) -> T) {
    let object = raw(object);
    repeat(times, || decode(black_box(object.as_bytes())));
}

/// The header and the signature. Valgrind's processor lacks the instructions for SHA-256, so this counts the code for
/// processors without them.
fn verify_body(times: usize) {
    let (secrets, body) = ([Secret::new("whsec_0123456789abcdef").expect("it is a secret")], event("x.y", 0));
    let text = sign(&secrets, NOW, &body);
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    repeat(times, || {
        let header = SignatureHeader::parse(black_box(text.as_bytes())).expect("it is one");
        verify(&secrets, &header, body.clone(), now, Tolerance::default()).expect("it is signed")
    });
}

fn envelope(times: usize) {
    let body = event("payment_intent.succeeded", 0);
    repeat(times, || Envelope::parse_stored(black_box(&body)).expect("it is an event"));
}

fn event_by_hand(times: usize) {
    let body = event("payment_intent.succeeded", 0);
    repeat(times, || by_hand::event(black_box(&body)));
}

/// An invoice of 40 lines, of which few fields are read.
fn invoice() -> String {
    let line = |at: usize| {
        format!(
            r#"{{"id":"il_{at}","object":"line_item","amount":100,"metadata":{{}},"x":{PAYMENT_INTENT}}}"#
        )
    };
    let lines: Vec<_> = (0..10).map(line).collect();
    format!(
        r#"{{"id":"in_1","object":"invoice","lines":{{"object":"list","data":[{}],"has_more":false,"url":"/v1"}},"metadata":{{"order_id":"6735"}},"total":2000}}"#,
        lines.join(",")
    )
}

/// From an envelope to the handler's return: the lookup, and the arguments.
fn dispatch(times: usize) {
    let (registry, endpoint) = (Registry::linked(), Arc::<str>::from("stripe"));
    let envelope = Envelope::parse_stored(&event("payment_intent.canceled", 0)).expect("it is an event");
    let (envelope, mut states) = (Arc::new(envelope), States::default());
    states.insert(());
    let states = Arc::new(states);
    let mut waker = TaskContext::from_waker(Waker::noop());
    repeat(times, || {
        for handler in registry.handlers_at(&envelope.event_type, [&*endpoint]) {
            let attempt = Attempt {
                handler: handler.id,
                endpoint: Arc::clone(&endpoint),
                attempt: 1,
                is_replay: false,
                is_stale: false,
                deadline: None,
            };
            let context = Context::new(Arc::clone(&envelope), attempt);
            let mut run = (handler.run)(Invocation::new(Arc::clone(&envelope), Arc::clone(&states), context));
            assert!(
                matches!(run.as_mut().poll(&mut waker), Poll::Ready(Ok(_))),
                "the handler returns at once"
            );
        }
    });
}

/// Delivers events to an application whose inbox is in memory, one after the other. What is not delivered is signed and
/// verified all the same, so that repeating more often adds what comes after the signature.
fn deliver(times: usize, event_type: &str, app: App) {
    const EVENTS: usize = 200;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    let secrets = [Secret::new("whsec_0123456789abcdef01234").expect("it is a secret")];
    runtime.block_on(async {
        let app = TestApp::starting_at(now, app.state(()));
        for number in 0..EVENTS {
            let body = event(event_type, number);
            if number < times {
                assert_eq!(app.deliver_recorded(body).await.status(), 200);
            } else {
                let text = sign(&secrets, NOW, &body);
                let header = SignatureHeader::parse(text.as_bytes()).expect("it is one");
                verify(&secrets, &header, body, now, Tolerance::default()).expect("it is signed");
            }
        }
    });
}
