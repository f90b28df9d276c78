//! The answers to senders: the only place with status codes for senders.
//!
//! The sender learns whether to send again, and nothing else: all answers with one status have the same body. The
//! reasons are in the log, for the operator.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCEPT_ENCODING, ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER,
};
use hyper::{Response, StatusCode};
use webhook_core::{Reply, catalog};

use super::outcome::{Outcome, Receipt, Refusal};

const RECEIVED: &[u8] = br#"{"received":true}"#;
const REFUSED: &[u8] = br#"{"received":false}"#;

/// Whether an answer has the body of this framework's own answers. One that a handler replies has another.
#[cfg(feature = "cli")]
pub(crate) fn is_own(body: &[u8]) -> bool {
    [RECEIVED, REFUSED].contains(&body)
}

/// Makes the answer to a request.
pub(crate) fn to(outcome: &Outcome) -> Response<Full<Bytes>> {
    match outcome {
        // How the handlers of a stored event end does not matter: that is up to the inbox.
        Ok(Receipt::Stored { reply, .. } | Receipt::Duplicate { reply, .. }) => success(reply.as_ref()),
        Ok(Receipt::Quarantined { .. } | Receipt::OtherMode { .. }) => success(None),
        // Without any handler it is a success, too: otherwise Stripe would send the event for three days and then
        // disable the endpoint.
        Ok(Receipt::Handled(handled)) if handled.is_success => success(handled.reply()),
        Ok(Receipt::Handled(_)) => answer(StatusCode::INTERNAL_SERVER_ERROR),
        Err(refusal) => refused(refusal),
    }
}

/// The answer to a connection that is not served, because there are too many, as it is sent.
pub(crate) fn unserved() -> Vec<u8> {
    let mut response = to(&Err(Refusal::TooMany));
    last(&mut response);
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(REFUSED.len()));
    let mut text = format!("HTTP/1.1 {}\r\n", response.status()).into_bytes();
    for (name, value) in response.headers() {
        text.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    text.extend([b"\r\n", REFUSED].concat());
    text
}

/// Tells the sender that the connection closes after this answer.
pub(crate) fn last(response: &mut Response<Full<Bytes>>) {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
}

/// Removes what [`last`] says, for a version of HTTP in which connections are not the answer's matter.
pub(crate) fn without_connection(response: &mut Response<Full<Bytes>>) {
    response.headers_mut().remove(CONNECTION);
}

/// Whether the answer says that the sender is at fault.
pub(crate) fn blames_sender(response: &Response<Full<Bytes>>) -> bool {
    response.status().is_client_error()
}

/// The status for each refusal. A 4xx and a 5xx both make Stripe send the event again; they differ for the operator.
fn refused(refusal: &Refusal) -> Response<Full<Bytes>> {
    let status = match refusal {
        Refusal::Path { .. } => StatusCode::NOT_FOUND,
        Refusal::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
        Refusal::BodyLimited | Refusal::BodyTooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::BodyTimeout(_) => StatusCode::REQUEST_TIMEOUT,
        Refusal::ContentEncoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Refusal::Expect(_) => StatusCode::EXPECTATION_FAILED,
        Refusal::TransferEncoding(_) => StatusCode::NOT_IMPLEMENTED,
        // It is not the sender's fault: Stripe sends it again.
        Refusal::GaveWay | Refusal::Inbox(_) | Refusal::NoMemory | Refusal::Stopping | Refusal::TooMany => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        // A 200 here would lose the event if the other run failed.
        Refusal::InProgress { .. } => StatusCode::CONFLICT,
        Refusal::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        Refusal::BodyBroken(_)
        | Refusal::ChunkedTwice
        | Refusal::Envelope(_)
        | Refusal::Host(_)
        | Refusal::NotSigned
        | Refusal::SignatureHeader(_)
        | Refusal::SignedTwice(_)
        | Refusal::Target(_)
        | Refusal::Untimely { .. }
        | Refusal::Verify { .. } => StatusCode::BAD_REQUEST,
    };
    let mut response = answer(status);
    let hint = match status {
        StatusCode::METHOD_NOT_ALLOWED => Some((ALLOW, HeaderValue::from_static("POST"))),
        StatusCode::SERVICE_UNAVAILABLE => Some((RETRY_AFTER, retry_after())),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Some((ACCEPT_ENCODING, HeaderValue::from_static("identity"))),
        _ => None,
    };
    response.headers_mut().extend(hint);
    // What is left of a body must not be taken for the next request.
    if refusal.ends_connection() {
        last(&mut response);
    }
    response
}

/// From 5 to 60 seconds: requests that were refused together should not come back together.
fn retry_after() -> HeaderValue {
    let spread = getrandom::u32().map_or(0, |random| random % 56);
    HeaderValue::from(5 + spread)
}

/// Makes the answer of a success, with the reply of a handler if it gave one.
///
/// Stripe reads that answer in the API version that the header names.
/// (<https://docs.stripe.com/issuing/controls/real-time-authorizations>)
fn success(reply: Option<&Reply>) -> Response<Full<Bytes>> {
    let mut response = answer(StatusCode::OK);
    if let Some(reply) = reply {
        *response.body_mut() = Full::new(reply.body().clone());
        let version = HeaderValue::from_static(catalog::newest().name());
        response.headers_mut().insert("stripe-version", version);
    }
    response
}

/// A fixed body for each kind of status.
fn answer(status: StatusCode) -> Response<Full<Bytes>> {
    let body = if status.is_success() { RECEIVED } else { REFUSED };
    let mut response = Response::new(Full::new(Bytes::from_static(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
