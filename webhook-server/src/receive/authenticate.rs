//! From a request to an authentic one: every check that needs no parser, the cheapest first.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use hyper::header::HeaderValue;
use hyper::http::request::Parts;
use hyper::{Method, Request};
use webhook_core::{SIGNATURE_HEADER, SignatureHeader, Verified, VerifyError, verify};

use super::body::{self, Received, RequestBody};
use super::connections::Connection;
use super::memory::{BodyMemory, OWN_MEMORY};
use super::outcome::Refusal;
use super::{Receiver, Via, form, reencoded};
use crate::endpoint::ServedEndpoint;
use crate::report::spans;
use crate::store::SecretName;

/// A request that was verified.
pub(super) struct Authentic {
    pub(super) endpoint: Arc<ServedEndpoint>,
    pub(super) secret: SecretName,
    pub(super) verified: Verified,
    pub(super) received_at: Instant,
    /// Held until the event is stored or handled.
    pub(super) memory: BodyMemory,
}

impl Receiver {
    /// Takes a request through all checks, the cheapest first. Nothing is parsed before it is verified.
    ///
    /// Cancel safety: nothing has happened yet.
    pub(super) async fn authenticate<B: RequestBody>(
        &self,
        request: Request<B>,
        connection: &Connection,
        via: &mut Via,
    ) -> Result<Authentic, Refusal> {
        let received_at = Instant::now();
        let (head, body) = request.into_parts();
        let (endpoint, signature) = match self.check_head(&head, &body, via) {
            Ok(checked) => checked,
            Err(refusal) => {
                drop(body);
                // The connection now learns that the rest of the body is not wanted. Only then can the answer say that it is
                // the last one.
                tokio::task::yield_now().await;
                return Err(refusal);
            }
        };
        let received = body::read(body, self.body_limit, self.body_timeout, connection).await?;
        let (verified, secret, memory) = self.verify(endpoint, signature, received).await?;
        via.secret = Some(Arc::clone(&secret.label));
        connection.sent_authentic_event();
        Ok(Authentic { endpoint: Arc::clone(endpoint), secret, verified, received_at, memory })
    }

    /// Checks everything that can be checked before the body is read. Returns the endpoint and the signature header.
    fn check_head<'h>(
        &'h self,
        head: &'h Parts,
        body: &impl RequestBody,
        via: &mut Via,
    ) -> Result<(&'h Arc<ServedEndpoint>, &'h HeaderValue), Refusal> {
        form::target(head)?;
        let endpoint = self.route(head.uri.path(), &head.method)?;
        via.endpoint = Some(Arc::clone(&endpoint.name));
        spans::routed(&via.span, endpoint);
        form::headers(head)?;
        body::announces_at_most(self.body_limit, body)?;
        let signature = only_one(head.headers.get_all(SIGNATURE_HEADER).iter())?;
        self.check_time(endpoint, signature)?;
        Ok((endpoint, signature))
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
        Received { body, memory }: Received,
    ) -> Result<(Verified, SecretName, BodyMemory), Refusal> {
        let now = (self.now)();
        if body.len() <= OWN_MEMORY {
            let (verified, secret) = check_signature(endpoint, signature, body, now)?;
            return Ok((verified, secret, memory));
        }
        let turn = Arc::clone(&self.long_body).acquire_owned().await;
        let (endpoint, signature) = (Arc::clone(endpoint), signature.clone());
        // It goes on if the sender hangs up, and so do its turn and its memory.
        let verifying = tokio::task::spawn_blocking(move || {
            let (verified, secret) = check_signature(&endpoint, &signature, body, now)?;
            drop(turn);
            Ok((verified, secret, memory))
        });
        verifying.await.map_err(|_| Refusal::Failed)?
    }
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
