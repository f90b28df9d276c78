//! From a verified body to an envelope, in one pass over the body.

use std::borrow::Cow;
use std::fmt;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::data::{Data, RelatedObject, Snapshot, Thin};
use super::envelope::{Envelope, EventRequest};
use super::error::EnvelopeError;
use crate::{RawJson, Timestamp, Verified};

/// The longest id or event type that is accepted, in characters. Stripe's own are below 80.
const MAX_NAME: usize = 255;

impl Envelope {
    /// Parses the envelope of a verified body, in one pass that looks into neither the object nor unknown fields.
    ///
    /// # Errors
    ///
    /// Fails if the body is not an event: not a JSON object, neither a snapshot event nor a thin one; an id or a type
    /// that is missing, doubled or holds a character that Stripe's never hold; no `livemode`; no `data.object` in a
    /// snapshot event; a `related_object` without a type in a thin one.
    pub fn parse(verified: &Verified) -> Result<Self, EnvelopeError> {
        Self::of_body(verified.body(), true)
    }

    /// Parses the envelope of a verified body that must be a snapshot event, as handlers take it.
    ///
    /// # Errors
    ///
    /// Fails as [`parse`](Self::parse) does, and if the event is a thin one.
    pub fn parse_snapshot(verified: &Verified) -> Result<Self, EnvelopeError> {
        Self::of_body(verified.body(), false)
    }

    /// Parses the envelope of a body that was verified when it was stored. The caller vouches for the store.
    ///
    /// # Errors
    ///
    /// Fails as [`parse`](Self::parse) does.
    pub fn parse_stored(body: &Bytes) -> Result<Self, EnvelopeError> {
        Self::of_body(body, true)
    }

    fn of_body(body: &Bytes, may_be_thin: bool) -> Result<Self, EnvelopeError> {
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
        let is_thin = match raw.object.and_then(text_of).as_deref() {
            Some("event") => false,
            Some("v2.core.event") if may_be_thin => true,
            // Whatever else is wrong with it: the remedy is the same.
            Some("v2.core.event") => return Err(EnvelopeError::ThinEvent),
            _ => {
                let expected = "the text \"event\" or \"v2.core.event\"";
                return Err(EnvelopeError::Field { name: "object", expected });
            }
        };
        let mut envelope = Self {
            id: name_of("id", raw.id, ID)?,
            event_type: name_of("type", raw.event_type, if is_thin { THIN_TYPE } else { TYPE })?,
            created: raw.created.and_then(if is_thin { rfc3339_of } else { unix_seconds_of }),
            livemode: raw
                .livemode
                .and_then(value_of)
                .ok_or(EnvelopeError::Field { name: "livemode", expected: "true or false" })?,
            api_version: raw.api_version.and_then(text_of).map(Cow::into_owned),
            account: optional_text("account", raw.account)?,
            context: optional_text("context", raw.context)?,
            request: raw.request.and_then(request_of),
            pending_webhooks: raw.pending_webhooks.and_then(value_of),
            data: Data::Thin(Thin { related_object: None, snapshot_event: None, data: None }),
            body: body.clone(),
        };
        if is_thin {
            let raw: RawThin<'_> = serde_json::from_str(text).map_err(|error| EnvelopeError::of(&error))?;
            envelope.request = raw.reason.and_then(request_of_reason);
            envelope.data = Data::Thin(raw.thin(body)?);
        } else {
            envelope.data = Data::Snapshot(raw.data.unwrap_or_default().snapshot(body)?);
        }
        Ok(envelope)
    }
}

/// The envelope's fields, found but not read. A field that occurs twice is an error of the parser.
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
    #[serde(borrow, default, deserialize_with = "object_or_null")]
    data: Option<RawData<'a>>,
}

#[derive(Default, Deserialize)]
struct RawData<'a> {
    #[serde(borrow)]
    object: Option<&'a RawValue>,
    #[serde(borrow)]
    previous_attributes: Option<&'a RawValue>,
}

