//! One request, one answer: start reading here.
//!
//! ```text
//! answer:   too many connections?                   503
//!           outcome = authenticate, then accept; reported, and answered by reply::to
//! authenticate:
//!           form::target                            400 405
//!           endpoint  = route(head)                 404 405
//!           form::headers, announced length         400 413 415 417 501
//!           signature = one signature header        400
//!           body      = body::read                  408 413 503
//!           verified  = verify                      400
//! accept:   store it, or handle it                  200, or what the outcome says
//! ```
//!
//! The status in the right column is what `reply.rs` makes of the refusal; nothing here knows a status code. `listener`
//! is the way in from the network. A test calls [`Receiver::receive`] with a request as a value.
//!
//! An authentic request is accepted on a task of its own, which goes on when the sender hangs up. What comes before needs
//! no task: a request that is not authentic has no effect.

mod authenticate;
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
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};
use tokio::sync::Semaphore;
use tracing::{Instrument, Span};
use webhook_core::Envelope;

use self::authenticate::Authentic;
use self::body::RequestBody;
use self::clock_skew::ClockSkew;
use self::connections::{Connection, Connections};
use self::outcome::{Outcome, Receipt, Refusal};
use self::record::{Arrival, Recorder};
use crate::endpoint::Endpoints;
use crate::report::format::chain;
use crate::report::{Fact, Report, spans};
use crate::run::in_flight::InFlight;
use crate::run::inline::Inline;
use crate::run::panics::caught;
use crate::store::{CameBy, StoreError};

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
    long_body: Arc<Semaphore>,
    /// Lets a few requests with a wrong time through to be verified.
    clock_skew: ClockSkew,
    intake: Intake,
    report: Report,
    /// Requests that are not answered yet.
    pub(crate) in_flight: InFlight,
}

/// The way that a request took, as far as it came.
#[derive(Clone, Debug)]
pub(crate) struct Via {
    /// When its head had arrived.
    pub(crate) began: Instant,
    /// The name of the endpoint that it was sent to.
    pub(crate) endpoint: Option<Arc<str>>,
    /// The label of the secret that signed it.
    pub(crate) secret: Option<Arc<str>>,
    /// What it is traced as.
    pub(crate) span: Span,
}

impl Via {
    /// The way of a request whose head has just arrived.
    fn of<B>(request: &Request<B>) -> Self {
        Self { span: spans::delivery(request), ..Self::default() }
    }
}

impl Default for Via {
    /// A way that begins now, and is not traced.
    fn default() -> Self {
        Self { began: Instant::now(), endpoint: None, secret: None, span: Span::none() }
    }
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
            long_body: Arc::new(Semaphore::new(1)),
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
    /// Cancel safety: an event whose request was authentic is accepted all the same, so a sender that hangs up stops no
    /// handler.
    pub(crate) async fn answer<B: RequestBody + Send + 'static>(
        self: &Arc<Self>,
        request: Request<B>,
        connection: Connection,
    ) -> Response<Full<Bytes>> {
        let peer = connection.peer();
        if connection.is_surplus() {
            return answered(&self.report, &Err(Refusal::TooMany), &Via::default(), peer);
        }
        let (in_flight, mut via) = (self.in_flight.one(), Via::of(&request));
        let span = via.span.clone();
        let authentic = {
            let authenticating = self.authenticate(request, &connection, &mut via);
            let authenticating = pin!(authenticating.instrument(span.clone()));
            caught(authenticating).await.unwrap_or(Err(Refusal::Failed))
        };
        let authentic = match authentic {
            Ok(authentic) => authentic,
            Err(refusal) => return answered(&self.report, &Err(refusal), &via, peer),
        };
        let receiver = Arc::clone(self);
        // In a box, since the runtime moves a task several times before it stays where it is.
        let accepting = tokio::spawn(Box::pin(async move {
            let outcome = receiver.accept(authentic).instrument(span).await;
            let response = answered(&receiver.report, &outcome, &via, peer);
            drop(in_flight);
            response
        }));
        let failed = |_| answered(&self.report, &Err(Refusal::Failed), &Via::default(), peer);
        accepting.await.unwrap_or_else(failed)
    }

    /// Receives a request, and returns what became of it.
    ///
    /// Cancel safety: as that of [`answer`](Self::answer).
    pub(crate) async fn receive<B: RequestBody>(
        self: &Arc<Self>,
        request: Request<B>,
        connection: &Connection,
        via: &mut Via,
    ) -> Outcome {
        let authentic = self.authenticate(request, connection, via).await?;
        let receiver = Arc::clone(self);
        let accepting = tokio::spawn(async move { receiver.accept(authentic).await });
        accepting.await.unwrap_or(Err(Refusal::Failed))
    }

    /// Stores a verified event, or handles it. A body that is not an event goes into quarantine, and so does an event that
    /// the inbox cannot keep: Stripe would send them again for three days, in vain.
    async fn accept(&self, authentic: Authentic) -> Outcome {
        let Authentic { endpoint, secret, verified, received_at, memory: _memory } = authentic;
        let event = Envelope::parse(&verified);
        if let Ok(envelope) = &event
            && !endpoint.accepts(envelope.livemode)
        {
            return Ok(Receipt::OtherMode { livemode: envelope.livemode, event_id: envelope.id.clone() });
        }
        let came_by = CameBy { endpoint: Arc::clone(&endpoint.name), secret };
        match (&self.intake, event) {
            (Intake::Inbox(recorder), Ok(envelope)) => {
                let signed_at = verified.signed_at();
                let envelope = Arc::new(envelope);
                let arrival = Arrival {
                    envelope: Arc::clone(&envelope),
                    came_by: came_by.clone(),
                    signed_at,
                    received_at,
                };
                match recorder.record(arrival).await {
                    Err(refused @ StoreError::Refused(_)) => {
                        Ok(recorder.quarantine(envelope.body.clone(), chain(&refused), came_by).await?)
                    }
                    recorded => Ok(recorded?),
                }
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
    let (status, took) = (response.status(), via.began.elapsed());
    spans::answered(&via.span, outcome, status);
    report.note(&Fact::Answered { outcome, via, status, took, peer });
    response
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}
