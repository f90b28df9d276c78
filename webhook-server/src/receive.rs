//! One request, one answer: start reading here.
//!
//! ```text
//! answer:   too many connections?                   503
//!           outcome = receive(request), reported, and answered by reply::to
//! receive:  form::target                            400 405
//!           endpoint  = route(head)                 404 405
//!           form::headers, announced length         400 413 415 417 501
//!           signature = one signature header        400
//!           body      = body::read                  408 413 503
//!           verified  = verify                      400
//!           accept    = store it, or handle it      200, or what the outcome says
//! ```
//!
//! The status in the right column is what `reply.rs` makes of the refusal; nothing here knows a status code. `listener`
//! is the way in from the network. A test calls [`Receiver::receive`] with a request as a value.

mod body;
mod clock_skew;
pub(crate) mod connections;
mod form;
#[cfg(fuzzing)]
pub mod fuzzing;
mod http1;
pub(crate) mod listener;
mod memory;
pub(crate) mod new_event;
pub(crate) mod outcome;
mod overload;
pub(crate) mod record;
mod reencoded;
pub(crate) mod reply;
#[cfg(test)]
pub(crate) mod tests;
#[cfg_attr(not(feature = "tls"), path = "receive/no_tls.rs")]
pub(crate) mod tls;
mod turn_away;
mod write_deadline;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::HeaderValue;
use hyper::{Method, Request, Response};
use tokio::sync::Semaphore;
use webhook_core::{Envelope, SIGNATURE_HEADER, SignatureHeader, Verified, VerifyError, verify};

use self::body::{Received, RequestBody};
use self::clock_skew::ClockSkew;
use self::connections::{Connection, Connections};
use self::memory::OWN_MEMORY;
use self::outcome::{Outcome, Receipt, Refusal};
use self::record::{Arrival, Recorder};
use crate::endpoint::{Endpoints, ServedEndpoint};
use crate::report::{Fact, Report};
use crate::run::in_flight::InFlight;
use crate::run::inline::Inline;
use crate::store::{CameBy, SecretName};

/// Tells the time: the system's, or a test's.
pub(crate) type WallClock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Receives requests.
pub(crate) struct Receiver {
    pub(crate) endpoints: Endpoints,
    /// The longest body that is read, in bytes.
    body_limit: u64,
    /// How long a whole body may take to arrive.
    body_timeout: Duration,
    now: WallClock,
    pub(crate) connections: Connections,
    /// Held while a long body is verified.
    long_body: Semaphore,
    /// Lets a few requests with a wrong time through to be verified.
    clock_skew: ClockSkew,
    intake: Intake,
    report: Report,
    /// Requests that are not answered yet.
    pub(crate) in_flight: InFlight,
}

/// The way that a request took, as far as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Via {
    /// The name of the endpoint that it was sent to.
    pub(crate) endpoint: Option<Arc<str>>,
    /// The label of the secret that signed it.
    pub(crate) secret: Option<Arc<str>>,
}

/// What happens to verified events.
#[derive(Debug)]
pub(crate) enum Intake {
    /// They are stored, and handled after the answer.
    Inbox(Arc<Recorder>),
    /// They are handled before the answer.
    Inline(Inline),
}

impl Receiver {
    pub(crate) fn new(
        endpoints: Endpoints,
        intake: Intake,
        report: Report,
        now: WallClock,
        (body_limit, body_timeout): (u64, Duration),
    ) -> Self {
        Self {
            endpoints,
            body_limit,
            body_timeout,
            now,
            connections: Connections::of_a_server(body_limit),
            long_body: Semaphore::new(1),
            clock_skew: ClockSkew::default(),
            intake,
            report,
            in_flight: InFlight::default(),
        }
    }

    /// The path of the endpoint, if there is only one.
    pub(crate) fn only_path(&self) -> Option<&str> {
        self.endpoints.only().map(|endpoint| &*endpoint.path)
    }