impl RawData<'_> {
    fn snapshot(self, body: &Bytes) -> Result<Snapshot, EnvelopeError> {
        let object = self.object.filter(|object| object.get().starts_with('{'));
        Ok(Snapshot {
            object: object
                .map(|object| slice(body, object))
                .ok_or(EnvelopeError::Field { name: "data.object", expected: "an object" })?,
            previous_attributes: self.previous_attributes.map(|previous| slice(body, previous)),
        })
    }
}

/// What only thin events have. They are small, so a second pass costs little.
#[derive(Deserialize)]
struct RawThin<'a> {
    #[serde(borrow)]
    related_object: Option<&'a RawValue>,
    #[serde(borrow)]
    snapshot_event: Option<&'a RawValue>,
    #[serde(borrow)]
    reason: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

impl RawThin<'_> {
    fn thin(self, body: &Bytes) -> Result<Thin, EnvelopeError> {
        Ok(Thin {
            related_object: self.related_object.map(related_object_of).transpose()?,
            snapshot_event: optional_text("snapshot_event", self.snapshot_event)?,
            data: self.data.map(|data| slice(body, data)),
        })
    }
}

/// Reads `data` from a JSON object or null, and from nothing else; a derived structure would read an array as well.
fn object_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RawData<'de>>, D::Error> {
    struct ObjectOrNull;

    impl<'de> Visitor<'de> for ObjectOrNull {
        type Value = Option<RawData<'de>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_none<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
            deserializer.deserialize_map(self)
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            RawData::deserialize(MapAccessDeserializer::new(map)).map(Some)
        }
    }

    deserializer.deserialize_option(ObjectOrNull)
}

fn slice(body: &Bytes, raw: &RawValue) -> RawJson {
    RawJson::new(body.slice_ref(raw.get().as_bytes()))
}

fn value_of<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

/// Reads a structure from an object; a derived one would read an array field by field.
fn fields_of<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    raw.get().starts_with('{').then(|| value_of(raw))?
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

/// The characters that a name may have besides letters, digits and underscores, and how an error says so.
type Allowed = (&'static [u8], &'static str);

const ID: Allowed = (b"", "1 to 255 letters, digits and underscores");
const TYPE: Allowed = (b".", "1 to 255 letters, digits, underscores and dots");
const THIN_TYPE: Allowed = (b".[]", "1 to 255 letters, digits, underscores, dots and brackets");

fn name_of(
    name: &'static str,
    raw: Option<&RawValue>,
    (others, expected): Allowed,
) -> Result<String, EnvelopeError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || others.contains(&byte);
    let text = raw
        .and_then(text_of)
        .filter(|text| (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(is_allowed));
    text.map(Cow::into_owned).ok_or(EnvelopeError::Field { name, expected })
}

fn unix_seconds_of(raw: &RawValue) -> Option<Timestamp> {
    value_of(raw).map(Timestamp::from_unix_seconds)
}

fn rfc3339_of(raw: &RawValue) -> Option<Timestamp> {
    let time = humantime::parse_rfc3339(&text_of(raw)?).ok()?;
    let seconds = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
    i64::try_from(seconds).ok().map(Timestamp::from_unix_seconds)
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
    let Request { id, idempotency_key } = fields_of(raw)?;
    Some(EventRequest { id, idempotency_key })
}

/// In a thin event, the request is part of the event's `reason`.
fn request_of_reason(raw: &RawValue) -> Option<EventRequest> {
    #[derive(Deserialize)]
    struct Reason<'a> {
        #[serde(borrow)]
        request: Option<&'a RawValue>,
    }

    fields_of::<Reason<'_>>(raw)?.request.and_then(request_of)
}

fn related_object_of(raw: &RawValue) -> Result<RelatedObject, EnvelopeError> {
    #[derive(Deserialize)]
    struct Related {
        id: Option<String>,
        #[serde(rename = "type")]
        object_type: String,
        url: String,
    }

    let expected = "an object with a `type` and a `url`";
    let Related { id, object_type, url } =
        fields_of(raw).ok_or(EnvelopeError::Field { name: "related_object", expected })?;
    Ok(RelatedObject { id, object_type, url })
}
