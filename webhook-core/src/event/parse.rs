//! From a verified body to an envelope, in one pass over the body.

use std::time::UNIX_EPOCH;

use bytes::Bytes;

use super::data::{Data, RelatedObject, Snapshot, Thin};
use super::envelope::{Envelope, EventRequest};
use super::error::EnvelopeError;
use crate::{Json, RawJson, Timestamp, Verified};

/// The longest id or event type that is accepted, in characters. Stripe's own are below 80.
const MAX_NAME: usize = 255;

impl Envelope {
    /// Parses the envelope of a verified body. Checks that the whole body is JSON, and builds nothing of its object.
    ///
    /// # Errors
    ///
    /// Fails if the body is not an event: not a JSON object, neither a snapshot event nor a thin one; an id or a type
    /// that is missing, doubled or holds a character that Stripe's never hold; no `livemode`; no `data.object` in a
    /// snapshot event; a `related_object` without a type in a thin one.
    pub fn parse(verified: &Verified) -> Result<Self, EnvelopeError> {
        Self::of_body(verified.body())
    }

    /// Parses the envelope of a body that was verified when it was stored. The caller vouches for the store.
    ///
    /// # Errors
    ///
    /// Fails as [`parse`](Self::parse) does.
    pub fn parse_stored(body: &Bytes) -> Result<Self, EnvelopeError> {
        Self::of_body(body)
    }

    fn of_body(body: &Bytes) -> Result<Self, EnvelopeError> {
        let text =
            std::str::from_utf8(body).map_err(|error| EnvelopeError::NotUtf8 { at: error.valid_up_to() })?;
        if text.trim_start_matches([' ', '\t', '\r', '\n']).is_empty() {
            return Err(EnvelopeError::Empty);
        }
        let raw = RawJson::checked(text, body.clone()).map_err(|at| EnvelopeError::syntax(text, at))?;
        let json = Json::of_raw(text, &raw);
        let [
            id,
            object,
            api_version,
            created,
            data,
            livemode,
            pending_webhooks,
            request,
            event_type,
            account,
            context,
        ] = fields_of(json, text, &FIELDS)?.ok_or(EnvelopeError::NotAnObject)?;
        let carried = match data {
            None => [None; 2],
            Some(data) => fields_of(data, text, &["object", "previous_attributes"])?
                .ok_or_else(|| EnvelopeError::structure(text, data.as_str()))?,
        };
        let is_thin = match object.and_then(Json::text).as_deref() {
            Some("event") => false,
            Some("v2.core.event") => true,
            _ => {
                let expected = "the text \"event\" or \"v2.core.event\"";
                return Err(EnvelopeError::Field { name: "object", expected });
            }
        };
        let mut envelope = Self {
            id: name_of("id", id, ID)?,
            event_type: name_of("type", event_type, if is_thin { THIN_TYPE } else { TYPE })?,
            created: created.and_then(if is_thin { rfc3339_of } else { unix_seconds_of }),
            livemode: livemode
                .and_then(|livemode| livemode.boolean("true or false").ok())
                .ok_or(EnvelopeError::Field { name: "livemode", expected: "true or false" })?,
            api_version: api_version.and_then(Json::text),
            account: optional_text("account", account)?,
            context: optional_text("context", context)?,
            request: request.and_then(request_of),
            pending_webhooks: pending_webhooks.and_then(|number| number.integer("a number").ok()),
            data: Data::Thin(Thin::default()),
            body: body.clone(),
        };
        if is_thin {
            // They are small, so a second pass costs little.
            let [related_object, snapshot_event, reason, changes] =
                fields_of(json, text, &["related_object", "snapshot_event", "reason", "changes"])?
                    .unwrap_or_default();
            let [reason, request] =
                reason.and_then(|reason| found_in(reason, &["type", "request"])).unwrap_or_default();
            envelope.request = request.and_then(request_of);
            envelope.data = Data::Thin(Thin {
                related_object: related_object.map(related_object_of).transpose()?,
                snapshot_event: optional_text("snapshot_event", snapshot_event)?,
                reason: reason.and_then(Json::text),
                changes: changes.map(|changes| raw.part(changes)),
                data: data.map(|data| raw.part(data)),
            });
        } else {
            envelope.data = Data::Snapshot(snapshot_of(carried, &raw)?);
        }
        Ok(envelope)
    }
}

