//! The server's own listener: accepts connections until it is told to stop, then finishes the requests in progress.
//!
//! Each connection is a task. Three things end it: the sender, another connection for which it must give way, and the
//! shutdown. Every limit of a connection is here or in [`connections`](super::connections); the limits of a body are in
//! `body.rs`.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tracing::debug;

use super::connections::Connection;
use super::{Receiver, reply};
use crate::report::format::chain;
use crate::report::{Fact, Report};
use crate::run::in_flight::{InFlight, InFlightGuard};

/// How long the head of a request may take to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The memory for the head of a request, in bytes. Stripe's heads are below 1 KiB.
const HEAD_LIMIT: usize = 16 * 1024;

/// The pause after the system refused a connection, most often because it has run out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(5);

/// The most connections that are accepted once the server stops: more than any accept queue holds.
const MAX_QUEUED: usize = 4_096;

/// How long a connection that gives way has to take its answer.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a shutdown waits for a request that may be under way on an open connection.
const LAST_REQUEST_TIMEOUT: Duration = Duration::from_secs(1);

/// Accepts connections until `shutdown` is ready. Then finishes the requests in progress, for at most `drain_timeout`, and
/// returns whether all were finished.
pub(crate) async fn listen(
    listener: TcpListener,
    receiver: Arc<Receiver>,
    report: Report,
    shutdown: impl Future<Output = ()>,
    drain_timeout: Duration,
) -> bool {
    let (stop, stopping) = watch::channel(false);
    let open = InFlight::default();
    let last_request = LAST_REQUEST_TIMEOUT.min(drain_timeout / 2);
    let start = |stream, peer| {
        let Some(connection) = receiver.connections.admit(Some(peer)) else {
            let reason = "there are too many, and all of them are being answered";
            return report.note(&Fact::ConnectionRefused { reason });
        };
        debug!(%peer, "connection accepted");
        let receiver = Arc::clone(&receiver);
        let http = Http { receiver, connection, stopping: stopping.clone(), _open: open.one() };
        tokio::spawn(http.serve(stream, last_request));
    };
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    start(stream, peer);
                    // A connection that gives way for this one is closed before the next one is accepted.
                    tokio::task::yield_now().await;
                }
                // The sender did not wait.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                // The system has run out of something, most often file descriptors. Closing a connection frees one.
                Err(error) => {
                    receiver.connections.make_way();
                    report.note(&Fact::ConnectionRefused { reason: &error.to_string() });
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    for (stream, peer) in queued(listener) {
        start(stream, peer);
    }
    stop.send_replace(true);
    let drained = async {
        open.none().await;
        receiver.in_flight.none().await;
    };
    tokio::time::timeout(drain_timeout, drained).await.is_ok()
}

/// Closes the listener and returns the connections that were made and not accepted yet: their senders believe that they
/// are connected.
fn queued(listener: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let Ok(listener) = listener.into_std() else { return Vec::new() };
    let accepted = std::iter::from_fn(|| {
        loop {
            match listener.accept() {
                Ok(accepted) => return Some(accepted),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                // Most often, the queue is empty.
                Err(_) => return None,
            }
        }
    });
    let made = accepted.take(MAX_QUEUED).filter_map(|(stream, peer)| {
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, peer))
    });
    made.collect()
}

/// Returns when the server stops.
async fn stops(stopping: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, and with it the server.
    let _ = stopping.wait_for(|stops| *stops).await;
}

/// Serves one connection.
struct Http {
    receiver: Arc<Receiver>,
    connection: Connection,
    /// True when the server stops: each answer is then the last one on its connection.
    stopping: watch::Receiver<bool>,
    /// Keeps the shutdown waiting for this connection.
    _open: InFlightGuard,
}

impl Http {
    /// Answers the connection's requests until it ends. `last_request` is how long a shutdown waits for another one.
    async fn serve(self, stream: TcpStream, last_request: Duration) {
        let (connection, mut stopping) = (self.connection.clone(), self.stopping.clone());
        let answer = service_fn(|request| self.answer(request));
        let mut http = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .max_buf_size(HEAD_LIMIT)
                .serve_connection(TokioIo::new(stream), answer)
        );
        let result = tokio::select! {
            result = &mut http => result,
            () = connection.must_give_way() => {
                if !connection.has_request() {
                    return debug!("connection closed: it gave way");
                }
                http.as_mut().graceful_shutdown();
                tokio::time::timeout(LEAVE_TIMEOUT, http).await.unwrap_or(Ok(()))
            }
            () = stops(&mut stopping) => {
                // What has been sent is answered, and each answer says that it is the last.
                match tokio::time::timeout(last_request, &mut http).await {
                    Ok(result) => result,
                    Err(_) if connection.has_request() => {
                        http.as_mut().graceful_shutdown();
                        http.await
                    }
                    Err(_) => Ok(()),
                }
            }
        };
        if let Err(error) = result {
            debug!(error = chain(&error), "connection ended early");
        }
    }

    /// Answers one request, and tells the table of connections when its head arrived and when it was answered.
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        self.connection.began_request();
        let mut response = self.receiver.answer(request, self.connection.clone()).await;
        self.connection.ended_request();
        if *self.stopping.borrow() {
            reply::last(&mut response);
        }
        Ok(response)
    }
}
