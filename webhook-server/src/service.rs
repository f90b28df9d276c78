//! One request, one answer.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::HeaderValue;
use hyper::{Method, Request, Response};
use webhook_core::{Envelope, SIGNATURE_HEADER, Secret, SignatureHeader, Tolerance, verify};

use crate::body::{self, RequestBody};
use crate::dispatch::{Delivery, Dispatcher};
use crate::journal::Journal;
use crate::reply::{self, Refusal};

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
    pub(crate) dispatcher: Dispatcher,
    pub(crate) journal: Journal,
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

    /// The answer to what was received.
    pub(crate) fn reply(&self, received: &Result<Delivery, Refusal>) -> Response<Full<Bytes>> {
        match received {
            Ok(delivery) => {
                reply::handled(delivery.runs.iter().map(|run| &run.outcome), self.accept_undecodable)
            }
            Err(refusal) => reply::refused(refusal),
        }
    }

    /// The way of a request, the cheapest check first: nothing is parsed before it is verified.
    pub(crate) async fn receive<B: RequestBody>(&self, request: Request<B>) -> Result<Delivery, Refusal> {
        let (head, body) = request.into_parts();
        self.admit(head.uri.path(), &head.method)?;
        let signature = signature(head.headers.get_all(SIGNATURE_HEADER).iter())?;
        let body = body::read(body, self.body_limit, self.body_timeout).await?;
        let verified = verify(&self.secrets, &signature, body, (self.now)(), self.tolerance)?;
        let envelope = Envelope::parse(&verified)?;
        self.dispatcher.dispatch(envelope).await
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
