//! The event types whose answer Stripe waits for.

use std::time::Duration;

/// An event type whose answer Stripe waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Awaited {
    /// The event type.
    pub event_type: &'static str,
    /// How long Stripe waits before it goes on without the answer.
    pub patience: Duration,
    /// Whether Stripe reads the answer's body.
    pub is_read: bool,
    /// Where Stripe documents it.
    pub source: &'static str,
}

const AWAITED: [Awaited; 2] = [
    // The customer's redirect waits.
    Awaited {
        event_type: "checkout.session.completed",
        patience: Duration::from_secs(10),
        is_read: false,
        source: "https://docs.stripe.com/checkout/fulfillment",
    },
    // The answer decides.
    Awaited {
        event_type: "issuing_authorization.request",
        patience: Duration::from_secs(2),
        is_read: true,
        source: "https://docs.stripe.com/issuing/controls/real-time-authorizations",
    },
];

/// Returns the event types whose answer Stripe waits for, sorted.
pub fn awaited_types() -> &'static [Awaited] {
    &AWAITED
}

/// Returns how Stripe waits for the answer to an event type. `None` if it does not wait.
pub fn awaited(event_type: &str) -> Option<&'static Awaited> {
    AWAITED.iter().find(|awaited| awaited.event_type == event_type)
}
