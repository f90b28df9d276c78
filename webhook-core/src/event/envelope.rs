//! The envelope: what every event has, whatever object it carries.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::{RawJson, Timestamp, Verified};

/// The longest id or event type that is accepted, in characters. Stripe's own are below 80.
const MAX_NAME: usize = 255;

/// What every snapshot event has, whatever object it carries.
///
/// Source of the fields: <https://docs.stripe.com/api/events/object>. The object itself stays raw: each handler
/// decodes it into its own type.
#[derive(Clone)]
#[non_exhaustive]
pub struct Envelope {
    /// The event's id, `evt_…`: letters, digits and `_` only, 255 at most. The same on every delivery of the event.
    pub id: String,
    /// The event's type, such as `payment_intent.succeeded`: letters, digits, `_` and `.` only, 255 at most.
    pub event_type: String,
    /// When the event happened. Whole seconds, so neither an order nor an identity. `None` if Stripe sent something
    /// other than a whole number.
    pub created: Option<Timestamp>,
    /// Whether it happened in live mode. A live Connect endpoint receives test events as well.
    pub livemode: bool,
    /// The API version that `object` was rendered in. `None` on events from before 2014-10-31.
    pub api_version: Option<String>,
    /// The connected account that it happened on, `acct_…`.
    pub account: Option<String>,
    /// The authentication context, to be sent back as `Stripe-Context` where an organisation receives the event.
    pub context: Option<String>,
    /// The API request that caused it. `None` where Stripe acted by itself.
    pub request: Option<EventRequest>,
    /// How many endpoints had not yet answered when it was sent.
    pub pending_webhooks: Option<u64>,
    /// The object that the event is about, as it was when the event happened.
    pub object: RawJson,
    /// The former values of what changed. On `*.updated` events, and a few others that tell of one change, such as
    /// `charge.dispute.closed`; may be partial, and may be null where the field is not.
    pub previous_attributes: Option<RawJson>,
    /// The whole body, as it was signed.
    pub body: Bytes,
}

/// Shows what identifies the event; of the object and the body, which are a customer's data, the size.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("id", &self.id)
            .field("event_type", &self.event_type)
            .field("created", &self.created)
            .field("livemode", &self.livemode)
            .field("api_version", &self.api_version)
            .field("account", &self.account)
            .field("object", &self.object)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The API request that caused an event.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EventRequest {
    /// The request's id, `req_…`. `None` where Stripe acted by itself.
    pub id: Option<String>,
    /// The idempotency key that the request was sent with.
    pub idempotency_key: Option<String>,
}

impl Envelope {
    /// Reads the envelope of a verified body, in one pass that looks into neither the object nor unknown fields.
    ///
    /// # Errors
    ///
    /// Refuses what is no snapshot event: no JSON object, a thin event, an id or type that is missing, doubled or
    /// holds a character that none of Stripe's does, no `livemode`, no `data.object`.
    pub fn parse(verified: &Verified) -> Result<Self, EnvelopeError> {
        Self::of_body(verified.body())
    }

    /// Reads the envelope of a body that was verified when it was stored. Whoever calls this vouches for the store.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_stored(body: &Bytes) -> Result<Self, EnvelopeError> {
        Self::of_body(body)
    }

    /// Returns what tells this event from all others: its id, its type and the id of its object, `evt_…/type/object`.
    ///
    /// From Stripe itself, the id alone does; test consoles send events of every type under one id.
    pub fn key(&self) -> String {
        // An object's id may be any text, and a key must fit every database.
        let object = self.text_at("id").unwrap_or_default().replace('\0', "");
        format!("{}/{}/{object}", self.id, self.event_type)
    }

    /// Returns the text that stands at a path inside the object, such as `id`, `payment_intent.customer` or
    /// `metadata.Order No.`; where Stripe sent a whole object in the place of its id, that object's id. `None` if there
    /// is neither.
    pub fn text_at(&self, path: &str) -> Option<String> {
        let value = self.object.json_in_passing().at_path(path)?;
        let id = if value.is_text() { value } else { value.field("id")? };
        id.decode("a text").ok()
    }

    fn of_body(body: &Bytes) -> Result<Self, EnvelopeError> {
        let text =
            std::str::from_utf8(body).map_err(|error| EnvelopeError::NotUtf8 { at: error.valid_up_to() })?;
        match text.trim_start_matches([' ', '\t', '\r', '\n']).as_bytes().first() {
            None => return Err(EnvelopeError::Empty),
            Some(b'{') => {}
            // A derived structure would read an array field by field.
            Some(_) => {
                let json = serde_json::from_str::<IgnoredAny>(text);
                return Err(
                    json.map_or_else(|error| EnvelopeError::of(&error), |_| EnvelopeError::NotAnObject)
                );
            }
        }
        let raw: RawEnvelope<'_> = serde_json::from_str(text).map_err(|error| EnvelopeError::of(&error))?;

        match raw.object.and_then(text_of).as_deref() {
            Some("event") => {}
            Some("v2.core.event") => return Err(EnvelopeError::ThinEvent),
            _ => {
                return Err(EnvelopeError::Field { name: "object", expected: "the text \"event\"" });
            }
        }
        let data = raw.data.unwrap_or_default();
        let object = data.object.filter(|object| object.get().starts_with('{'));
        let slice = |raw: &RawValue| RawJson::new(body.slice_ref(raw.get().as_bytes()));
        Ok(Self {
            id: name_of("id", raw.id, |byte| byte.is_ascii_alphanumeric() || byte == b'_')?,
            event_type: name_of("type", raw.event_type, |byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')
            })?,
            created: raw.created.and_then(value_of).map(Timestamp::from_unix_seconds),
            livemode: raw
                .livemode
                .and_then(value_of)
                .ok_or(EnvelopeError::Field { name: "livemode", expected: "true or false" })?,
            api_version: raw.api_version.and_then(text_of).map(Cow::into_owned),
            account: optional_text("account", raw.account)?,
            context: optional_text("context", raw.context)?,
            request: raw.request.and_then(request_of),
            pending_webhooks: raw.pending_webhooks.and_then(value_of),
            object: object
                .map(slice)
                .ok_or(EnvelopeError::Field { name: "data.object", expected: "an object" })?,
            previous_attributes: data.previous_attributes.map(slice),
            body: body.clone(),
        })
    }
}