    /// Receives, reports and answers one request. A panic becomes an answer.
    ///
    /// Cancel safety: the request is received all the same, so a sender that hangs up stops no handler.
    pub(crate) async fn answer<B: RequestBody + Send + 'static>(
        self: &Arc<Self>,
        request: Request<B>,
        connection: Connection,
    ) -> Response<Full<Bytes>> {
        let peer = connection.peer();
        if connection.is_surplus() {
            return answered(&self.report, &Err(Refusal::TooMany), &Via::default(), peer);
        }
        let (receiver, in_flight) = (Arc::clone(self), self.in_flight.one());
        // In a box, since the runtime moves a task several times before it stays where it is.
        let receiving = tokio::spawn(Box::pin(async move {
            let mut via = Via::default();
            let outcome = receiver.receive(request, &connection, &mut via).await;
            let response = answered(&receiver.report, &outcome, &via, peer);
            drop(in_flight);
            response
        }));
        let failed = |_| answered(&self.report, &Err(Refusal::Failed), &Via::default(), peer);
        receiving.await.unwrap_or_else(failed)
    }

    /// Takes a request through all checks, the cheapest first. Nothing is parsed before it is verified. Returns when the
    /// event is stored, or handled without an inbox.
    ///
    /// Cancel safety: an event that is being stored is stored all the same; [`answer`](Self::answer) never cancels this.
    pub(crate) async fn receive<B: RequestBody>(
        &self,
        request: Request<B>,
        connection: &Connection,
        via: &mut Via,
    ) -> Outcome {
        let received_at = Instant::now();
        let (head, body) = request.into_parts();
        form::target(&head)?;
        let endpoint = self.route(head.uri.path(), &head.method)?;
        via.endpoint = Some(Arc::clone(&endpoint.name));
        form::headers(&head)?;
        body::announces_at_most(self.body_limit, &body)?;
        let signature = only_one(head.headers.get_all(SIGNATURE_HEADER).iter())?;
        self.check_time(endpoint, signature)?;
        let Received { body, memory: _memory } =
            body::read(body, self.body_limit, self.body_timeout, connection).await?;
        let (verified, secret) = self.verify(endpoint, signature, body).await?;
        via.secret = Some(Arc::clone(&secret.label));
        connection.sent_authentic_event();
        self.accept(endpoint, secret, verified, received_at).await
    }

    /// Finds the endpoint that a request was sent to.
    fn route(&self, path: &str, method: &Method) -> Result<&Arc<ServedEndpoint>, Refusal> {
        let endpoint = self.endpoints.at(path).ok_or_else(|| Refusal::path(path, &self.endpoints.paths()))?;
        if method != Method::POST {
            return Err(Refusal::method(method));
        }
        Ok(endpoint)
    }

    /// Checks the signature's timestamp before the body is read, so that a replayed request costs no more than this. A few
    /// of those outside the tolerance are verified all the same: only an authentic one shows that a clock is wrong.
    fn check_time(&self, endpoint: &ServedEndpoint, signature: &HeaderValue) -> Result<(), Refusal> {
        let (header, now) = (SignatureHeader::parse(signature.as_bytes())?, (self.now)());
        if endpoint.tolerance.admits(header.timestamp(), now) || self.clock_skew.verifies_next() {
            return Ok(());
        }
        Err(Refusal::untimely(header.timestamp(), now))
    }

    /// Verifies a body. A long one is verified on another thread, one at a time, because it would delay other requests.
    async fn verify(
        &self,
        endpoint: &Arc<ServedEndpoint>,
        signature: &HeaderValue,
        body: Bytes,
    ) -> Result<(Verified, SecretName), Refusal> {
        let now = (self.now)();
        if body.len() <= OWN_MEMORY {
            return check_signature(endpoint, signature, body, now);
        }
        let _turn = self.long_body.acquire().await;
        let (endpoint, signature) = (Arc::clone(endpoint), signature.clone());
        let verifying =
            tokio::task::spawn_blocking(move || check_signature(&endpoint, &signature, body, now));
        verifying.await.map_err(|_| Refusal::Failed)?
    }

    /// Stores a verified event, or handles it. A body that is not an event goes into quarantine: Stripe would send it
    /// again for three days, in vain.
    async fn accept(
        &self,
        endpoint: &ServedEndpoint,
        secret: SecretName,
        verified: Verified,
        received_at: Instant,
    ) -> Outcome {
        let event = Envelope::parse_snapshot(&verified);
        if let Ok(envelope) = &event
            && !endpoint.accepts(envelope.livemode)
        {
            return Ok(Receipt::OtherMode { livemode: envelope.livemode, event_id: envelope.id.clone() });
        }
        let came_by = CameBy { endpoint: Arc::clone(&endpoint.name), secret };
        match (&self.intake, event) {
            (Intake::Inbox(recorder), Ok(envelope)) => {
                let signed_at = verified.signed_at();
                let arrival = Arrival { envelope: Arc::new(envelope), came_by, signed_at, received_at };
                Ok(recorder.record(arrival).await?)
            }
            (Intake::Inbox(recorder), Err(unreadable)) => {
                Ok(recorder.quarantine(verified.body().clone(), unreadable.to_string(), came_by).await?)
            }
            (Intake::Inline(inline), Ok(envelope)) => {
                Ok(Receipt::Handled(inline.handle(envelope, &endpoint.name).await?))
            }
            (Intake::Inline(_), Err(unreadable)) => Err(unreadable.into()),
        }
    }
}

/// Makes the answer to a request, and reports it.
pub(crate) fn answered(
    report: &Report,
    outcome: &Outcome,
    via: &Via,
    peer: Option<SocketAddr>,
) -> Response<Full<Bytes>> {
    let response = reply::to(outcome);
    report.note(&Fact::Answered { outcome, via, status: response.status(), peer });
    response
}

/// Verifies a body against every secret of the endpoint, and returns the name of the one that matched. Compares in
/// constant time; see `webhook_core::verify`.
fn check_signature(
    endpoint: &ServedEndpoint,
    signature: &HeaderValue,
    body: Bytes,
    now: SystemTime,
) -> Result<(Verified, SecretName), Refusal> {
    let header = SignatureHeader::parse(signature.as_bytes())?;
    let secrets = endpoint.secrets.current();
    match verify(secrets.all(), &header, body.clone(), now, endpoint.tolerance) {
        Ok(verified) => {
            let name = secrets.names()[verified.secret()].clone();
            Ok((verified, name))
        }
        Err(source) => {
            let is_mismatch = matches!(source, VerifyError::Mismatch { .. });
            Err(Refusal::Verify { source, looks: is_mismatch.then(|| reencoded::looks(&body)).flatten() })
        }
    }
}

/// Returns the only signature header. With several, it would not be clear which one counts.
fn only_one<'h>(mut lines: impl Iterator<Item = &'h HeaderValue>) -> Result<&'h HeaderValue, Refusal> {
    let first = lines.next().ok_or(Refusal::NotSigned)?;
    match lines.count() {
        0 => Ok(first),
        more => Err(Refusal::SignedTwice(more + 1)),
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}
