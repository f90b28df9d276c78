//! Made-up events, for trying handlers without Stripe.

mod make;
mod put;

use serde_json::{Value, json};
use thiserror::Error;
use webhook_catalog::Shape;

use make::Maker;
use put::Setting;

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
    event_type: &'static str,
    seed: u64,
    object_name: &'static str,
    object: Value,
}

impl Sample {
    /// Makes a sample of a snapshot type. Where Stripe sends one of several objects, it is the first of them.
    ///
    /// # Errors
    ///
    /// Fails if there is no such type.
    pub fn new(event_type: &str, seed: u64) -> Result<Self, SampleError> {
        let known = webhook_catalog::find(event_type)
            .filter(|known| known.kind == webhook_catalog::Kind::Snapshot)
            .ok_or_else(|| SampleError::UnknownType { event_type: event_type.to_owned() })?;
        let object_name = known.objects[0];
        let maker = Maker { event_type: known.name, seed };
        Ok(Self { event_type: known.name, seed, object_name, object: maker.object(object_name, 0) })
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
        let maker = Maker { event_type: self.event_type, seed: self.seed };
        let shape = Shape::Object(vec![self.object_name]);
        let setting = Setting { maker, owner: self.object_name, path, value };
        setting.put(&mut self.object, &shape, false, path.split('.'), 0)
    }

    /// Returns the event's id, which the seed decides.
    pub fn event_id(&self) -> String {
        Maker { event_type: self.event_type, seed: self.seed }.id_with("evt", "event")
    }

    /// Writes the event as Stripe sends it: indented by two spaces. `created` is in seconds since the Unix epoch.
    pub fn body(mut self, created: i64) -> Vec<u8> {
        if let Some(at) = self.object.get_mut("created").filter(|value| value.is_i64()) {
            *at = created.into();
        }
        let mut data = json!({ "object": self.object });
        if self.event_type.ends_with(".updated") {
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
            "type": self.event_type,
        });
        format!("{event:#}").into_bytes()
    }
}

/// Why a sample cannot be made as asked.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SampleError {
    /// The field holds something else.
    #[error("`{path}` cannot be `{value}`: it is {expected}")]
    Mismatch {
        /// The path.
        path: String,
        /// What the field holds.
        expected: String,
        /// What was to be put there.
        value: String,
    },
    /// The object has no such field.
    #[error("`{object}` has no field `{field}` (in `{path}`){}", near.as_ref().map_or(String::new(), |near| format!(": did you mean `{near}`?")))]
    UnknownField {
        /// The object.
        object: String,
        /// The whole path.
        path: String,
        /// The step that leads nowhere.
        field: String,
        /// The nearest name.
        near: Option<String>,
    },
    /// No snapshot type has this name.
    #[error("there is no snapshot event type `{event_type}`")]
    UnknownType {
        /// The name.
        event_type: String,
    },
}
