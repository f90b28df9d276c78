//! What several tests need: a clock, bodies, and what verifies them.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use webhook_core::{
    Attempt, Data, Envelope, EnvelopeError, Secret, SignatureHeader, SignatureHeaderError, Snapshot,
    Tolerance, Verified, VerifyError, sign, verify,
};

pub(crate) use crate::model::hmac::{hex, hmac, v1};

/// The secret and the time of most of the published test vectors.
pub(crate) const SECRET: &str = "whsec_test_secret";
pub(crate) const NOW: u64 = 1_700_000_000;

/// The body of most of the published test vectors.
pub(crate) const P1: &[u8] = b"{\n  \"id\": \"evt_test_webhook\",\n  \"object\": \"event\"\n}";

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text).unwrap()
}

pub(crate) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Why a request with a header and a body is refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Refused {
    Header(SignatureHeaderError),
    Verify(VerifyError),
}

/// Parses the header and verifies, as a server does.
pub(crate) fn receive(
    keys: &[&str],
    header: &[u8],
    body: &[u8],
    now: SystemTime,
    tolerance: Tolerance,
) -> Result<Verified, Refused> {
    let secrets: Vec<_> = keys.iter().map(|key| secret(key)).collect();
    let header = SignatureHeader::parse(header).map_err(Refused::Header)?;
    verify(&secrets, &header, body.to_vec(), now, tolerance).map_err(Refused::Verify)
}

/// The only way to a `Verified` body, from any bytes.
pub(crate) fn verified(body: impl Into<Bytes>) -> Verified {
    let (body, secrets) = (body.into(), [secret(SECRET)]);
    let text = sign(&secrets, NOW, &body);
    let header = SignatureHeader::parse(text.as_bytes()).unwrap();
    verify(&secrets, &header, body, at(NOW), Tolerance::default()).unwrap()
}

pub(crate) fn parse(body: impl Into<Bytes>) -> Result<Envelope, EnvelopeError> {
    Envelope::parse(&verified(body))
}

/// Writes an event of raw JSON texts: the given ones take the place of a valid event's, or are added; an empty one
/// leaves its key out. A key is written as given, escapes and all.
pub(crate) fn event(overrides: &[(&str, &str)]) -> String {
    let mut fields = vec![
        ("id", r#""evt_1""#),
        ("object", r#""event""#),
        ("type", r#""charge.succeeded""#),
        ("api_version", r#""2026-10-28.endive""#),
        ("created", "1700000000"),
        ("livemode", "false"),
        ("pending_webhooks", "1"),
        ("request", r#"{"id":null,"idempotency_key":null}"#),
        ("data", r#"{"object":{"id":"ch_1","object":"charge"}}"#),
    ];
    for &(key, value) in overrides {
        match fields.iter_mut().find(|(known, _)| *known == key) {
            Some(field) => field.1 = value,
            None => fields.push((key, value)),
        }
    }
    let written = fields.iter().filter(|(_, value)| !value.is_empty());
    let written: Vec<_> = written.map(|(key, value)| format!("\"{key}\":{value}")).collect();
    format!("{{{}}}", written.join(","))
}

/// A thin event, with every field that Stripe may send.
pub(crate) const THIN: &str = r#"{
    "id": "evt_test_1", "object": "v2.core.event", "type": "v1.charge.succeeded", "livemode": false,
    "created": "2026-11-26T10:00:00.000Z", "context": "acct_1",
    "related_object": {"id": "ch_1", "type": "charge", "url": "/v1/charges/ch_1"},
    "reason": {"type": "request", "request": {"id": "req_1", "idempotency_key": "key-1"}},
    "changes": {"before": {}, "after": {}}, "data": {"a": 1}, "snapshot_event": "evt_1"
}"#;

/// What a snapshot event carries.
pub(crate) fn snapshot(envelope: &Envelope) -> &Snapshot {
    match &envelope.data {
        Data::Snapshot(snapshot) => snapshot,
        other => panic!("{other:?} is not a snapshot"),
    }
}

/// The envelope of a valid event whose object is this JSON text.
pub(crate) fn envelope_of(object: &str) -> Arc<Envelope> {
    Arc::new(parse(event(&[("data", &format!("{{\"object\":{object}}}"))])).unwrap())
}

pub(crate) fn run_of(handler: &'static str) -> Attempt {
    Attempt {
        handler,
        endpoint: "/webhook".into(),
        attempt: 1,
        is_replay: false,
        is_stale: false,
        deadline: None,
    }
}

/// Runs a future that never waits, since this crate's tests have no runtime.
pub(crate) fn poll_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the future waits"),
    }
}
