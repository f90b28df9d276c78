//! The envelope: what every event has, whatever it carries.

use std::fmt;

use bytes::Bytes;
use webhook_catalog::{find, is_enabled, snapshot_twin};

use super::data::Data;
use crate::{RawJson, Timestamp};

/// What every event has, whatever it carries.
///
/// Sources of the fields: <https://docs.stripe.com/api/events/object> for snapshot events,
/// <https://docs.stripe.com/api/v2/core/events/object> for thin ones. What an event says about its object is in
/// [`data`](Self::data), and stays raw: each handler decodes it into its own type.
#[derive(Clone)]
#[non_exhaustive]
pub struct Envelope {
    /// The event's id, `evt_…`: letters, digits and `_` only, 255 at most. The same on every delivery of the event.
    pub id: String,
    /// The event's type, such as `payment_intent.succeeded`: letters, digits, `_` and `.` only (in a thin event
    /// brackets too), 255 at most.
    pub event_type: String,
    /// When the event happened, in whole seconds, so events cannot be ordered or identified by it. `None` if Stripe
    /// sent something else than a time.
    pub created: Option<Timestamp>,
    /// Whether it happened in live mode. A live Connect endpoint receives test events as well.
    pub livemode: bool,
    /// The API version that the object was rendered in. `None` on thin events, and on events from before 2014-10-31.
    pub api_version: Option<String>,
    /// The connected account that it happened on, `acct_…`. `None` on thin events, which have a `context`.
    pub account: Option<String>,
    /// The authentication context, to be sent back as `Stripe-Context`: on thin events, and where an organisation
    /// receives the event.
    pub context: Option<String>,
    /// The API request that caused it. `None` where Stripe acted by itself.
    pub request: Option<EventRequest>,
    /// How many endpoints had not yet answered when it was sent. `None` on thin events.
    pub pending_webhooks: Option<u64>,
    /// The object, or a reference to it.
    pub data: Data,
    /// The whole body, as it was signed.
    pub body: Bytes,
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
    /// Returns the object that a snapshot event carries, undecoded; `None` on a thin event.
    pub fn raw_object(&self) -> Option<&RawJson> {
        match &self.data {
            Data::Snapshot(snapshot) => Some(&snapshot.object),
            Data::Thin(_) => None,
        }
    }

    /// Returns the id of the object that the event is about; `None` if the event does not name one.
    pub fn object_id(&self) -> Option<String> {
        match &self.data {
            Data::Snapshot(_) => self.text_at("id"),
            Data::Thin(thin) => thin.related_object.as_ref()?.id.clone(),
        }
    }

    /// Returns a key that is unique to this event: its id, its type and the id of its object, `evt_…/type/object`.
    ///
    /// Stripe never gives two events the same id, but test consoles send events of every type under one id.
    pub fn key(&self) -> String {
        key_of(&self.id, &self.event_type, self.object_id())
    }

    /// Returns a key of what happened, which an event shares with its twin: Stripe can report one occurrence by a snapshot event
    /// and by a thin one, such as `payment_intent.succeeded` and `v1.payment_intent.succeeded`.
    ///
    /// A snapshot event's key is made of its id, its type and the id of its object; a thin event's of the same, since it names
    /// its [`snapshot_event`](super::data::Thin::snapshot_event). `None` if it names none: then it has no twin.
    pub fn occurrence(&self) -> Option<String> {
        let (id, snapshot_type) = match &self.data {
            Data::Snapshot(_) => (&self.id, &*self.event_type),
            Data::Thin(thin) => (thin.snapshot_event.as_ref()?, snapshot_twin(&self.event_type)?),
        };
        let object = if twins_name_the_object(snapshot_type) { self.object_id() } else { None };
        Some(key_of(id, snapshot_type, object))
    }

    /// Tells whether the object was rendered in an API version that the program was not made for: one whose Cargo feature is
    /// not enabled. False if the event names no version.
    pub fn has_other_version(&self) -> bool {
        self.api_version.as_deref().is_some_and(|name| !is_enabled(name))
    }