/// The envelope's fields, found but not read. A field that stands twice is an error of the parser.
#[derive(Deserialize)]
struct RawEnvelope<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    object: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    event_type: Option<&'a RawValue>,
    #[serde(borrow)]
    created: Option<&'a RawValue>,
    #[serde(borrow)]
    livemode: Option<&'a RawValue>,
    #[serde(borrow)]
    api_version: Option<&'a RawValue>,
    #[serde(borrow)]
    account: Option<&'a RawValue>,
    #[serde(borrow)]
    context: Option<&'a RawValue>,
    #[serde(borrow)]
    request: Option<&'a RawValue>,
    #[serde(borrow)]
    pending_webhooks: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "object_only")]
    data: Option<RawData<'a>>,
}

#[derive(Default, Deserialize)]
struct RawData<'a> {
    #[serde(borrow)]
    object: Option<&'a RawValue>,
    #[serde(borrow)]
    previous_attributes: Option<&'a RawValue>,
}

/// Reads `data` from a JSON object and from nothing else; a derived structure would read an array as well.
fn object_only<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RawData<'de>>, D::Error> {
    struct ObjectOnly;

    impl<'de> Visitor<'de> for ObjectOnly {
        type Value = RawData<'de>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            RawData::deserialize(MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_map(ObjectOnly).map(Some)
}

fn value_of<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

fn text_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    value_of::<&str>(raw).map(Cow::Borrowed).or_else(|| value_of::<String>(raw).map(Cow::Owned))
}

/// A text that may be absent. Anything else in its place is refused: an event of a connected account must not pass for
/// one of the platform's own.
fn optional_text(name: &'static str, raw: Option<&RawValue>) -> Result<Option<String>, EnvelopeError> {
    let text =
        |raw| text_of(raw).map(Cow::into_owned).ok_or(EnvelopeError::Field { name, expected: "a text" });
    raw.map(text).transpose()
}

fn name_of(
    name: &'static str,
    raw: Option<&RawValue>,
    allowed: impl Fn(u8) -> bool,
) -> Result<String, EnvelopeError> {
    let text = raw
        .and_then(text_of)
        .filter(|text| (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(allowed));
    let expected = "1 to 255 letters, digits and underscores (dots too in a type)";
    text.map(Cow::into_owned).ok_or(EnvelopeError::Field { name, expected })
}

/// Before API version 2017-05-25, `request` was the id alone.
fn request_of(raw: &RawValue) -> Option<EventRequest> {
    #[derive(Deserialize)]
    struct Request {
        id: Option<String>,
        idempotency_key: Option<String>,
    }

    if let Some(id) = text_of(raw) {
        return Some(EventRequest { id: Some(id.into_owned()), idempotency_key: None });
    }
    // A derived structure would read an array field by field.
    let Request { id, idempotency_key } = raw.get().starts_with('{').then(|| value_of(raw))??;
    Some(EventRequest { id, idempotency_key })
}

/// Why a verified body is no event that can be dispatched. Never holds any of the body.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// No body, or white space only.
    #[error("the body is empty")]
    Empty,
    /// A field is missing, null or of the wrong kind.
    #[error("`{name}` is missing or something else than {expected}")]
    Field {
        /// The field.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// JSON, but not an object.
    #[error("the body is JSON, but not an object")]
    NotAnObject,
    /// Not UTF-8, which JSON is by definition (RFC 8259, section 8.1).
    #[error("the body is not UTF-8 from byte {at} on")]
    NotUtf8 {
        /// The first byte that is not.
        at: usize,
    },
    /// A field of the envelope stands twice, or `data` is not an object.
    #[error("a field stands twice, or `data` is not an object (line {line}, column {column})")]
    Structure {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// Not JSON.
    #[error("the body is not JSON (line {line}, column {column})")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// A thin event: it names an object and does not carry it.
    #[error(
        "this is a thin event, and handlers take snapshot events: \
         choose the payload style \"snapshot\" for this event destination in Stripe"
    )]
    ThinEvent,
}

impl EnvelopeError {
    /// Keeps the place and drops serde_json's text, which can quote the body.
    fn of(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        if error.is_data() { Self::Structure { line, column } } else { Self::Syntax { line, column } }
    }
}
