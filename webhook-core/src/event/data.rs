//! What an event says about its object: a snapshot event carries it, a thin event refers to it.

use crate::RawJson;

/// The object that an event is about, or a reference to it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Data {
    /// The event carries the object.
    Snapshot(Snapshot),
    /// The event refers to the object.
    Thin(Thin),
}

/// What a snapshot event carries.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// The object, as it was when the event happened.
    pub object: RawJson,
    /// The former values of what changed. On `*.updated` events, and on a few others that report one change, such as
    /// `charge.dispute.closed`. A former value may be partial, and may be null where the field cannot be.
    pub previous_attributes: Option<RawJson>,
}

/// What a thin event carries.
///
/// Source: <https://docs.stripe.com/api/v2/core/events/object>.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Thin {
    /// The object that the event is about. A few types, such as `v1.invoice.upcoming`, have none.
    pub related_object: Option<RelatedObject>,
    /// The id of the snapshot event that reports the same occurrence, `evt_…`.
    pub snapshot_event: Option<String>,
    /// Why the event happened: `request` if an API request caused it.
    pub reason: Option<String>,
    /// What changed.
    pub changes: Option<RawJson>,
    /// What the event says besides its object. Stripe sends it on few types, most often only when the event is fetched.
    pub data: Option<RawJson>,
}

/// A reference to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelatedObject {
    /// The object's id. `None` where an account has only one such object, such as `balance`.
    pub id: Option<String>,
    /// The object's type, such as `payment_intent`.
    pub object_type: String,
    /// Where Stripe's API has the object, as Stripe sent it: `/v1/payment_intents/pi_…`. Check that it is a path before
    /// you request it.
    pub url: String,
}
