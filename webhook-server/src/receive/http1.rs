//! HTTP/1 on one connection.
//!
//! Three things end a connection: the sender, another connection for which it must give way, and the shutdown. Every
//! limit of a connection is here or in [`connections`](super::connections); the limits of a body are in `body.rs`.

use std::convert::Infallible;
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
use tokio::net::TcpStream;
use tokio::sync::watch;
use tracing::debug;

use super::connections::Connection;
use super::{Receiver, reply};
use crate::report::format::chain;
use crate::run::in_flight::InFlightGuard;

/// How long the head of a request may take to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The memory for the head of a request, in bytes. Stripe's heads are below 1 KiB.
const HEAD_LIMIT: usize = 16 * 1024;

/// How long a connection that gives way has to take its answer.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// Returns when the server stops.
async fn stops(stopping: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, and with it the server.
    let _ = stopping.wait_for(|stops| *stops).await;
}

/// Serves one connection.
pub(super) struct Http {
    pub(super) receiver: Arc<Receiver>,
    pub(super) connection: Connection,
    /// True when the server stops: each answer is then the last one on its connection.
    pub(super) stopping: watch::Receiver<bool>,
    /// Keeps the shutdown waiting for this connection.
    #[expect(dead_code, reason = "it is held, and never looked at")]
    pub(super) open: InFlightGuard,
}

impl Http {
    /// Answers the connection's requests until it ends. `last_request` is how long a shutdown waits for another one.
    pub(super) async fn serve(self, stream: TcpStream, last_request: Duration) {
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
