//! Posting to a server: over HTTP, or over TLS with the feature `tls`. A redirect is an answer like any other, and is not
//! followed.
//!
//! A URL may hold a token, so an error names the server by the text that the caller gives for it.

mod first_byte;
#[cfg_attr(not(feature = "tls"), path = "post/no_tls.rs")]
mod tls;

use std::future::pending;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Collected, Full, Limited};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use self::first_byte::FirstByte;

/// JSON to be posted.
pub(crate) struct Post<'p> {
    pub(crate) to: &'p Uri,
    /// What stands for the URL in errors.
    pub(crate) shown: &'p str,
    pub(crate) trust: Trust<'p>,
    /// A header besides the usual ones.
    pub(crate) header: Option<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    /// How long everything may take, to the end of the answer.
    pub(crate) timeout: Duration,
    /// How much of the answer's body is read. If it is longer, or incomplete, it is returned empty.
    pub(crate) answer_limit: usize,
}

/// Who must have signed the certificate of a server.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "without TLS, no server shows a certificate"))]
pub(crate) struct Trust<'p> {
    /// The certificates of those who may; without a file, those that the system trusts.
    pub(crate) ca_file: Option<&'p Path>,
    /// How to trust another one: the end of a sentence.
    pub(crate) advice: &'static str,
}

impl Post<'_> {
    /// Sends it, and returns the answer, whatever its status.
    ///
    /// Cancel safety: the connection is closed. The server may have read all of the request.
    ///
    /// # Errors
    ///
    /// Fails if the server cannot be reached or does not answer in time.
    pub(crate) async fn send(self) -> Result<Response<Bytes>, PostError> {
        let (to, timeout) = (self.shown.to_owned(), self.timeout);
        match tokio::time::timeout(timeout, self.connect_and_send()).await {
            Ok(result) => result,
            Err(_) => Err(PostError::Timeout { to, timeout }),
        }
    }

    async fn connect_and_send(self) -> Result<Response<Bytes>, PostError> {
        let shown = || self.shown.to_owned();
        let (Some(scheme @ ("http" | "https")), Some(host)) = (self.to.scheme_str(), self.to.host()) else {
            return Err(PostError::Url { to: shown() });
        };
        if !has_usable_port(self.to) {
            return Err(PostError::Url { to: shown() });
        }
        let (host, port) = (host.trim_matches(['[', ']']), if scheme == "https" { 443 } else { 80 });
        if scheme == "https" && !cfg!(feature = "tls") {
            return Err(PostError::NoTls { to: shown() });
        }
        let connecting = TcpStream::connect((host, self.to.port_u16().unwrap_or(port)));
        let stream = connecting.await.map_err(|source| PostError::Connect { to: shown(), source })?;
        if scheme == "http" {
            let first = FirstByte::default();
            let exchanged = self.exchange(Box::new(first.noted(stream))).await;
            return exchanged.map_err(|error| {
                if first.is_of_tls() { PostError::SpeaksTls { to: shown() } } else { error }
            });
        }
        match tls::connect(stream, host, self.trust).await {
            Ok(stream) => self.exchange(Box::new(stream)).await,
            Err(source) => Err(PostError::Tls { to: shown(), source }),
        }
    }

    /// Sends the request on a connection, and reads the answer.
    async fn exchange(&self, stream: Box<dyn Connection>) -> Result<Response<Bytes>, PostError> {
        let broken = |source| PostError::Broken { to: self.shown.to_owned(), source };
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        // The connection may end with the answer, which is still to be read then.
        let working = async {
            let _ = connection.await;
            pending().await
        };
        let request = self.request().ok_or_else(|| PostError::Url { to: self.shown.to_owned() })?;
        let exchanging = async {
            let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
            let read = match self.answer_limit {
                0 => Bytes::new(),
                most => Limited::new(body, most).collect().await.map(Collected::to_bytes).unwrap_or_default(),
            };
            Ok(Response::from_parts(head, read))
        };
        tokio::select! {
            answer = exchanging => answer,
            () = working => unreachable!("it never ends"),
        }
    }

    /// The request. `None` if the URL cannot be asked for.
    fn request(&self) -> Option<Request<Full<Bytes>>> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.to.path_and_query().map_or("/", |path| path.as_str()))
            .header(HOST, self.to.authority().map_or("", |authority| authority.as_str()))
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .header(CONTENT_LENGTH, self.body.len())
            .header(USER_AGENT, concat!("webhook-server/", env!("CARGO_PKG_VERSION")));
        let with_own = match &self.header {
            Some((name, value)) => request.header(name, value),
            None => request,
        };
        with_own.body(Full::new(self.body.clone())).ok()
    }
}

/// A connection, with or without TLS.
trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Connection for T {}

/// Whether a URL has no port, or one that can be connected to: of another one, only the usual port would be left.
pub(crate) fn has_usable_port(url: &Uri) -> bool {
    let (Some(authority), Some(host)) = (url.authority(), url.host()) else { return false };
    authority.as_str().ends_with(host) || authority.port_u16().is_some_and(|port| port > 0)
}

/// A URL with `https`.
pub(crate) fn through_tls(url: &str) -> String {
    url.replacen("http:", "https:", 1)
}

/// Why something could not be posted, or no answer came.
#[derive(Debug, Error)]
pub(crate) enum PostError {
    #[error("{to} closed the connection before it answered")]
    Broken { to: String, source: hyper::Error },
    #[error("cannot connect to {to}")]
    Connect { to: String, source: std::io::Error },
    #[error("the server speaks TLS on this port: use {}", through_tls(to))]
    SpeaksTls { to: String },
    #[error("{to} did not answer within {} s", timeout.as_secs())]
    Timeout { to: String, timeout: Duration },
    #[error("cannot make a TLS connection to {to}")]
    Tls { to: String, source: std::io::Error },
    #[error("cannot send to {to}: this program was built without the feature `tls` of `webhook-server`")]
    NoTls { to: String },
    #[error(
        "cannot send to {to}: the URL needs `http://` or `https://`, a host, and no port or one from 1 to 65535"
    )]
    Url { to: String },
}

#[cfg(all(test, not(feature = "tls")))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn https_names_the_feature_that_it_needs() {
        let to = Uri::from_static("https://localhost:1/webhook");
        let post = Post {
            to: &to,
            shown: "the server",
            trust: Trust { ca_file: None, advice: "" },
            header: None,
            body: Bytes::new(),
            timeout: Duration::from_secs(10),
            answer_limit: 0,
        };
        let error = post.send().await.expect_err("it cannot be sent");
        assert!(error.to_string().contains("without the feature `tls` of `webhook-server`"), "{error}");
    }
}
