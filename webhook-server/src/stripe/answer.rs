//! What Stripe's API answers: one JSON object.

use bytes::Bytes;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::call::Call;
use super::error::{ApiError, Reason};

/// A successful answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    call: Call,
    /// A JSON object, as Stripe has written it.
    body: Bytes,
    request_id: Option<String>,
    date: Option<String>,
}

impl Answer {
    /// Checks that a body is a JSON object.
    pub(super) fn new(
        call: &Call,
        body: Bytes,
        request_id: Option<String>,
        date: Option<String>,
    ) -> Result<Self, ApiError> {
        let begins = body.iter().find(|byte| !byte.is_ascii_whitespace());
        let is_json = serde_json::from_slice::<IgnoredAny>(&body).is_ok();
        if begins != Some(&b'{') || !is_json {
            return Err(ApiError::new(call, Reason::NotStripe { status: 200 }));
        }
        Ok(Self { call: call.clone(), body, request_id, date })
    }

    /// The JSON object, as Stripe has written it.
    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }

    /// The id of the request, by which Stripe finds it in its logs.
    pub(crate) fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// When the answer was made, by Stripe's clock, as in `Sun, 06 Nov 1994 08:49:37 GMT`.
    pub(crate) fn date(&self) -> Option<&str> {
        self.date.as_deref()
    }

    /// Reads the object as a type of its own, or as a `serde_json::Value`.
    ///
    /// # Errors
    ///
    /// Fails if the object is of another form.
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        // The library's message may quote a value.
        serde_json::from_slice(&self.body).map_err(|error| {
            let reason = Reason::Unexpected { line: error.line(), column: error.column() };
            ApiError::new(&self.call, reason).told(None, self.request_id.clone())
        })
    }
}