    /// Returns the text at a path inside the object, such as `id`, `payment_intent.customer` or
    /// `metadata.Order No.`; if there is a whole object at the path, that object's id. `None` if there is neither, and
    /// on a thin event.
    pub fn text_at(&self, path: &str) -> Option<String> {
        let value = self.raw_object()?.json().at_path(path)?;
        let id = if value.is_text() { value } else { value.field("id")? };
        id.string("a text").ok()
    }
}

/// The key of an event: its id, its type and the id of its object.
fn key_of(id: &str, event_type: &str, object: Option<String>) -> String {
    // An object's id may be any text, and a key must fit every database.
    let object = object.unwrap_or_default().replace('\0', "");
    format!("{id}/{event_type}/{object}")
}

/// Whether the thin event of a type names the object that the snapshot event carries. A few name none, or one without an id, or
/// another: `v1.invoice.upcoming`, `v1.balance.available`, `v1.billing.alert.triggered`.
fn twins_name_the_object(snapshot_type: &str) -> bool {
    match (find(snapshot_type), find(&format!("v1.{snapshot_type}"))) {
        (Some(snapshot), Some(thin)) => !thin.singleton && thin.objects == snapshot.objects,
        _ => true,
    }
}

/// Shows what identifies the event. Of the data and the body, which hold personal data, it shows the size only.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("id", &self.id)
            .field("event_type", &self.event_type)
            .field("created", &self.created)
            .field("livemode", &self.livemode)
            .field("api_version", &self.api_version)
            .field("account", &self.account)
            .field("data", &self.data)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use webhook_catalog::{snapshot_types, thin_types};

    use super::*;

    fn event(body: String) -> Envelope {
        Envelope::parse_stored(&Bytes::from(body)).expect("it is an event")
    }

    fn snapshot(event_type: &str) -> Envelope {
        event(format!(
            r#"{{"id":"evt_1","object":"event","type":"{event_type}","livemode":false,"data":{{"object":{{"id":"ob_1"}}}}}}"#
        ))
    }

    fn thin(event_type: &str, related: &str, snapshot: &str) -> Envelope {
        event(format!(
            r#"{{"id":"evt_2","object":"v2.core.event","type":"{event_type}","livemode":false,
                "related_object":{related},"snapshot_event":{snapshot}}}"#
        ))
    }

    #[test]
    fn twins_share_an_occurrence() {
        let related = r#"{"id":"ob_1","type":"payment_intent","url":"/v1/x/ob_1"}"#;
        let snapshot = snapshot("payment_intent.succeeded");
        assert_eq!(snapshot.occurrence(), Some(snapshot.key()));
        let of = |event_type, snapshot| thin(event_type, related, snapshot).occurrence();
        assert_eq!(of("v1.payment_intent.succeeded", r#""evt_1""#), snapshot.occurrence());
        assert_ne!(of("v1.payment_intent.succeeded", r#""evt_3""#), snapshot.occurrence());
        assert_ne!(of("v1.payment_intent.canceled", r#""evt_1""#), snapshot.occurrence());
        assert_eq!(of("v1.payment_intent.succeeded", "null"), None);
        // Nothing of the second kind reports what a type of version 2 does.
        assert_eq!(of("v2.core.account.updated", r#""evt_1""#), None);
    }

    /// A thin event says of its object what the catalog says of the type: for 16 types, that is less than the snapshot says.
    #[test]
    fn twins_of_every_type_share_an_occurrence() {
        let mut twins = 0;
        for known in thin_types() {
            let Some(name) = known.name.strip_prefix("v1.") else { continue };
            let Some(of_snapshot) = snapshot_types().iter().find(|known| known.name == name) else {
                continue;
            };
            let related = match known.objects.first() {
                None => "null".to_owned(),
                Some(object) if known.singleton => format!(r#"{{"type":"{object}","url":"/v1/x"}}"#),
                Some(object) if known.objects == of_snapshot.objects => {
                    format!(r#"{{"id":"ob_1","type":"{object}","url":"/v1/x/ob_1"}}"#)
                }
                Some(object) => format!(r#"{{"id":"other_1","type":"{object}","url":"/v1/x/other_1"}}"#),
            };
            let thin = thin(known.name, &related, r#""evt_1""#);
            assert_eq!(thin.occurrence(), snapshot(name).occurrence(), "{name}");
            twins += 1;
        }
        assert!(twins > 200, "{twins}");
    }
}
