//! Sending a signed event to a server, as Stripe does.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Response, Uri};
use webhook_core::{SIGNATURE_HEADER, Secret, sign};

use crate::post::{Post, PostError, Trust};

/// How long an answer may take: what the Stripe CLI allows.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A longer answer is not read: Stripe has no use for one.
const ANSWER_LIMIT: usize = 64 * 1024;

/// Signs a body with every secret and posts it. The certificate of an `https` server is checked against those of the system,
/// or of `ca_file`. `now` is in seconds since the Unix epoch. If the answer's body is too long or incomplete, it is returned
/// empty.
///
/// # Errors
///
/// Fails if the server cannot be reached or does not answer in time. An answer with any status is a success.
pub(crate) async fn send(
    body: impl Into<Bytes>,
    secrets: &[Secret],
    (to, ca_file): (&Uri, Option<&Path>),
    now: u64,
) -> Result<Response<Bytes>, PostError> {
    let (body, shown) = (body.into(), to.to_string());
    let signature = HeaderValue::try_from(sign(secrets, now, &body));
    let signature = signature.map_err(|_| PostError::Url { to: shown.clone() })?;
    let header = HeaderName::from_bytes(SIGNATURE_HEADER.as_bytes()).ok().map(|name| (name, signature));
    let trust = Trust { ca_file, advice: "see --ca-file" };
    let (timeout, answer_limit) = (TIMEOUT, ANSWER_LIMIT);
    Post { to, shown: &shown, trust, header, body, timeout, answer_limit }.send().await
}
