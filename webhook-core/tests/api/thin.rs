//! Handlers of thin events, and the objects that they read.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde_json::{Value, json};
use webhook_core::catalog::{self, Kind};
use webhook_core::{
    Context, Data, Extract, Fresh, HandlerError, Invocation, Notification, ReadFuture, Sample, States,
    StripeObject, StripeRead, StripeReader, Verdict,
};

use crate::support::{THIN, parse, run_of};

#[derive(Debug, StripeObject)]
#[stripe(object = "payment_intent")]
struct Payment {
    id: String,
    amount: i64,
}

/// Answers every read with the same, and notes the paths.
#[derive(Debug)]
struct Reader {
    answer: fn() -> Result<Option<Bytes>, HandlerError>,
    paths: Mutex<Vec<String>>,
}

impl StripeReader for Reader {
    fn read<'r>(&'r self, read: &'r StripeRead) -> ReadFuture<'r> {
        self.paths.lock().unwrap().push(read.path.clone());
        Box::pin(async { (self.answer)() })
    }
}

fn invocation(body: impl Into<Bytes>) -> Invocation {
    let envelope = Arc::new(parse(body.into()).unwrap());
    let context = Context::new(Arc::clone(&envelope), run_of("shop::paid"));
    Invocation::new(envelope, Arc::new(States::default()), context)
}

fn reading(
    body: impl Into<Bytes>,
    answer: fn() -> Result<Option<Bytes>, HandlerError>,
) -> (Invocation, Arc<Reader>) {
    let reader = Arc::new(Reader { answer, paths: Mutex::default() });
    (invocation(body).reading(Arc::clone(&reader) as _), reader)
}

/// Polls a future that never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("it waits"),
    }
}

fn body(event_type: &str) -> Vec<u8> {
    Sample::new(event_type, 7).unwrap().body(1_700_000_000)
}

const PAID: &str = "v1.payment_intent.succeeded";

