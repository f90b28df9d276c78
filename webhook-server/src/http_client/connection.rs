//! A connection to a server, for one request after another.

use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;

use bytes::Bytes;
use http_body_util::{BodyExt, Collected, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::first_byte::FirstByte;
use super::{SendError, Server, has_usable_port, tls};

/// A connection to a server. It needs no task of its own: it works while a request is sent and its answer read.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// Reads and writes. It never ends, because the connection may end with the answer, which is still to be read then.
    working: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// The first byte from a server that ought not to speak TLS.
    first: Option<FirstByte>,
}

/// What a connection sends its bytes through, with or without TLS.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Why an answer's body was not read whole.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum BodyError {
    #[error("the answer is longer than is read")]
    TooLong,
    #[error("the connection ended within the answer")]
    Incomplete,
}

impl Connection {
    /// Connects to a server.
    ///
    /// # Errors
    ///
    /// Fails if the server cannot be reached, or is not trusted.
    pub(crate) async fn open(server: Server<'_>) -> Result<Self, SendError> {
        let shown = || server.shown.to_owned();
        let (Some(scheme @ ("http" | "https")), Some(host)) = (server.url.scheme_str(), server.url.host())
        else {
            return Err(SendError::Url { to: shown() });
        };
        if !has_usable_port(server.url) {
            return Err(SendError::Url { to: shown() });
        }
        let (host, port) = (host.trim_matches(['[', ']']), if scheme == "https" { 443 } else { 80 });
        if scheme == "https" && !cfg!(feature = "tls") {
            return Err(SendError::NoTls { to: shown() });
        }
        let connecting = TcpStream::connect((host, server.url.port_u16().unwrap_or(port)));
        let stream = connecting.await.map_err(|source| SendError::Connect { to: shown(), source })?;
        if scheme == "http" {
            let first = FirstByte::default();
            let connection = Self::over(first.noted(stream), server).await?;
            return Ok(Self { first: Some(first), ..connection });
        }
        match tls::connect(stream, host, server.trust).await {
            Ok(stream) => Self::over(stream, server).await,
            Err(source) => Err(SendError::Tls { to: shown(), source }),
        }
    }

    /// Makes a connection of a stream that leads to a server.
    ///
    /// # Errors
    ///
    /// Fails if the stream has ended.
    pub(crate) async fn over(stream: impl Stream + 'static, server: Server<'_>) -> Result<Self, SendError> {
        let stream: Box<dyn Stream> = Box::new(stream);
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broken(server))?;
        let working = Box::pin(async {
            let _ = connection.await;
            pending().await
        });
        Ok(Self { sender, working, first: None })
    }

    /// Sends a request and reads the answer, with at most `limit` bytes of its body.
    ///
    /// Cancel safety: the connection cannot be used any more. The server may have read all of the request.
    ///
    /// # Errors
    ///
    /// Fails if the connection ends before the answer begins.
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
        limit: usize,
        server: Server<'_>,
    ) -> Result<Response<Result<Bytes, BodyError>>, SendError> {
        let Self { sender, working, first } = self;
        let exchanging = async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            Ok(Response::from_parts(head, read(body, limit).await))
        };
        let answer = tokio::select! {
            answer = exchanging => answer,
            () = working => unreachable!("it never ends"),
        };
        let speaks_tls = |_: &hyper::Error| first.as_ref().is_some_and(FirstByte::is_of_tls);
        match answer {
            Err(error) if speaks_tls(&error) => Err(SendError::SpeaksTls { to: server.shown.to_owned() }),
            answer => answer.map_err(broken(server)),
        }
    }

    /// Whether another request can be sent: the last answer was read whole, and the server has not closed the connection.
    #[cfg_attr(
        not(feature = "stripe-api"),
        allow(dead_code, reason = "only the client of Stripe's API keeps connections")
    )]
    pub(crate) async fn is_usable(&mut self) -> bool {
        let Self { sender, working, .. } = self;
        if !sender.is_ready() && sender.is_closed() {
            return false;
        }
        tokio::select! {
            // What the server has sent meanwhile is read first: if it is an end, the connection is not ready.
            biased;
            () = working => unreachable!("it never ends"),
            ready = sender.ready() => ready.is_ok(),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("is_closed", &self.sender.is_closed()).finish_non_exhaustive()
    }
}

fn broken(server: Server<'_>) -> impl Fn(hyper::Error) -> SendError {
    move |source| SendError::Broken { to: server.shown.to_owned(), source }
}

async fn read(body: Incoming, limit: usize) -> Result<Bytes, BodyError> {
    if limit == 0 {
        return Ok(Bytes::new());
    }
    match Limited::new(body, limit).collect().await.map(Collected::to_bytes) {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLong),
        Err(_) => Err(BodyError::Incomplete),
    }
}
