//! Sending a signed event to a server, as Stripe does.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, Uri};
use webhook_core::{SIGNATURE_HEADER, Secret, sign};

use crate::http_client::{Limits, SendError, Server, Trust};

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
) -> Result<Response<Bytes>, SendError> {
    let (body, shown) = (body.into(), to.to_string());
    let signature = HeaderValue::try_from(sign(secrets, now, &body));
    let signature = signature.map_err(|_| SendError::Url { to: shown.clone() })?;
    let mut headers = HeaderMap::new();
    if let Ok(name) = HeaderName::from_bytes(SIGNATURE_HEADER.as_bytes()) {
        headers.insert(name, signature);
    }
    let trust = Trust::new(ca_file, "see --ca-file");
    let limits = Limits { timeout: TIMEOUT, answer: ANSWER_LIMIT };
    Server { url: to, shown: &shown, trust: &trust }.post(headers, body, limits).await
}
