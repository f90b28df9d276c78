//! One request, one answer.

pub(crate) mod address;
mod body;
pub(crate) mod clock_skew;
pub(crate) mod connections;
pub(crate) mod listener;
pub(crate) mod new_event;
pub(crate) mod outcome;
pub(crate) mod record;
mod reencoded;
mod reply;
pub(crate) mod signals;
pub(crate) mod thread;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::HeaderValue;
use hyper::{Method, Request, Response};
use tokio::sync::Semaphore;
use webhook_core::{
    Envelope, Registry, SIGNATURE_HEADER, Secret, SignatureHeader, Tolerance, Verified, VerifyError, verify,
};

use self::body::{Received, RequestBody};
use self::record::Inbox;
use crate::receive::clock_skew::Untimely;
use crate::receive::connections::{Connection, Connections, OWN_ROOM};
use crate::receive::outcome::{Delivery, Refusal, Taken};
use crate::report::Journal;
use crate::report::refusals::Refusals;
use crate::run::inline::Inline;

/// Tells the time: the system's, or a test's.
pub(crate) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Answers requests to the endpoint.
pub(crate) struct Service {
    pub(crate) secrets: Arc<[Secret]>,
    pub(crate) tolerance: Tolerance,
    pub(crate) path: String,
    pub(crate) body_limit: u64,
    pub(crate) body_timeout: Duration,
    pub(crate) accept_undecodable: bool,
    pub(crate) now: Clock,
    pub(crate) connections: Connections,
    /// The turn to verify a long body.
    pub(crate) large: Semaphore,
    pub(crate) untimely: Untimely,
    pub(crate) refusals: Refusals,
    pub(crate) intake: Intake,
    pub(crate) journal: Journal,
}

/// What becomes of verified events.
#[derive(Debug)]
pub(crate) enum Intake {
    /// They are stored, and handled after the answer.
    Inbox(Arc<Inbox>),
    /// They are handled before the answer.
    Inline(Inline),
}

impl Service {
    /// Receives, dispatches, answers and notes one request.
    pub(crate) async fn answer<B: RequestBody>(
        &self,
        request: Request<B>,
        connection: &Connection,
    ) -> Response<Full<Bytes>> {
        let received = self.receive(request, connection).await;
        let response = self.reply(&received);
        match &received {
            Ok(delivery) => self.journal.delivered(delivery, response.status()),
            Err(refusal) => {
                self.journal.refused(refusal, response.status(), connection.peer(), &self.refusals);
            }
        }
        response
    }

    pub(crate) fn registry(&self) -> &Registry {
        match &self.intake {
            Intake::Inbox(inbox) => &inbox.registry,
            Intake::Inline(inline) => &inline.registry,
        }
    }

    /// How many runs failed or were parked, where handlers run before the answer.
    pub(crate) fn unsuccessful(&self) -> usize {
        match &self.intake {
            Intake::Inbox(_) => 0,
            Intake::Inline(inline) => inline.unsuccessful.load(Ordering::Relaxed),
        }
    }

    /// The answer to what was received.
    pub(crate) fn reply(&self, received: &Result<Delivery, Refusal>) -> Response<Full<Bytes>> {
        let as_stored = matches!(&self.intake, Intake::Inline(inline) if inline.answers_as_stored);
        match received {
            Ok(Delivery::Taken(taken)) => reply::taken(taken),
            Ok(Delivery::Handled(handled)) if as_stored => reply::stored(handled.reply()),
            // An inbox keeps it in quarantine.
            Err(Refusal::Envelope(_)) if as_stored => reply::stored(None),
            Ok(Delivery::Handled(handled)) => reply::handled(handled, self.accept_undecodable),
            Err(refusal) => reply::refused(refusal),
        }
    }

