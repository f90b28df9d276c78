//! The answer of a handler that Stripe waits for.

use bytes::Bytes;
use serde::Serialize;

use crate::HandlerError;

/// An answer with a body, for an event whose answer Stripe reads: `issuing_authorization.request`.
///
/// A handler returns it if its attribute says `reply`. It is sent if the first run ends in time; Stripe does not read the
/// reply of a later run. (<https://docs.stripe.com/issuing/controls/real-time-authorizations>)
///
/// ```
/// use serde_json::json;
/// use webhook_core::{Event, HandlerError, Reply, on_event};
///
/// /// Approves what costs less than 100.
/// #[on_event("issuing_authorization.request", reply)]
/// async fn authorize(event: Event) -> Result<Reply, HandlerError> {
///     let amount = event.object["pending_request"]["amount"].as_i64();
///     Reply::json(&json!({ "approved": amount.is_some_and(|amount| amount < 100_00) }))
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    body: Bytes,
}

impl Reply {
    /// Makes a reply whose body is a value as JSON.
    ///
    /// # Errors
    ///
    /// Fails if the value cannot be written as JSON; the event is then parked.
    pub fn json(value: &impl Serialize) -> Result<Self, HandlerError> {
        let body = serde_json::to_vec(value).map_err(HandlerError::park)?;
        Ok(Self { body: body.into() })
    }

    /// Returns the body, which is JSON.
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

/// Shows the length; the content may be personal data.
impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply").field("body_bytes", &self.body.len()).finish()
    }
}
