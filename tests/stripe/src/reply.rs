//! Answers of Stripe's form.

use serde_json::{Value, json};

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

pub(crate) type Answered = Result<Value, Reply>;

impl Reply {
    pub(crate) fn success(body: &Value) -> Self {
        Self { status: 200, headers: Vec::new(), body: body.to_string() }
    }

    pub(crate) fn error(status: u16, error: Value) -> Self {
        Self { status, headers: Vec::new(), body: json!({ "error": error }).to_string() }
    }

    /// 400 of `/v1/`.
    pub(crate) fn invalid(code: Option<&str>, param: &str, message: &str) -> Self {
        let mut error = json!({ "type": "invalid_request_error", "param": param, "message": message });
        if let Some(code) = code {
            error["code"] = code.into();
        }
        Self::error(400, error)
    }

    /// 400 of `/v2/`.
    pub(crate) fn invalid_fields(message: &str) -> Self {
        Self::error(400, json!({ "code": "invalid_fields", "message": message }))
    }

    /// 404 of an object.
    pub(crate) fn missing(path: &str) -> Self {
        let id = path.rsplit('/').next().unwrap_or_default();
        let message = format!("No such object: '{id}'");
        match path.starts_with("/v2/") {
            true => Self::error(404, json!({ "code": "not_found", "message": message })),
            false => Self::error(
                404,
                json!({
                    "type": "invalid_request_error", "code": "resource_missing", "param": "id",
                    "message": message,
                }),
            ),
        }
    }

    /// 404 of a path that does not exist.
    pub(crate) fn unrecognized(method: &str, path: &str) -> Self {
        let message = format!("Unrecognized request URL ({method}: {path}).");
        Self::error(404, json!({ "type": "invalid_request_error", "message": message }))
    }

    pub(crate) fn unknown_key() -> Self {
        Self::error(
            401,
            json!({ "type": "invalid_request_error", "message": "Invalid API Key provided: sk_test_****0000" }),
        )
    }

    pub(crate) fn missing_permission(name: &str) -> Self {
        let message = format!(
            "The provided key 'rk_test_****0000' does not have the required permissions for this endpoint. Having the \
             '{name}' permission would allow this request to continue."
        );
        Self::error(403, json!({ "type": "invalid_request_error", "message": message }))
    }

    pub(crate) fn conflict() -> Self {
        Self::error(
            409,
            json!({ "type": "idempotency_error", "message": "There is another request in progress with this key." }),
        )
    }

    pub(crate) fn rate_limited(by: Option<&str>) -> Self {
        let mut reply = Self::error(
            429,
            json!({ "type": "invalid_request_error", "code": "rate_limit", "message": "Request rate limit exceeded." }),
        );
        reply.headers.extend(by.map(|by| ("stripe-rate-limited-reason".to_owned(), by.to_owned())));
        reply
    }

    pub(crate) fn lock_timeout() -> Self {
        Self::error(
            429,
            json!({
                "type": "invalid_request_error", "code": "lock_timeout",
                "message": "This object cannot be accessed right now because another API request is using it.",
            }),
        )
    }

    pub(crate) fn server_error() -> Self {
        Self::error(500, json!({ "type": "api_error", "message": "An unknown error occurred." }))
    }

    pub(crate) fn plain(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { status, headers: headers.collect(), body: body.to_owned() }
    }
}