    /// The way of a request, the cheapest check first: nothing is parsed before it is verified.
    pub(crate) async fn receive<B: RequestBody>(
        &self,
        request: Request<B>,
        connection: &Connection,
    ) -> Result<Delivery, Refusal> {
        let received_at = Instant::now();
        let (head, body) = request.into_parts();
        self.admit(head.uri.path(), &head.method)?;
        let signature = only_one(head.headers.get_all(SIGNATURE_HEADER).iter())?;
        self.glance(signature)?;
        let Received { body, room: _room } =
            body::read(body, self.body_limit, self.body_timeout, connection).await?;
        let verified = self.verified(signature, body).await?;
        connection.is_authentic();
        match &self.intake {
            Intake::Inbox(inbox) => Ok(Delivery::Taken(store(inbox, &verified, received_at).await?)),
            Intake::Inline(inline) => {
                Ok(Delivery::Handled(inline.handle(Envelope::parse_snapshot(&verified)?).await?))
            }
        }
    }

    fn admit(&self, path: &str, method: &Method) -> Result<(), Refusal> {
        if path != self.path {
            return Err(Refusal::path(path, &self.path));
        }
        if method != Method::POST {
            return Err(Refusal::Method(method.clone()));
        }
        Ok(())
    }

    /// Looks at the signature before the body is read: what cannot verify costs no more than this. Of those whose time
    /// is wrong a few are read all the same, to tell which of the two clocks it is.
    fn glance(&self, signature: &HeaderValue) -> Result<(), Refusal> {
        let (header, now) = (SignatureHeader::parse(signature.as_bytes())?, (self.now)());
        if self.tolerance.admits(header.timestamp(), now) || self.untimely.is_worth_a_look() {
            return Ok(());
        }
        Err(Refusal::untimely(header.timestamp(), now))
    }

    /// Verifies a body; one that is long elsewhere, since it would hold up the others, and one at a time.
    async fn verified(&self, signature: &HeaderValue, body: Bytes) -> Result<Verified, Refusal> {
        let (secrets, now, tolerance) = (Arc::clone(&self.secrets), (self.now)(), self.tolerance);
        if body.len() <= OWN_ROOM {
            return checked(&secrets, signature, body, now, tolerance);
        }
        let _turn = self.large.acquire().await;
        let signature = signature.clone();
        let checking =
            tokio::task::spawn_blocking(move || checked(&secrets, &signature, body, now, tolerance));
        checking.await.map_err(|failed| Refusal::BodyBroken(failed.into()))?
    }
}

fn checked(
    secrets: &[Secret],
    signature: &HeaderValue,
    body: Bytes,
    now: SystemTime,
    tolerance: Tolerance,
) -> Result<Verified, Refusal> {
    let header = SignatureHeader::parse(signature.as_bytes())?;
    verify(secrets, &header, body.clone(), now, tolerance).map_err(|source| {
        let is_mismatch = matches!(source, VerifyError::Mismatch { .. });
        Refusal::Verify { source, looks: is_mismatch.then(|| reencoded::looks(&body)).flatten() }
    })
}

/// Stores what was verified; what is no event, in quarantine: Stripe would send it in vain for three days.
async fn store(inbox: &Arc<Inbox>, verified: &Verified, received_at: Instant) -> Result<Taken, Refusal> {
    let taken = match Envelope::parse_snapshot(verified) {
        Ok(envelope) => inbox.record(envelope, verified.signed_at(), received_at).await,
        Err(unreadable) => inbox.quarantine(verified.body().clone(), unreadable.to_string()).await,
    };
    Ok(taken?)
}

/// Takes the one signature header.
fn only_one<'h>(mut lines: impl Iterator<Item = &'h HeaderValue>) -> Result<&'h HeaderValue, Refusal> {
    let first = lines.next().ok_or(Refusal::NotSigned)?;
    match lines.count() {
        0 => Ok(first),
        more => Err(Refusal::SignedTwice(more + 1)),
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("path", &self.path)
            .field("secrets", &self.secrets.len())
            .finish_non_exhaustive()
    }
}
