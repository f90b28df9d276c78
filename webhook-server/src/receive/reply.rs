//! What the sender is told: the only place with status codes.
//!
//! The sender learns whether to send again, and nothing else: every answer of one status has the same body. The
//! reasons are the operator's, in the log.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use webhook_core::{DecodeError, HandlerError, Reply, catalog};

use crate::receive::outcome::{Handled, Refusal, Taken};
use crate::run::attempt::AttemptReport;

/// The answer to a request that was refused.
pub(crate) fn refused(refusal: &Refusal) -> Response<Full<Bytes>> {
    let status = match refusal {
        Refusal::Path { .. } => StatusCode::NOT_FOUND,
        Refusal::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
        Refusal::BodyTooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::BodyTimeout(_) => StatusCode::REQUEST_TIMEOUT,
        // Stripe sends it again, and it is not its fault.
        Refusal::GaveWay | Refusal::Inbox(_) | Refusal::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
        // A 200 here would lose the event if the other run failed.
        Refusal::InProgress { .. } => StatusCode::CONFLICT,
        Refusal::BodyBroken(_)
        | Refusal::Envelope(_)
        | Refusal::NotSigned
        | Refusal::SignatureHeader(_)
        | Refusal::SignedTwice(_)
        | Refusal::Untimely { .. }
        | Refusal::Verify { .. } => StatusCode::BAD_REQUEST,
    };
    let mut response = answer(status);
    if matches!(refusal, Refusal::Method(_)) {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, retry_after());
    }
    // The body may not have been read: what follows on the connection is not a request.
    last(&mut response);
    response
}

/// Tells the sender that nothing more will be answered on this connection.
pub(crate) fn last(response: &mut Response<Full<Bytes>>) {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
}

/// From 5 to 60 seconds: what was refused together should not come back together.
fn retry_after() -> HeaderValue {
    let spread = getrandom::u32().map_or(0, |random| random % 56);
    HeaderValue::from(5 + spread)
}

/// The answer to a delivery that is stored. How its handlers end changes nothing: that is the inbox's matter.
pub(crate) fn taken(taken: &Taken) -> Response<Full<Bytes>> {
    match taken {
        Taken::New { reply, .. } => stored(reply.as_ref()),
        Taken::Duplicate { .. } | Taken::Quarantined { .. } => stored(None),
    }
}

/// The answer to what is stored, with what a handler told the sender, if the sender waited for that.
pub(crate) fn stored(reply: Option<&Reply>) -> Response<Full<Bytes>> {
    reply.map_or_else(|| answer(StatusCode::OK), replied)
}

/// The answer to a delivery whose handlers ran before it: success if no handler wants the event again.
///
/// No outcome at all, of a type without a handler, is a success: anything else, and Stripe would send the event for
/// three days and then disable the endpoint.
pub(crate) fn handled(handled: &Handled, accept_undecodable: bool) -> Response<Full<Bytes>> {
    // Parked means kept for a person, and without an inbox only Stripe keeps it.
    let given_up =
        |run: &AttemptReport| accept_undecodable && run.outcome.as_ref().is_err_and(is_undecodable);
    let settled = |run: &AttemptReport| run.is_settled() || given_up(run);
    if !handled.runs.iter().all(settled) {
        return answer(StatusCode::INTERNAL_SERVER_ERROR);
    }
    stored(handled.reply())
}

/// The answer that a handler gave. Stripe reads it in the version that the header names.
/// (<https://docs.stripe.com/issuing/controls/real-time-authorizations>)
fn replied(reply: &Reply) -> Response<Full<Bytes>> {
    let mut response = answer(StatusCode::OK);
    *response.body_mut() = Full::new(reply.body().clone());
    let version = HeaderValue::from_static(catalog::api_version());
    response.headers_mut().insert("stripe-version", version);
    response
}

/// The answer when the service itself failed.
pub(crate) fn failed() -> Response<Full<Bytes>> {
    answer(StatusCode::INTERNAL_SERVER_ERROR)
}

fn is_undecodable(error: &HandlerError) -> bool {
    error.cause().is::<DecodeError>()
}

fn answer(status: StatusCode) -> Response<Full<Bytes>> {
    let body: &[u8] = if status.is_success() { br#"{"received":true}"# } else { br#"{"received":false}"# };
    let mut response = Response::new(Full::new(Bytes::from_static(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
