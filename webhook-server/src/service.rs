//! One request, one answer.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::HeaderValue;
use hyper::{Method, Request, Response};
use webhook_core::{
    Envelope, Registry, SIGNATURE_HEADER, Secret, SignatureHeader, Tolerance, Verified, verify,
};

use crate::body::{self, BodyRoom, Received, RequestBody};
use crate::delivery::{Delivery, Refusal, Taken};
use crate::inbox::Inbox;
use crate::inline::Inline;
use crate::journal::Journal;
use crate::reply;

/// Tells the time: the system's, or a test's.
pub(crate) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Answers requests to the endpoint.
pub(crate) struct Service {
    pub(crate) secrets: Vec<Secret>,
    pub(crate) tolerance: Tolerance,
    pub(crate) path: String,
    pub(crate) body_limit: u64,
    pub(crate) body_timeout: Duration,
    pub(crate) accept_undecodable: bool,
    pub(crate) now: Clock,
    pub(crate) room: BodyRoom,
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
    pub(crate) async fn answer<B: RequestBody>(&self, request: Request<B>) -> Response<Full<Bytes>> {
        let received = self.receive(request).await;
        let response = self.reply(&received);
        match &received {
            Ok(delivery) => self.journal.delivered(delivery, response.status()),
            Err(refusal) => self.journal.refused(refusal, response.status()),
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
    pub(crate) async fn receive<B: RequestBody>(&self, request: Request<B>) -> Result<Delivery, Refusal> {
        let received_at = Instant::now();
        let (head, body) = request.into_parts();
        self.admit(head.uri.path(), &head.method)?;
        let signature = signature(head.headers.get_all(SIGNATURE_HEADER).iter())?;
        let Received { body, room: _room } =
            body::read(body, self.body_limit, self.body_timeout, &self.room).await?;
        let verified = verify(&self.secrets, &signature, body, (self.now)(), self.tolerance)?;
        match &self.intake {
            Intake::Inbox(inbox) => Ok(Delivery::Taken(store(inbox, &verified, received_at).await?)),
            Intake::Inline(inline) => {
                Ok(Delivery::Handled(inline.handle(Envelope::parse(&verified)?).await?))
            }
        }
    }

    fn admit(&self, path: &str, method: &Method) -> Result<(), Refusal> {
        if path != self.path {
            return Err(Refusal::Path);
        }
        if method != Method::POST {
            return Err(Refusal::Method(method.clone()));
        }
        Ok(())
    }
}

/// Stores what was verified; what is no event, in quarantine: Stripe would send it in vain for three days.
async fn store(inbox: &Arc<Inbox>, verified: &Verified, received_at: Instant) -> Result<Taken, Refusal> {
    let taken = match Envelope::parse(verified) {
        Ok(envelope) => inbox.record(envelope, verified.signed_at(), received_at).await,
        Err(unreadable) => inbox.quarantine(verified.body().clone(), unreadable.to_string()).await,
    };
    Ok(taken?)
}

/// Reads the one signature header, before the body: what cannot verify costs no more than this.
fn signature<'h>(mut lines: impl Iterator<Item = &'h HeaderValue>) -> Result<SignatureHeader<'h>, Refusal> {
    let first = lines.next().ok_or(Refusal::NotSigned)?;
    match lines.count() {
        0 => Ok(SignatureHeader::parse(first.as_bytes())?),
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
