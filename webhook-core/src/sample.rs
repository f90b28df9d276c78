//! Made-up events, for running handlers without Stripe.

mod envelope;
mod error;
mod make;
mod previous;
mod put;
mod state;
mod story;
mod thin;

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use webhook_catalog::{Catalog, EventType, Kind, Version, enabled, newest, snapshot_twin};

use crate::{DecodeError, Envelope, Event, Payload, Secret, SignatureHeader, Tolerance, sign, verify};

use envelope::EnvelopeFields;
pub use error::SampleError;
use make::Maker;
use put::{Given, Setting};
use state::State;
pub use story::Story;
use story::Told;

/// When a sample happened, if nothing else decides it.
const CREATED: u32 = 1_767_225_600;

/// A made-up event of any type, in the state that its name implies.
///
/// It has every field that Stripe always sends. The most common types are in the state of Stripe's own events (an
/// `invoice.paid` is paid, and has a customer and a line). In the other types, every field that can be null is null.
/// Fields that can be absent are absent. [`set`](Self::set) changes any of this.
///
/// The sample of a thin type refers to such an object, which [`object_now`](Self::object_now) and [`fresh`](Self::fresh) return.
///
/// Ids are derived from the seed: samples with the same seed belong together, whatever their types, and name the same
/// customer, subscription and payment.
///
/// ```
/// use webhook_core::Sample;
///
/// let mut sample = Sample::new("payment_intent.succeeded", 7).unwrap();
/// sample.set("metadata.order_id", "o_1").unwrap();
/// assert!(sample.set("amout", "5").unwrap_err().to_string().contains("did you mean `amount`?"));
/// let body = String::from_utf8(sample.body(1_700_000_000)).unwrap();
/// assert!(body.contains("\"order_id\": \"o_1\"") && body.contains("\"status\": \"succeeded\""));
/// ```
#[derive(Clone, Debug)]
pub struct Sample {
    /// The API version in which it is rendered.
    version: Version,
    catalog: &'static Catalog,
    known: &'static EventType,
    object_name: &'static str,
    seed: u64,
    /// The event of a story that this is.
    told: Option<&'static Told>,
    /// The caller's settings, in their order.
    settings: Vec<(String, Given)>,
    fields: EnvelopeFields,
}

impl Sample {
    /// Makes a sample of a type, in the newest enabled API version that has it. If Stripe sends one of several
    /// objects, it carries the first of them until [`set`](Self::set) sets another `object`.
    ///
    /// # Errors
    ///
    /// Fails if there is no such type.
    pub fn new(event_type: &str, seed: u64) -> Result<Self, SampleError> {
        let mut made = enabled().iter().rev().map(|version| Self::in_version(*version, event_type, seed));
        made.find(Result::is_ok).unwrap_or_else(|| Self::in_version(newest(), event_type, seed))
    }

    /// Makes a sample of a type in an API version. It has the fields of that version, and carries its name.
    ///
    /// # Errors
    ///
    /// Fails if the version is not enabled, or has no such type.
    pub fn in_version(version: Version, event_type: &str, seed: u64) -> Result<Self, SampleError> {
        let catalog = version.catalog().filter(|_| version.is_enabled());
        let catalog = catalog.ok_or(SampleError::VersionNotEnabled { version })?;
        let known = catalog
            .find(event_type)
            .ok_or_else(|| SampleError::UnknownType { event_type: event_type.to_owned(), version })?;
        let group = || known.name.split('.').next().unwrap_or(known.name);
        let object_name = known.objects.first().copied().unwrap_or_else(group);
        Ok(Self {
            version,
            catalog,
            known,
            object_name,
            seed,
            told: None,
            settings: Vec::new(),
            fields: EnvelopeFields::default(),
        })
    }

