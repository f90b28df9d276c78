//! Made-up events, for trying handlers without Stripe.

mod error;
mod make;
mod put;

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use webhook_catalog::EventType;

use crate::{DecodeError, Envelope, Event, Payload, Secret, SignatureHeader, Tolerance, sign, verify};

pub use error::SampleError;
use make::Maker;
use put::{Given, Setting};

/// A made-up event of any snapshot type, complete as the catalog describes it.
///
/// Every field that Stripe always sends is there; one that may be null is null, one that may be absent is absent,
/// until [`set`](Self::set) says otherwise. Ids are derived from the seed: the same seed gives the same sample.
///
/// ```
/// use webhook_core::Sample;
///
/// let mut sample = Sample::new("payment_intent.succeeded", 7).unwrap();
/// sample.set("metadata.order_id", "o_1").unwrap();
/// assert!(sample.set("amout", "5").unwrap_err().to_string().contains("did you mean `amount`?"));
/// let body = sample.body(1_700_000_000);
/// assert!(String::from_utf8(body).unwrap().contains("\"order_id\": \"o_1\""));
/// ```
#[derive(Clone, Debug)]
pub struct Sample {
    known: &'static EventType,
    seed: u64,
    object_name: &'static str,
    object: Value,
}

impl Sample {
    /// Makes a sample of a snapshot type. Where Stripe sends one of several objects, it is the first of them, until
    /// [`set`](Self::set) gives another `object`.
    ///
    /// # Errors
    ///
    /// Fails if there is no such type.
    pub fn new(event_type: &str, seed: u64) -> Result<Self, SampleError> {
        let known = webhook_catalog::find(event_type)
            .filter(|known| known.kind == webhook_catalog::Kind::Snapshot)
            .ok_or_else(|| SampleError::UnknownType { event_type: event_type.to_owned() })?;
        Ok(Self::of(known, known.objects[0], seed))
    }

    fn of(known: &'static EventType, object_name: &'static str, seed: u64) -> Self {
        let maker = Maker { event_type: known.name, seed };
        Self { known, seed, object_name, object: maker.event_object(known, object_name) }
    }

    /// Sets a field of the object: a path such as `amount`, `metadata.order_id` or `items.data.0.quantity`.
    ///
    /// The text is read as what the field holds: a number, `true`, an enum's value, `null` where that may be, JSON
    /// for a whole object or array.
    ///
    /// # Errors
    ///
    /// Fails if the object has no such field, or the field cannot hold the value.
    pub fn set(&mut self, path: &str, value: &str) -> Result<(), SampleError> {
        let other = self.known.objects.iter().find(|name| path == "object" && **name == value);
        if let Some(other) = other {
            *self = Self::of(self.known, other, self.seed);
            return Ok(());
        }
        self.put(path, Given::Text(value))
    }

    /// Sets a field of the object to a JSON value.
    ///
    /// # Errors
    ///
    /// Fails as [`set`](Self::set) does.
    pub fn set_json(&mut self, path: &str, value: Value) -> Result<(), SampleError> {
        match &value {
            Value::String(text) if path == "object" => self.set(path, text),
            _ => self.put(path, Given::Json(value)),
        }
    }

    fn put(&mut self, path: &str, value: Given<'_>) -> Result<(), SampleError> {
        let setting =
            Setting { maker: self.maker(), event: self.known, object: self.object_name, path, value };
        setting.put(&mut self.object)
    }

    fn maker(&self) -> Maker {
        Maker { event_type: self.known.name, seed: self.seed }
    }

    /// Returns the event's type.
    pub fn event_type(&self) -> &'static str {
        self.known.name
    }

    /// Returns the event's id, which the seed decides.
    pub fn event_id(&self) -> String {
        self.maker().id_with("evt", "event")
    }

    /// Writes the event as Stripe sends it: indented by two spaces. `created` is in seconds since the Unix epoch.
    pub fn body(mut self, created: i64) -> Vec<u8> {
        if let Some(at) = self.object.get_mut("created").filter(|value| value.is_i64()) {
            *at = created.into();
        }
        let mut data = json!({ "object": self.object });
        if self.known.name.ends_with(".updated") {
            data["previous_attributes"] = json!({});
        }
        let event = json!({
            "id": self.event_id(),
            "object": "event",
            "api_version": webhook_catalog::api_version(),
            "created": created,
            "data": data,
            "livemode": false,
            "pending_webhooks": 1,
            "request": { "id": null, "idempotency_key": null },
            "type": self.known.name,
        });
        format!("{event:#}").into_bytes()
    }

    /// Makes the event that a handler would receive, to call the handler with.
    ///
    /// # Errors
    ///
    /// Fails where the object does not fit `T`.
    pub fn event<T: Payload>(self) -> Result<Event<T>, DecodeError> {
        Event::decode(Arc::new(self.envelope()))
    }

    /// The envelope, by the only way to one: a sample is signed and verified like any event.
    fn envelope(self) -> Envelope {
        const CREATED: u32 = 1_767_225_600;
        let now = UNIX_EPOCH + Duration::from_secs(CREATED.into());
        let Ok(secret) = Secret::new("whsec_sample") else { unreachable!("the text is a secret") };
        let body = self.body(CREATED.into());
        let text = sign(std::slice::from_ref(&secret), CREATED.into(), &body);
        let parsed = SignatureHeader::parse(text.as_bytes()).ok().and_then(|header| {
            let verified = verify(&[secret], &header, body, now, Tolerance::default()).ok()?;
            Envelope::parse(&verified).ok()
        });
        let Some(envelope) = parsed else { unreachable!("a sample is an event") };
        envelope
    }
}
