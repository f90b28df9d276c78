//! Sending a signed event to a server, as Stripe does.

mod first_byte;
#[cfg_attr(not(feature = "tls"), path = "send/no_tls.rs")]
mod tls;

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Collected, Full, Limited};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use webhook_core::{SIGNATURE_HEADER, Secret, sign};

use self::first_byte::FirstByte;
use crate::future::spawn;

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
    let body = body.into();
    let signature = sign(secrets, now, &body);
    match tokio::time::timeout(TIMEOUT, post((to, ca_file), signature, body)).await {
        Ok(result) => result,
        Err(_) => Err(SendError::Timeout { to: to.clone() }),
    }
}

async fn post(
    (to, ca_file): (&Uri, Option<&Path>),
    signature: String,
    body: Bytes,
) -> Result<Response<Bytes>, SendError> {
    let (Some(scheme @ ("http" | "https")), Some(host)) = (to.scheme_str(), to.host()) else {
        return Err(SendError::Url { to: to.clone() });
    };
    let (host, port) = (host.trim_matches(['[', ']']), if scheme == "https" { 443 } else { 80 });
    if scheme == "https" && !cfg!(feature = "tls") {
        return Err(SendError::NoTls { to: to.clone() });
    }
    let connecting = TcpStream::connect((host, to.port_u16().unwrap_or(port)));
    let stream = connecting.await.map_err(|source| SendError::Connect { to: to.clone(), source })?;
    if scheme == "http" {
        let first = FirstByte::default();
        let exchanged = exchange(Box::new(first.noted(stream)), to, signature, body).await;
        return exchanged.map_err(|error| {
            if first.is_of_tls() { SendError::SpeaksTls { to: to.clone() } } else { error }
        });
    }
    match tls::connect(stream, host, ca_file).await {
        Ok(stream) => exchange(Box::new(stream), to, signature, body).await,
        Err(source) => Err(SendError::Tls { to: to.clone(), source }),
    }
}

/// A connection, with or without TLS.
trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Connection for T {}

/// Sends the request on a connection, and reads the answer.
async fn exchange(
    stream: Box<dyn Connection>,
    to: &Uri,
    signature: String,
    body: Bytes,
) -> Result<Response<Bytes>, SendError> {
    let broken = |source| SendError::Broken { to: to.clone(), source };
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    spawn(async {
        let _ = connection.await;
    });

    let authority = to.authority().map_or("", |authority| authority.as_str());
    let request = Request::builder()
        .method(Method::POST)
        .uri(to.path_and_query().map_or("/", |path| path.as_str()))
        .header(HOST, authority)
        .header(CONTENT_TYPE, "application/json; charset=utf-8")
        .header(CONTENT_LENGTH, body.len())
        .header(USER_AGENT, concat!("webhook-server/", env!("CARGO_PKG_VERSION")))
        .header(SIGNATURE_HEADER, signature)
        .body(Full::new(body))
        .map_err(|_| SendError::Url { to: to.clone() })?;
    let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
    let body = Limited::new(body, ANSWER_LIMIT).collect().await;
    Ok(Response::from_parts(head, body.map(Collected::to_bytes).unwrap_or_default()))
}

/// The same URL with `https`.
pub(super) fn through_tls(url: &Uri) -> String {
    url.to_string().replacen("http:", "https:", 1)
}

/// Why an event could not be sent, or no answer came.
#[derive(Debug, Error)]
pub(crate) enum SendError {
    #[error("{to} closed the connection before it answered")]
    Broken { to: Uri, source: hyper::Error },
    #[error("cannot connect to {to}")]
    Connect { to: Uri, source: std::io::Error },
    #[error("the server speaks TLS on this port: use {}", through_tls(to))]
    SpeaksTls { to: Uri },
    #[error("{to} did not answer within {} s", TIMEOUT.as_secs())]
    Timeout { to: Uri },
    #[error("cannot make a TLS connection to {to}")]
    Tls { to: Uri, source: std::io::Error },
    #[error("cannot send to {to}: this program was built without the feature `tls` of `webhook-server`")]
    NoTls { to: Uri },
    #[error("cannot send to {to}: the URL must begin with `http://` or `https://` and name a host")]
    Url { to: Uri },
}

#[cfg(all(test, not(feature = "tls")))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn https_names_the_feature_that_it_needs() {
        let to = Uri::from_static("https://localhost:1/webhook");
        let error = send("{}", &[], (&to, None), 0).await.expect_err("it cannot be sent");
        assert!(error.to_string().contains("without the feature `tls` of `webhook-server`"), "{error}");
    }
}
