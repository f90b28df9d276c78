//! The server's own listener: accepts connections until it is told to stop, then finishes the requests in progress.
//!
//! Each connection is a task, which [`http1`](super::http1) runs.

mod closing;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tracing::debug;

use self::closing::close;
use super::Receiver;
use super::connections::Connection;
use super::http1::Http;
use super::overload::Overload;
use super::tls::Tls;
use super::turn_away::turn_away;
use crate::report::{Fact, Report};
use crate::run::in_flight::InFlight;

/// The pause after the system refused a connection, most often because it has run out of file descriptors. It doubles
/// with each refusal in succession, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(5);

const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The most connections that are accepted to be served and not looked at yet. So the server accepts as fast as it can
/// read: a connection that it has not looked at cannot give way to another one.
const MAX_UNREAD: usize = 32;

/// How long a shutdown waits for connections that are being made: longer than a packet goes around the world.
const LAST_HANDSHAKES: Duration = Duration::from_millis(300);

/// It waits for them only if the last connection was made within this time.
const RECENTLY: Duration = Duration::from_secs(1);

/// How long a shutdown waits for a request that may be under way on an open connection.
const LAST_REQUEST_TIMEOUT: Duration = Duration::from_secs(1);

/// A socket that listens.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    /// Whether systemd has passed it, which listens on after this process.
    pub(crate) is_passed: bool,
}

/// Accepts connections until `shutdown` is ready. Then finishes the requests in progress, for at most `drain_timeout`, and
/// returns whether all were finished.
pub(crate) async fn listen(
    listener: Listener,
    tls: Option<Arc<Tls>>,
    receiver: Arc<Receiver>,
    report: Report,
    shutdown: impl Future<Output = ()>,
    drain_timeout: Duration,
) -> bool {
    let (stop, stopping) = watch::channel(false);
    let last_request = LAST_REQUEST_TIMEOUT.min(drain_timeout / 2);
    let (unread, open) = (Arc::new(Semaphore::new(MAX_UNREAD)), InFlight::default());
    let mut door =
        Door { receiver, tls, report, stopping, last_request, open, unread, overload: Overload::default() };
    let (mut shutdown, mut pause, mut accepted) = (pin!(shutdown), FIRST_PAUSE, None);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            next = listener.socket.accept() => match next {
                Ok((stream, peer)) => {
                    (pause, accepted) = (FIRST_PAUSE, Some(Instant::now()));
                    door.take(stream, peer).await;
                }
                // The sender did not wait.
                Err(error) if is_senders(&error) => {}
                // The system has run out of something, most often file descriptors. Closing a connection frees one.
                Err(error) => {
                    door.receiver.connections.make_way();
                    door.report.note(&Fact::ConnectionRefused { reason: &error.to_string() });
                    tokio::select! {
                        () = &mut shutdown => break,
                        () = tokio::time::sleep(pause) => pause = LONGEST_PAUSE.min(pause * 2),
                    }
                }
            },
        }
    }
    let stopping_since = Instant::now();
    let is_busy = accepted.is_some_and(|at: Instant| at.elapsed() < RECENTLY);
    let handshakes = if is_busy { LAST_HANDSHAKES.min(drain_timeout / 2) } else { Duration::ZERO };
    close(listener, handshakes, |stream, peer| match door.receiver.connections.admit(Some(peer)) {
        Some(connection) => door.serve(stream, connection),
        None => door.refuse(stream, peer),
    })
    .await;
    stop.send_replace(true);
    let drained = async {
        door.open.none().await;
        door.receiver.in_flight.none().await;
    };
    tokio::time::timeout(drain_timeout.saturating_sub(stopping_since.elapsed()), drained).await.is_ok()
}

/// What a new connection passes through.
struct Door {
    receiver: Arc<Receiver>,
    tls: Option<Arc<Tls>>,
    report: Report,
    stopping: watch::Receiver<bool>,
    last_request: Duration,
    open: InFlight,
    /// What is left of [`MAX_UNREAD`].
    unread: Arc<Semaphore>,
    overload: Overload,
}

impl Door {
    /// Serves or refuses a connection. Returns when the next one may be accepted: after half a second at most, for which a
    /// shutdown waits, too.
    async fn take(&mut self, stream: TcpStream, peer: SocketAddr) {
        let connections = &self.receiver.connections;
        let connection = match connections.admit(Some(peer)) {
            None => self.overload.wait(connections.room_for(peer)).await,
            admitted => admitted,
        };
        match connection {
            Some(connection) => self.serve(stream, connection),
            None => self.refuse(stream, peer),
        }
        if !self.overload.lasts() {
            let _next_may_come = self.unread.acquire().await;
        }
    }

    fn serve(&self, stream: TcpStream, connection: Connection) {
        debug!(peer = connection.peer().map(tracing::field::display), "connection accepted");
        let turn = match connection.is_surplus() {
            true => None,
            false => Arc::clone(&self.unread).try_acquire_owned().ok(),
        };
        let (receiver, stopping) = (Arc::clone(&self.receiver), self.stopping.clone());
        let http = |connection| Http::new(receiver, connection, stopping, self.open.one(), turn);
        match &self.tls {
            None => {
                // An answer does not wait until the sender has acknowledged the one before. If this fails, so does the
                // connection.
                let _ = stream.set_nodelay(true);
                tokio::spawn(http(connection).serve(stream, self.last_request))
            }
            Some(tls) => {
                let stream = tls.accept(stream, self.report.clone(), &connection);
                tokio::spawn(http(connection).serve(stream, self.last_request))
            }
        };
    }

    /// Answers with 503, if there is still room for that.
    fn refuse(&self, stream: TcpStream, peer: SocketAddr) {
        // Through TLS, a request can be answered only after the handshake.
        let stream = if self.tls.is_some() { Some(stream) } else { turn_away(stream, false) };
        if let Some(stream) = stream {
            match self.receiver.connections.admit_surplus(Some(peer)) {
                // Its request will be refused, and noted.
                Some(connection) => return self.serve(stream, connection),
                None if self.tls.is_none() => drop(turn_away(stream, true)),
                None => {}
            }
        }
        let reason = "there are too many, and all of them are being answered";
        self.report.note(&Fact::ConnectionRefused { reason });
    }
}

/// Whether the connection failed, not the system.
fn is_senders(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
