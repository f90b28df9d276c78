//! Asking an HTTP server: over HTTP, or over TLS with the feature `tls`. A redirect is an answer like any other, and is not
//! followed.
//!
//! A URL may hold a token, so an error names the server by the text that the caller gives for it.

pub(crate) mod connection;
mod first_byte;
#[cfg_attr(not(feature = "tls"), path = "http_client/no_tls.rs")]
mod tls;

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response, Uri};
use thiserror::Error;

use self::connection::Connection;

/// The content type of what is posted.
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// What this program calls itself.
const AGENT: &str = concat!("webhook-server/", env!("CARGO_PKG_VERSION"));

/// A server, by a URL of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Server<'s> {
    pub(crate) url: &'s Uri,
    /// What stands for the URL in errors.
    pub(crate) shown: &'s str,
    pub(crate) trust: &'s Trust,
}

/// Who must have signed the certificate of a server. The certificates are read for the first connection that needs them, and
/// kept for those after it.
#[derive(Debug)]
#[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "without TLS, no server shows a certificate"))]
pub(crate) struct Trust {
    /// The certificates of those who may; without a file, those that the system trusts.
    ca_file: Option<PathBuf>,
    /// How to trust another one: the end of a sentence.
    advice: &'static str,
    roots: tls::Roots,
}

impl Trust {
    /// Trusts those whose certificates are in a file; without a file, those that the system trusts.
    pub(crate) fn new(ca_file: Option<&Path>, advice: &'static str) -> Self {
        Self { ca_file: ca_file.map(Path::to_owned), advice, roots: tls::Roots::default() }
    }

    /// Trusts those that the system trusts.
    pub(crate) fn of_system() -> Self {
        Self::new(None, "add its authority to those of the system, or name a file in SSL_CERT_FILE")
    }
}

/// What limits one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How long everything may take, to the end of the answer.
    pub(crate) timeout: Duration,
    /// How much of the answer's body is read. If it is longer, or incomplete, it is returned empty.
    pub(crate) answer: usize,
}

impl Server<'_> {
    /// Posts JSON to the server's URL on a connection of its own, and returns the answer, whatever its status.
    ///
    /// Cancel safety: the connection is closed. The server may have read all of the request.
    ///
    /// # Errors
    ///
    /// Fails if the server cannot be reached or does not answer in time.
    pub(crate) async fn post(
        self,
        mut headers: HeaderMap,
        body: Bytes,
        limits: Limits,
    ) -> Result<Response<Bytes>, SendError> {
        headers.insert(CONTENT_TYPE, JSON);
        let path = self.url.path_and_query().map_or("/", |path| path.as_str());
        let request = self.request(Method::POST, path, headers, body)?;
        let exchanging = async {
            let mut connection = Connection::open(self).await?;
            let answer = connection.send(request, limits.answer, self).await?;
            Ok(answer.map(Result::unwrap_or_default))
        };
        match tokio::time::timeout(limits.timeout, exchanging).await {
            Ok(result) => result,
            Err(_) => Err(SendError::Timeout { to: self.shown.to_owned(), timeout: limits.timeout }),
        }
    }

    /// Makes a request for a [`Connection`] of this server.
    ///
    /// # Errors
    ///
    /// Fails if the path is not one.
    pub(crate) fn request(
        self,
        method: Method,
        path_and_query: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, SendError> {
        let host = self.url.authority().map_or("", |authority| authority.as_str());
        let request = Request::builder().method(method).uri(path_and_query).header(HOST, host);
        let unusable = || SendError::Url { to: self.shown.to_owned() };
        let mut request = request.body(Full::new(body.clone())).map_err(|_| unusable())?;
        request.headers_mut().extend(headers);
        // Without a body there is no length, as clients have it.
        if !body.is_empty() || request.method() == Method::POST {
            request.headers_mut().insert(CONTENT_LENGTH, body.len().into());
        }
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(AGENT));
        Ok(request)
    }
}

/// Whether a URL has no port, or one that can be connected to: of another one, only the usual port would be left.
pub(crate) fn has_usable_port(url: &Uri) -> bool {
    let (Some(authority), Some(host)) = (url.authority(), url.host()) else { return false };
    authority.as_str().ends_with(host) || authority.port_u16().is_some_and(|port| port > 0)
}

/// A URL with `https`.
pub(crate) fn through_tls(url: &str) -> String {
    url.replacen("http:", "https:", 1)
}

/// Why something could not be sent, or no answer came.
#[derive(Debug, Error)]
pub(crate) enum SendError {
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
        let url = Uri::from_static("https://localhost:1/webhook");
        let server = Server { url: &url, shown: "the server", trust: &Trust::new(None, "") };
        let limits = Limits { timeout: Duration::from_secs(10), answer: 0 };
        let error = server.post(HeaderMap::new(), Bytes::new(), limits).await.expect_err("it cannot be sent");
        assert!(error.to_string().contains("without the feature `tls` of `webhook-server`"), "{error}");
    }
}