/// The fields of a snapshot event, in the order in which Stripe sends them. A thin event has more.
const FIELDS: [&str; 11] = [
    "id",
    "object",
    "api_version",
    "created",
    "data",
    "livemode",
    "pending_webhooks",
    "request",
    "type",
    "account",
    "context",
];

/// Finds the fields of an object that are not null. `None` if the value is not an object.
fn fields_of<'a, const N: usize>(
    json: Json<'a>,
    text: &str,
    names: &[&'static str; N],
) -> Result<Option<[Option<Json<'a>>; N]>, EnvelopeError> {
    match json.find_or_place(names) {
        None => Ok(None),
        Some(Ok(found)) => Ok(Some(found.map(|field| field.filter(|field| !field.is_null())))),
        Some(Err(doubled)) => Err(EnvelopeError::structure(text, doubled.key)),
    }
}

fn snapshot_of(
    [object, previous_attributes]: [Option<Json<'_>>; 2],
    raw: &RawJson,
) -> Result<Snapshot, EnvelopeError> {
    let object = object.filter(|object| object.as_str().starts_with('{'));
    Ok(Snapshot {
        object: object
            .map(|object| raw.part(object))
            .ok_or(EnvelopeError::Field { name: "data.object", expected: "an object" })?,
        previous_attributes: previous_attributes.map(|previous| raw.part(previous)),
    })
}

/// Finds the fields of an object that are not null. `None` if it is not an object, or if one of them occurs twice.
fn found_in<'a, const N: usize>(json: Json<'a>, names: &[&'static str; N]) -> Option<[Option<Json<'a>>; N]> {
    let found = json.find_or_place(names)?.ok()?;
    Some(found.map(|field| field.filter(|field| !field.is_null())))
}

/// A text that may be absent. Anything else in its place is refused: an event of a connected account must not pass for
/// one of the platform's own.
fn optional_text(name: &'static str, json: Option<Json<'_>>) -> Result<Option<String>, EnvelopeError> {
    let text = |json: Json<'_>| json.text().ok_or(EnvelopeError::Field { name, expected: "a text" });
    json.map(text).transpose()
}

/// The characters that a name may have besides letters, digits and underscores, and how an error says so.
type Allowed = (&'static [u8], &'static str);

const ID: Allowed = (b"", "1 to 255 letters, digits and underscores");
const TYPE: Allowed = (b".", "1 to 255 letters, digits, underscores and dots");
const THIN_TYPE: Allowed = (b".[]", "1 to 255 letters, digits, underscores, dots and brackets");

fn name_of(
    name: &'static str,
    json: Option<Json<'_>>,
    (others, expected): Allowed,
) -> Result<String, EnvelopeError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || others.contains(&byte);
    let text = json
        .and_then(Json::text)
        .filter(|text| (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(is_allowed));
    text.ok_or(EnvelopeError::Field { name, expected })
}

fn unix_seconds_of(json: Json<'_>) -> Option<Timestamp> {
    json.integer("a time").ok().map(Timestamp::from_unix_seconds)
}

fn rfc3339_of(json: Json<'_>) -> Option<Timestamp> {
    let time = humantime::parse_rfc3339(&json.text()?).ok()?;
    let seconds = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
    i64::try_from(seconds).ok().map(Timestamp::from_unix_seconds)
}

/// Before API version 2017-05-25, `request` was the id alone.
fn request_of(json: Json<'_>) -> Option<EventRequest> {
    if json.is_text() {
        return Some(EventRequest { id: Some(json.text()?), idempotency_key: None });
    }
    let [id, idempotency_key] = found_in(json, &["id", "idempotency_key"])?;
    let text_of = |json: Option<Json<'_>>| match json {
        None => Some(None),
        Some(json) => json.text().map(Some),
    };
    Some(EventRequest { id: text_of(id)?, idempotency_key: text_of(idempotency_key)? })
}

fn related_object_of(json: Json<'_>) -> Result<RelatedObject, EnvelopeError> {
    let related = || {
        let [id, object_type, url] = found_in(json, &["id", "type", "url"])?;
        let id = match id {
            None => None,
            Some(id) => Some(id.text()?),
        };
        Some(RelatedObject { id, object_type: object_type?.text()?, url: url?.text()? })
    };
    let expected = "an object with a `type` and a `url`";
    related().ok_or(EnvelopeError::Field { name: "related_object", expected })
}
