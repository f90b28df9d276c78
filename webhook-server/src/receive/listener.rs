//! The server's own listener: accepts connections until it is told to stop, then finishes the requests in progress.
//!
//! Each connection is a task, which [`http1`](super::http1) runs.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tracing::debug;

use super::Receiver;
use super::http1::Http;
use super::tls::Tls;
use super::turn_away::turn_away;
use crate::report::{Fact, Report};
use crate::run::in_flight::InFlight;

/// The pause after the system refused a connection, most often because it has run out of file descriptors. It doubles
/// with each refusal in succession, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(5);

const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The most connections that are accepted to be served and not looked at yet. So the server accepts as fast as it can
/// read: a connection that it has not looked at cannot give way to another one. Surplus connections do not count, so that
/// they are answered at once.
const MAX_UNREAD: usize = 32;

/// The most connections that are accepted once the server stops: more than any accept queue holds.
const MAX_QUEUED: usize = 4_096;

/// How long a shutdown waits for a request that may be under way on an open connection.
const LAST_REQUEST_TIMEOUT: Duration = Duration::from_secs(1);

/// Accepts connections until `shutdown` is ready. Then finishes the requests in progress, for at most `drain_timeout`, and
/// returns whether all were finished.
pub(crate) async fn listen(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    receiver: Arc<Receiver>,
    report: Report,
    shutdown: impl Future<Output = ()>,
    drain_timeout: Duration,
) -> bool {
    let (stop, stopping) = watch::channel(false);
    let open = InFlight::default();
    let last_request = LAST_REQUEST_TIMEOUT.min(drain_timeout / 2);
    let unread = Arc::new(Semaphore::new(MAX_UNREAD));
    let start = |stream, peer| {
        let Some(connection) = receiver.connections.admit(Some(peer)) else {
            let reason = "there are too many, and all of them are being answered";
            report.note(&Fact::ConnectionRefused { reason });
            // A TLS handshake would cost more than there is.
            if tls.is_none() {
                turn_away(stream);
            }
            return;
        };
        debug!(%peer, "connection accepted");
        let turn = match connection.is_surplus() {
            true => None,
            false => Arc::clone(&unread).try_acquire_owned().ok(),
        };
        let receiver = Arc::clone(&receiver);
        let http = |connection| Http::new(receiver, connection, stopping.clone(), open.one(), turn);
        match &tls {
            None => tokio::spawn(http(connection).serve(stream, last_request)),
            Some(tls) => {
                let stream = tls.accept(stream, report.clone(), &connection);
                tokio::spawn(http(connection).serve(stream, last_request))
            }
        };
    };
    let (mut shutdown, mut pause) = (pin!(shutdown), FIRST_PAUSE);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    pause = FIRST_PAUSE;
                    start(stream, peer);
                    let _next_may_come = unread.acquire().await;
                }
                // The sender did not wait.
                Err(error) if is_senders(&error) => {}
                // The system has run out of something, most often file descriptors. Closing a connection frees one.
                Err(error) => {
                    receiver.connections.make_way();
                    report.note(&Fact::ConnectionRefused { reason: &error.to_string() });
                    tokio::select! {
                        () = &mut shutdown => break,
                        () = tokio::time::sleep(pause) => pause = LONGEST_PAUSE.min(pause * 2),
                    }
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

/// Whether the connection failed, not the system.
fn is_senders(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Closes the listener and returns the connections that were made and not accepted yet: their senders believe that they
/// are connected.
fn queued(listener: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let Ok(listener) = listener.into_std() else { return Vec::new() };
    let accepted = std::iter::from_fn(|| {
        loop {
            match listener.accept() {
                Ok(accepted) => return Some(accepted),
                Err(error) if is_senders(&error) => {}
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
