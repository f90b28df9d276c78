//! HTTP/1 on one connection.
//!
//! Three things end a connection: the sender, another connection for which it must give way, and the shutdown. A request
//! that has arrived is answered before the connection ends. Every limit of a connection is here or in
//! [`connections`](super::connections); the limits of a body are in `body.rs`.

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, copy, sink};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;
use tracing::debug;

use super::connections::Connection;
use super::write_deadline::WriteDeadline;
use super::{Receiver, reply};
use crate::report::Fact;
use crate::report::format::chain;
use crate::run::in_flight::InFlightGuard;

/// How long the head of a request may take to arrive, and how long a connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The memory for the head of a request, in bytes. Stripe's heads are below 1 KiB.
const HEAD_LIMIT: usize = 16 * 1024;

/// The most headers of a request. Stripe sends about ten, and proxies add about as many.
const MAX_HEADERS: usize = 64;

/// How long a sender has to read an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The most requests on one connection.
const MAX_REQUESTS: u32 = 1_000;

/// The age from which a connection ends with its next answer. Senders that connect again reach instances that were
/// started since.
const MAX_AGE: Duration = Duration::from_secs(5 * 60);

/// How long a connection that gives way has to take its answer.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a connection without a request that gives way has for one that has just arrived.
const LAST_LOOK: Duration = Duration::from_millis(1);

/// How long a sender that is still sending has to see its answer.
const LINGER_TIMEOUT: Duration = Duration::from_millis(500);

/// The most that is read from it in that time, in bytes.
const LINGER_LIMIT: u64 = 256 * 1024;

/// Serves one connection.
#[derive(Debug)]
pub(super) struct Http {
    receiver: Arc<Receiver>,
    connection: Connection,
    /// True when the server stops: each answer is then the last one on its connection.
    stopping: watch::Receiver<bool>,
    accepted: Instant,
    /// The number of requests so far.
    requests: AtomicU32,
    /// Keeps the shutdown waiting for this connection.
    _open: InFlightGuard,
    /// Its turn to be looked at, which the next one waits for.
    turn: Option<OwnedSemaphorePermit>,
}

impl Http {
    pub(super) fn new(
        receiver: Arc<Receiver>,
        connection: Connection,
        stopping: watch::Receiver<bool>,
        open: InFlightGuard,
        turn: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let (accepted, requests) = (Instant::now(), AtomicU32::new(0));
        Self { receiver, connection, stopping, accepted, requests, _open: open, turn }
    }

    /// Answers the connection's requests until it ends. `last_request` is how long a shutdown waits for another one.
    pub(super) async fn serve(mut self, stream: impl AsyncRead + AsyncWrite + Unpin, last_request: Duration) {
        let turn = self.turn.take();
        let (connection, mut stopping) = (&self.connection, self.stopping.clone());
        let stream = TokioIo::new(WriteDeadline::new(stream, WRITE_TIMEOUT));
        let mut http = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(HEAD_LIMIT)
            .max_headers(MAX_HEADERS)
            // A sender that has sent its request may say that nothing more comes, and still wait for the answer.
            .half_close(true)
            .serve_connection(stream, service_fn(|request| self.answer(request)));
        // After this, the runtime knows what has arrived.
        tokio::task::yield_now().await;
        let gives_way = async {
            drop(turn);
            if !connection.has_request() {
                connection.waits();
            }
            connection.must_give_way().await;
        };
        let result = tokio::select! {
            biased;
            result = &mut http => result,
            () = gives_way => {
                // What has just arrived is answered; the request of a surplus connection may be on its way.
                let look = if connection.is_surplus() { LEAVE_TIMEOUT } else { LAST_LOOK };
                if !connection.has_request()
                    && let Ok(result) = tokio::time::timeout(look, &mut http).await
                {
                    result
                } else if connection.has_request() {
                    pin::Pin::new(&mut http).graceful_shutdown();
                    let Ok(result) = tokio::time::timeout(LEAVE_TIMEOUT, &mut http).await else { return };
                    result
                } else {
                    return debug!("connection closed: it gave way");
                }
            }
            () = stops(&mut stopping) => {
                // What has been sent is answered, and each answer says that it is the last.
                match tokio::time::timeout(last_request, &mut http).await {
                    Ok(result) => result,
                    Err(_) if connection.has_request() => {
                        pin::Pin::new(&mut http).graceful_shutdown();
                        (&mut http).await
                    }
                    Err(_) => return,
                }
            }
        };
        if let Err(error) = &result {
            let (reason, peer) = (chain(error), connection.peer());
            debug!(error = reason, "connection ended early");
            if !error.is_parse() {
                return;
            }
            self.receiver.report.note(&Fact::Malformed { reason: &reason, peer });
        }
        linger(http.into_parts().io.into_inner().into_inner(), connection).await;
    }

    /// Answers one request, and tells the table of connections when its head arrived and when it was answered.
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        self.connection.began_request();
        let may_go_on = request.version() == Version::HTTP_11 && is_framed(request.headers());
        let mut response = self.receiver.answer(request, self.connection.clone()).await;
        self.connection.ended_request(reply::blames_sender(&response));
        if !may_go_on || self.is_last_request() {
            reply::last(&mut response);
        }
        Ok(response)
    }

    /// Counts a request, and returns whether the connection ends with it.
    fn is_last_request(&self) -> bool {
        let requests = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        requests >= MAX_REQUESTS || self.accepted.elapsed() >= MAX_AGE || *self.stopping.borrow()
    }
}

/// Returns when the server stops.
async fn stops(stopping: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, and with it the server.
    let _ = stopping.wait_for(|stops| *stops).await;
}

/// Whether the head says where the body ends. Without that there is no body, but a sender that sent one all the same
/// would have it taken for the next request.
fn is_framed(headers: &HeaderMap) -> bool {
    headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING)
}

/// Waits for the sender to close a connection whose last answer was sent. What is still arriving is dropped: a socket
/// that is closed with unread bytes resets the connection, and the sender may lose the answer.
async fn linger(stream: impl AsyncRead + Unpin, connection: &Connection) {
    let (mut rest, mut nowhere) = (stream.take(LINGER_LIMIT), sink());
    tokio::select! {
        _ = copy(&mut rest, &mut nowhere) => {}
        () = connection.must_give_way(), if !connection.is_surplus() => {}
        () = tokio::time::sleep(LINGER_TIMEOUT) => {}
    }
}