    /// Sets a field of the object: a path such as `amount`, `metadata.order_id` or `items.data.0.quantity`.
    ///
    /// The text is read as what the field holds: a number, `true`, an enum's value, `null` if the field can be null, JSON
    /// for a whole object or array.
    ///
    /// # Errors
    ///
    /// Fails if the object has no such field, or the field cannot hold the value.
    pub fn set(&mut self, path: &str, value: &str) -> Result<(), SampleError> {
        let other = self.known.objects.iter().find(|name| path == "object" && **name == value);
        if let Some(other) = other {
            self.object_name = other;
            (self.told, self.settings) = (None, Vec::new());
            return Ok(());
        }
        self.put(path, Given::Text(value.to_owned()))
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

    fn put(&mut self, path: &str, value: Given) -> Result<(), SampleError> {
        let maker = self.maker(CREATED.into());
        self.setting(maker, path, &value).put(&mut self.object(maker))?;
        self.settings.push((path.to_owned(), value));
        Ok(())
    }

    fn setting<'a>(&self, maker: Maker, path: &'a str, value: &'a Given) -> Setting<'a> {
        Setting { event: Some(self.known), ..maker.setting(self.object_name, path, value) }
    }

    fn maker(&self, created: i64) -> Maker {
        Maker {
            catalog: self.catalog,
            event_type: self.known.name,
            seed: self.seed,
            created,
            livemode: self.fields.livemode.unwrap_or_default(),
            age: self.told.and_then(|told| told.age),
        }
    }

    /// The object as it was when the event happened.
    fn object(&self, maker: Maker) -> Value {
        let mut object = maker.event_object(self.known, self.object_name);
        if let (Some(age), Some(at)) = (maker.age, object.get_mut("created")) {
            *at = maker.created.saturating_sub(age).into();
        }
        for state in self.states() {
            maker.apply(state, self.object_name, &mut object);
        }
        for (path, value) in &self.settings {
            // It was checked when it was given.
            let put = self.setting(maker, path, value).put(&mut object);
            debug_assert!(put.is_ok(), "{put:?}");
        }
        object
    }

    /// What the event's type says about the object, followed by what a story adds.
    fn states(&self) -> impl DoubleEndedIterator<Item = &'static State> {
        // A thin type may have no object.
        let of_type = self.known.objects.first().and_then(|_| state::of_event(self.occurrence()));
        [of_type, self.told.map(|told| &told.state)].into_iter().flatten()
    }

    /// The former values of what changed. `None` if the event's type does not report them.
    fn former_values(&self, maker: Maker, object: &Value) -> Option<Value> {
        if self.fields.previous.is_some() {
            return self.fields.previous.clone();
        }
        // The former values of a story replace those of the type.
        let said = self.states().rev().find(|state| !state.former.is_empty());
        match said {
            Some(state) => Some(maker.former(state, self.object_name, object)),
            None if self.known.name.ends_with(".updated") => {
                Some(previous::made_up(self.catalog, self.object_name, object).unwrap_or_else(|| json!({})))
            }
            None => None,
        }
    }

    /// What happened, as the type of a snapshot event.
    fn occurrence(&self) -> &'static str {
        snapshot_twin(self.known.name).unwrap_or(self.known.name)
    }

    /// Returns the event's type.
    pub fn event_type(&self) -> &'static str {
        self.known.name
    }

    /// Writes the event as Stripe sends it, indented by two spaces. It happened at `created`, in seconds since the Unix
    /// epoch, unless [`created`](Self::created) set another time.
    pub fn body(self, created: i64) -> Vec<u8> {
        let created = self
            .fields
            .created
            .unwrap_or_else(|| created.saturating_sub(self.told.map_or(0, |told| told.ago)));
        let maker = self.maker(created);
        let object = self.object(maker);
        if self.known.kind == Kind::Thin {
            return printed(self.notification_of(created, &object)).into_bytes();
        }
        let mut data = Map::new();
        if let Some(former) = self.former_values(maker, &object) {
            data.insert("previous_attributes".to_owned(), former);
        }
        data.insert("object".to_owned(), object);
        let mut event = json!({
            "id": self.id(),
            "object": "event",
            "api_version": self.version.name(),
            "created": created,
            "data": data,
            "livemode": maker.livemode,
            "pending_webhooks": 1,
            "request": { "id": null, "idempotency_key": null },
            "type": self.known.name,
        });
        self.write_fields(&mut event);
        printed(event).into_bytes()
    }

    /// Makes the event that a handler would receive, for calling the handler.
    ///
    /// # Errors
    ///
    /// Fails if the object does not fit `T`.
    pub fn event<T: Payload>(self) -> Result<Event<T>, DecodeError> {
        Event::decode(Arc::new(self.envelope()))
    }

    /// The envelope. There is only one way to make one, so a sample is signed and verified like any event.
    fn envelope(self) -> Envelope {
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

/// Writes an event in Stripe's order: `id` and `object` first, the other fields by name.
fn printed(mut event: Value) -> String {
    let first =
        ["id", "object"].map(|key| match event.as_object_mut().and_then(|fields| fields.remove(key)) {
            Some(value) => format!("\n  \"{key}\": {value},"),
            None => String::new(),
        });
    let others = format!("{event:#}");
    format!("{{{}{}", first.concat(), &others[1..])
}
