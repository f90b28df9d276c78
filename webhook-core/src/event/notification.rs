//! A thin event as a handler receives it.

use std::ops::Deref;
use std::sync::Arc;

use super::data::{Data, RelatedObject, Thin};
use super::envelope::Envelope;
use crate::RawJson;

/// A thin event: what happened to which object, but not the object itself.
///
/// It dereferences to the [`Envelope`], so `id`, `event_type`, `created`, `context` and the other fields of every event are
/// within reach. [`Fresh`](crate::Fresh) reads the object from Stripe.
///
/// ```
/// use webhook_core::{Notification, on_event};
///
/// #[on_event("v1.payment_intent.succeeded")]
/// async fn note(notification: Notification) {
///     let payment = notification.related_object().and_then(|related| related.id.as_deref());
///     println!("{}: {}", notification.id, payment.unwrap_or("?"));
/// }
/// ```
///
/// A few types have data of their own, which Stripe sends only when the event is read. `Notification<D>` reads it from
/// Stripe's API, once for each run: `D` is a view of that data, or `serde_json::Value`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Notification<D = ()> {
    /// What the event says besides its object.
    pub data: D,
    /// What every event has. Shared by all handlers of the event.
    pub envelope: Arc<Envelope>,
}

impl<D> Notification<D> {
    /// Takes a thin event. `None` if it is a snapshot event.
    pub(crate) fn new(envelope: &Arc<Envelope>, data: D) -> Option<Self> {
        matches!(envelope.data, Data::Thin(_)).then(|| Self { data, envelope: Arc::clone(envelope) })
    }

    /// Returns the reference to the object that the event is about. A few types have none.
    pub fn related_object(&self) -> Option<&RelatedObject> {
        self.thin()?.related_object.as_ref()
    }

    /// Returns the id of the snapshot event that reports the same occurrence, `evt_…`, if there is one.
    pub fn snapshot_event(&self) -> Option<&str> {
        self.thin()?.snapshot_event.as_deref()
    }

    /// Returns why the event happened: `request` if an API request caused it, which is then in
    /// [`request`](Envelope::request).
    pub fn reason(&self) -> Option<&str> {
        self.thin()?.reason.as_deref()
    }

    /// Returns what changed, as Stripe sent it. The packages of Stripe describe it as a map of anything.
    pub fn changes(&self) -> Option<&RawJson> {
        self.thin()?.changes.as_ref()
    }

    fn thin(&self) -> Option<&Thin> {
        match &self.envelope.data {
            Data::Thin(thin) => Some(thin),
            Data::Snapshot(_) => None,
        }
    }
}

impl<D> Deref for Notification<D> {
    type Target = Envelope;

    fn deref(&self) -> &Envelope {
        &self.envelope
    }
}