#[test]
fn a_notification_has_what_was_sent() {
    let changed = THIN.replace(r#""after": {}"#, r#""after": {"name": "b"}"#);
    let notification = now(<Notification>::extract(&invocation(changed))).unwrap();
    assert_eq!(notification.snapshot_event(), Some("evt_1"));
    assert_eq!(notification.related_object().unwrap().url, "/v1/charges/ch_1");
    assert_eq!(notification.changes().unwrap().decode::<Value>().unwrap()["after"], json!({ "name": "b" }));
    assert_eq!(notification.reason(), Some("request"));

    let of_snapshot = now(<Notification>::extract(&invocation(body("payment_intent.succeeded"))));
    assert_eq!(of_snapshot.unwrap_err().verdict(), Verdict::Park);
}

#[test]
fn the_object_is_read_where_the_event_says_once_for_each_run() {
    let object = || Ok(Some(Bytes::from_static(br#"{"id":"pi_1","object":"payment_intent","amount":5}"#)));
    for event_type in [PAID, "payment_intent.succeeded"] {
        let (run, reader) = reading(body(event_type), object);
        let fresh = now(Fresh::<Payment>::extract(&run)).unwrap();
        assert_eq!((&*fresh.object.id, fresh.object.amount), ("pi_1", 5));
        assert_eq!(fresh.event_type, event_type);
        assert_eq!(fresh.object_as::<Value>().unwrap()["amount"], 5);
        let again = now(Option::<Fresh>::extract(&run)).unwrap().unwrap();
        assert_eq!(again.object["id"], "pi_1");
        let sample = Sample::new(event_type, 7).unwrap();
        let path = format!("/v1/payment_intents/{}", sample.object_now().unwrap()["id"].as_str().unwrap());
        assert_eq!(sample.object_path(), Some(path.clone()));
        assert_eq!(*reader.paths.lock().unwrap(), [path], "{event_type}");
    }
}

#[test]
fn what_cannot_be_read_decides_what_becomes_of_the_run() {
    type Answer = fn() -> Result<Option<Bytes>, HandlerError>;
    let gone = Ok("the object is gone");
    for (name, answer, verdict, message) in [
        ("gone", (|| Ok(None)) as Answer, Verdict::Skip, gone),
        ("deleted", || Ok(Some(Bytes::from_static(br#"{"id":"pi_1","deleted":true}"#))), Verdict::Skip, gone),
        (
            "not JSON",
            || Ok(Some(Bytes::from_static(b"{"))),
            Verdict::Retry { after: None },
            Err("is not JSON"),
        ),
        ("busy", || Err(HandlerError::retry("429")), Verdict::Retry { after: None }, Err("429")),
        (
            "another object",
            || Ok(Some(Bytes::from_static(br#"{"id":"ch_1","object":"charge"}"#))),
            Verdict::Skip,
            Err("`charge`"),
        ),
        (
            "no amount",
            || Ok(Some(Bytes::from_static(br#"{"id":"pi_1","object":"payment_intent"}"#))),
            Verdict::Park,
            Err("`amount`"),
        ),
    ] {
        let error = now(Fresh::<Payment>::extract(&reading(body(PAID), answer).0)).unwrap_err();
        let (Ok(text) | Err(text)) = message;
        assert_eq!(error.verdict(), verdict, "{name}: {error}");
        assert!(error.to_string().contains(text), "{name}: {error}");
        let optional = now(Option::<Fresh<Payment>>::extract(&reading(body(PAID), answer).0));
        assert_eq!(optional.is_ok_and(|fresh| fresh.is_none()), message.is_ok(), "{name}");
    }
    // The URL of a signed event is checked, too: the key goes to Stripe alone.
    let elsewhere = THIN.replace("/v1/charges/ch_1", "//evil.example.com/v1/charges/ch_1");
    let (run, reader) = reading(elsewhere, || Ok(None));
    assert_eq!(now(Fresh::<Payment>::extract(&run)).unwrap_err().verdict(), Verdict::Park);
    assert!(reader.paths.lock().unwrap().is_empty());
    // A caller that is not the server.
    let error = now(Fresh::<Payment>::extract(&invocation(body(PAID)))).unwrap_err();
    assert_eq!(error.verdict(), Verdict::Park);
}

#[derive(StripeObject)]
#[stripe(object = "v1.invoice.upcoming")]
struct Upcoming {
    customer: String,
}

#[test]
fn data_that_was_not_sent_is_read_with_the_event() {
    let (run, reader) = reading(body("v1.invoice.upcoming"), || {
        Ok(Some(Bytes::from_static(br#"{"object":"v2.core.event","data":{"customer":"cus_1"}}"#)))
    });
    let notification = now(Notification::<Value>::extract(&run)).unwrap();
    assert_eq!(notification.data["customer"], "cus_1");
    assert_eq!(now(Notification::<Upcoming>::extract(&run)).unwrap().data.customer, "cus_1");
    assert_eq!(*reader.paths.lock().unwrap(), [format!("/v2/core/events/{}", notification.id)]);
    for answer in [(|| Ok(None)) as fn() -> _, || Ok(Some(Bytes::from_static(b"{}")))] {
        let error = now(Notification::<Value>::extract(&reading(body("v1.invoice.upcoming"), answer).0));
        assert_eq!(error.unwrap_err().verdict(), Verdict::Park);
    }
    // It may be in the event itself.
    let (run, reader) = reading(THIN, || Ok(None));
    assert_eq!(now(Notification::<Value>::extract(&run)).unwrap().data, json!({ "a": 1 }));
    assert!(reader.paths.lock().unwrap().is_empty());
}

#[test]
fn each_thin_type_has_a_sample_that_refers_to_its_object() {
    for known in catalog::thin_types() {
        let name = known.name;
        let sample = Sample::new(name, 7).unwrap();
        let twin =
            catalog::find(name.strip_prefix("v1.").unwrap_or(name)).filter(|it| it.kind == Kind::Snapshot);
        let envelope = parse(sample.clone().body(1_700_000_000)).unwrap();
        assert_eq!(envelope.event_type, name);
        assert_eq!(envelope.created.unwrap().unix_seconds(), 1_700_000_000);
        let Data::Thin(thin) = &envelope.data else { panic!("{name} is not thin") };
        assert_eq!(thin.snapshot_event.is_some(), twin.is_some(), "{name}");
        assert_eq!(thin.related_object.is_some(), !known.objects.is_empty(), "{name}");
        if let Some(reference) = &thin.related_object {
            assert!(known.objects.contains(&&*reference.object_type), "{name}");
            assert_eq!(reference.id.is_none(), known.singleton, "{name}");
            let object = sample.object_now().unwrap();
            assert_eq!(
                (&reference.url, &*reference.object_type),
                (&sample.object_path().unwrap(), object["object"].as_str().unwrap())
            );
        }
    }
    // Twins of one seed report the same occurrence.
    let [thin, snapshot] = [PAID, "payment_intent.succeeded"].map(|name| Sample::new(name, 7).unwrap());
    assert_eq!(thin.clone().notification().unwrap().snapshot_event(), Some(&*snapshot.id()));
    let mut paid = thin;
    paid.set("amount", "42").unwrap();
    assert_eq!(paid.fresh::<Payment>().unwrap().object.amount, 42);
    assert_eq!(snapshot.clone().fresh::<Payment>().unwrap().object.amount, 2000);
    assert!(snapshot.notification().is_none());
}
