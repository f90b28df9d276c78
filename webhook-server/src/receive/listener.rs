//! Accepting connections, until told to stop.

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
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, interval_at};
use tracing::{debug, error, warn};

use super::reply;
use crate::receive::Service;
use crate::receive::connections::Connection;
use crate::report::format::chain;
use crate::report::log_refused;
use crate::report::refusals;

/// How long the head of a request may take to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The memory for the head of a request. Stripe's is below 1 KiB.
const HEAD_LIMIT: usize = 16 * 1024;

/// How long to wait after the system refused a connection, most often because no file descriptor was left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(5);

/// How many connections are accepted at most once the server stops: more than any queue holds.
const MOST_QUEUED: usize = 4_096;

/// How long a connection that gives way has to take the answer that says so.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long, in a shutdown, a request is waited for that may be under way on an open connection.
const LAST_REQUEST_TIMEOUT: Duration = Duration::from_secs(1);

/// Accepts connections until `shutdown` ends, then finishes the requests in progress, for at most `drain_timeout`.
pub(crate) async fn serve(
    listener: TcpListener,
    service: Arc<Service>,
    shutdown: impl Future<Output = ()>,
    drain_timeout: Duration,
) -> Drained {
    let (stop, stopping) = watch::channel(false);
    let (open, mut all_closed) = mpsc::channel::<()>(1);
    let last_request = LAST_REQUEST_TIMEOUT.min(drain_timeout / 2);
    let start = |stream, peer| {
        let Some(connection) = service.connections.admit(Some(peer)) else {
            return not_accepted("there are too many, and all of them are being answered", &service);
        };
        debug!(%peer, "connection accepted");
        let http = Http {
            service: Arc::clone(&service),
            connection,
            stopping: stopping.clone(),
            open: open.clone(),
        };
        tokio::spawn(http.serve(stream, last_request));
    };
    let mut minutes = interval_at(Instant::now() + refusals::MINUTE, refusals::MINUTE);
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    start(stream, peer);
                    // Whoever gives way for it goes before the next one comes.
                    tokio::task::yield_now().await;
                }
                // Its sender did not wait.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                // The system has run out of something, most often file descriptors, of which one is given back.
                Err(error) => {
                    service.connections.make_way();
                    not_accepted(&error.to_string(), &service);
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            _ = minutes.tick() => log_refused(&service.refusals),
        }
    }
    for (stream, peer) in queued(listener) {
        start(stream, peer);
    }
    stop.send_replace(true);
    drop(open);
    // The channel ends when the last sender is gone: with the last connection and the last request.
    let drained = async { while all_closed.recv().await.is_some() {} };
    let drained = tokio::time::timeout(drain_timeout, drained).await;
    log_refused(&service.refusals);
    match drained {
        Ok(()) => Drained::Wholly,
        Err(_) => Drained::CutShort,
    }
}

/// Whether a shutdown could wait for everything in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drained {
    Wholly,
    CutShort,
}

fn not_accepted(reason: &str, service: &Service) {
    if service.refusals.is_first("connection", reason) {
        warn!(reason, "connection not accepted");
    }
}

/// Closes the listener, and returns the connections that were made and not accepted yet: their senders believe that
/// they are let in.
fn queued(listener: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let Ok(listener) = listener.into_std() else { return Vec::new() };
    let accepted = std::iter::from_fn(|| {
        loop {
            match listener.accept() {
                Ok(accepted) => return Some(accepted),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                // Most often, there is none any more.
                Err(_) => return None,
            }
        }
    });
    let made = accepted.take(MOST_QUEUED).filter_map(|(stream, peer)| {
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, peer))
    });
    made.collect()
}

/// Returns when the server stops.
async fn stops(stopping: &mut watch::Receiver<bool>) {
    // An error says that the sender is gone, and with it the server.
    let _ = stopping.wait_for(|stops| *stops).await;
}

/// What serves one connection.
struct Http {
    service: Arc<Service>,
    connection: Connection,
    stopping: watch::Receiver<bool>,
    open: mpsc::Sender<()>,
}

impl Http {
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
            () = connection.gives_way() => {
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

    /// Answers in a task of its own: a panic becomes an answer, and a sender that hangs up stops no handler.
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (service, connection, open) =
            (Arc::clone(&self.service), self.connection.clone(), self.open.clone());
        connection.began_request();
        let answered = tokio::spawn(async move {
            let response = service.answer(request, &connection).await;
            drop(open);
            response
        });
        let mut response = answered.await.unwrap_or_else(|_| {
            error!("the service failed");
            reply::failed()
        });
        self.connection.ended_request();
        if *self.stopping.borrow() {
            reply::last(&mut response);
        }
        Ok(response)
    }
}
