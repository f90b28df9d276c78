//! The `tracing` spans of a *delivery* and of a *run*, with OpenTelemetry's names.
//!
//! The names are those of the semantic conventions 1.45.0: [HTTP] is stable, [messaging] still moves, so all of them are in
//! this file. A delivery is the request of an HTTP server; a run is the *process* operation of a consumer to which messages are
//! pushed. Fields that begin with `otel` tell `tracing-opentelemetry` what no attribute tells.
//!
//! No span holds a customer's data or the id of an object. Where no subscriber wants a span, it costs a look at a flag. The log
//! of our own wants neither: it takes a run's shorter span instead, whose fields a person reads before each line that the
//! handler logs.
//!
//! [HTTP]: https://github.com/open-telemetry/semantic-conventions/blob/v1.45.0/docs/http/http-spans.md
//! [messaging]: https://github.com/open-telemetry/semantic-conventions/blob/v1.45.0/docs/messaging/messaging-spans.md

use hyper::{Method, Request, StatusCode};
use tracing::field::Empty;
use tracing::{Span, info_span};
use webhook_core::{Attempt, Envelope};

use crate::endpoint::ServedEndpoint;
use crate::receive::outcome::{Outcome, Receipt};

/// The target of spans with OpenTelemetry's names.
pub(crate) const TARGET: &str = "webhook_server::spans";

/// The messaging system.
const STRIPE: &str = "stripe";

/// How much of a path is shown, in bytes: a sender may choose any.
const LONGEST_PATH: usize = 256;

/// The span of a request, until it is answered.
pub(crate) fn delivery<B>(request: &Request<B>) -> Span {
    let path = || request.uri().path().get(..LONGEST_PATH).unwrap_or(request.uri().path());
    info_span!(
        target: TARGET,
        "delivery",
        otel.kind = "server",
        otel.name = method(request.method()),
        otel.status_code = Empty,
        http.request.method = method(request.method()),
        http.route = Empty,
        http.response.status_code = Empty,
        url.path = path(),
        messaging.system = STRIPE,
        messaging.destination.name = Empty,
        messaging.message.id = Empty,
        "error.type" = Empty,
    )
}

/// Notes where a request was sent to.
pub(crate) fn routed(delivery: &Span, endpoint: &ServedEndpoint) {
    if !delivery.is_disabled() {
        delivery.record("otel.name", format!("POST {}", endpoint.path));
        delivery.record("http.route", &*endpoint.path);
        delivery.record("messaging.destination.name", &*endpoint.name);
    }
}

/// Notes what became of a request.
pub(crate) fn answered(delivery: &Span, outcome: &Outcome, status: StatusCode) {
    if delivery.is_disabled() {
        return;
    }
    delivery.record("http.response.status_code", status.as_u16());
    match outcome {
        Ok(Receipt::Stored { envelope, .. } | Receipt::Duplicate { envelope, .. }) => {
            delivery.record("messaging.message.id", &*envelope.id);
        }
        Ok(Receipt::Handled(handled)) => {
            delivery.record("messaging.message.id", &*handled.envelope.id);
        }
        _ => {}
    }
    // A sender's mistake is not a server error.
    if status.is_server_error() {
        failed(delivery, outcome.as_ref().err().map_or("handler", |refusal| refusal.kind()));
    }
}

/// The span of a handler's call.
pub(crate) fn run(envelope: &Envelope, attempt: &Attempt) -> Span {
    let (event_id, event_type) = (&*envelope.id, &*envelope.event_type);
    let Attempt { handler, endpoint, attempt, .. } = attempt;
    let span = info_span!(
        target: TARGET,
        "run",
        otel.kind = "consumer",
        otel.name = format_args!("process {endpoint}"),
        otel.status_code = Empty,
        messaging.system = STRIPE,
        messaging.operation.name = "process",
        "messaging.operation.type" = "process",
        messaging.destination.name = &**endpoint,
        messaging.consumer.group.name = handler,
        messaging.message.id = event_id,
        "error.type" = Empty,
        handler,
        event_id,
        event_type,
        attempt,
    );
    if span.is_disabled() { info_span!("run", handler, event_id, event_type, attempt) } else { span }
}

/// Notes an error, in a word.
pub(crate) fn failed(span: &Span, kind: &str) {
    if !span.is_disabled() {
        span.record("error.type", kind);
        span.record("otel.status_code", "error");
    }
}

/// The method, or what stands for one that HTTP does not know: a sender may choose any.
fn method(method: &Method) -> &str {
    const KNOWN: [Method; 9] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::CONNECT,
        Method::OPTIONS,
        Method::TRACE,
        Method::PATCH,
    ];
    if KNOWN.contains(method) { method.as_str() } else { "_OTHER" }
}
