//! TLS for those who have no proxy: the certificate of the listener, and a connection through TLS.
//!
//! The cryptography is that of `ring`, because it builds with a C compiler alone, which SQLite needs already; the default
//! of rustls, `aws-lc-rs`, needs CMake or NASM on some systems. It is named wherever it is used, so a program may install
//! another one for itself.

mod answers;
mod certificate;
mod handshakes;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{self, InvalidMessage, ServerConfig};
use tokio_rustls::server::TlsStream;
use tracing::{info, warn};

use self::certificate::{Current, read};
use self::handshakes::{Handshake, Handshakes};
use super::connections::Connection;
use crate::problems::Problems;
use crate::reload::file::{self, Content};
use crate::reload::{Change, Reloadable};
use crate::report::format::chain;
use crate::report::{Fact, Report};
use crate::settings::Settings;

/// The certificate and the key of the listener.
pub(crate) struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Current>,
    handshakes: Handshakes,
}

impl Tls {
    /// Reads the files that the settings name. `None` if they name none, or if they cannot be used, which `problems` then
    /// says.
    pub(crate) fn of(settings: &Settings, problems: &mut Problems) -> Option<Self> {
        let (Some(certificate), Some(key)) = (&settings.tls_certificate, &settings.tls_key) else {
            return None;
        };
        let contents = [file::read(certificate), file::read(key)];
        if contents[1].as_ref().is_ok_and(|key| key.is_readable_by_others) {
            let key = key.display();
            problems.caution(format!(
                "every user of this machine can read the key file {key}: run `chmod o-r` on it"
            ));
        }
        let current = match read(certificate, key, contents) {
            Ok(current) => current,
            Err(wrong) => {
                wrong.into_iter().for_each(|wrong| problems.add(wrong));
                return None;
            }
        };
        current.caution.iter().for_each(|caution| problems.caution(caution));
        match Handshakes::start() {
            Ok(handshakes) => {
                let (certificate, key, current) = (certificate.clone(), key.clone(), RwLock::new(current));
                Some(Self { certificate, key, current, handshakes })
            }
            Err(error) => {
                problems.add(format!("cannot start the thread for TLS handshakes: {error}"));
                None
            }
        }
    }

    /// Makes a connection of a stream that was accepted, and begins its handshake.
    pub(super) fn accept(&self, stream: TcpStream, report: Report, connection: &Connection) -> Secured {
        let config = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).config);
        let handshake = self.handshakes.begin(connection.is_known(), shake_hands(config, stream));
        Secured { state: State::Handshake(handshake), report, peer: connection.peer() }
    }
}

impl Reloadable for Tls {
    fn what(&self) -> &'static str {
        "certificate and key"
    }

    fn files(&self) -> Vec<&Path> {
        vec![&self.certificate, &self.key]
    }

    fn replace(&self, contents: Vec<Content>) -> Result<Change, Problems> {
        let mut problems = Problems::default();
        let contents =
            contents.try_into().unwrap_or_else(|_| [(); 2].map(|()| Err("it was not read".to_owned())));
        let new = match read(&self.certificate, &self.key, contents) {
            Ok(new) => new,
            Err(wrong) => {
                wrong.into_iter().for_each(|wrong| problems.add(wrong));
                return Err(problems);
            }
        };
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.digest == new.digest {
            return Ok(Change::None);
        }
        if let Some(caution) = &new.caution {
            warn!("{caution}");
        }
        *current = new;
        drop(current);
        info!(file = %self.certificate.display(), "certificate reloaded: new connections get it");
        Ok(Change::Replaced)
    }
}

/// What a handshake makes of a stream.
type Shaken = Result<Box<TlsStream<TcpStream>>, Failure>;

/// Why a handshake failed.
struct Failure {
    error: io::Error,
    stream: TcpStream,
    /// Whether the sender sent HTTP instead.
    is_http: bool,
}

/// The handshake of one connection.
async fn shake_hands(config: Arc<ServerConfig>, stream: TcpStream) -> Shaken {
    // Otherwise the system would keep the answer back until the sender has acknowledged the session tickets, which takes
    // it up to 40 ms.
    let _ = stream.set_nodelay(true);
    let mut start = [0; 16];
    // If this fails, so does the handshake.
    let _ = stream.peek(&mut start).await;
    let is_http = is_http(&start);
    match TlsAcceptor::from(config).accept(stream).into_fallible().await {
        Ok(stream) => Ok(Box::new(stream)),
        Err((error, stream)) => Err(Failure { error, stream, is_http }),
    }
}

/// Whether this is how an HTTP request begins.
fn is_http(start: &[u8]) -> bool {
    let method = start.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    method > 0 && start[method..].starts_with(b" /")
}

impl Failure {
    /// Why, for the log. `None` if the connection only ended, as a port scanner's does.
    fn reason(&self) -> Option<String> {
        if self.is_http {
            return Some("TLS: a request came without TLS: its URL must begin with https://".to_owned());
        }
        let cause = self.error.get_ref().and_then(|cause| cause.downcast_ref());
        match cause {
            Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
                Some("TLS: the sender does not speak TLS".to_owned())
            }
            _ => {
                (self.error.kind() == ErrorKind::InvalidData).then(|| format!("TLS: {}", chain(&self.error)))
            }
        }
    }
}

/// A connection through TLS. It can be read when the handshake has ended, so everything that limits a connection without
/// TLS limits its handshake, too.
pub(super) struct Secured {
    state: State,
    report: Report,
    peer: Option<SocketAddr>,
}

enum State {
    Handshake(Handshake<Shaken>),
    Open(Box<TlsStream<TcpStream>>),
    /// The handshake failed. `None` if the connection is closed.
    Failed(Option<TcpStream>),
}

impl Secured {
    /// Waits for the handshake, and returns the stream once it is through.
    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<io::Result<&mut TlsStream<TcpStream>>> {
        if let State::Handshake(handshake) = &mut self.state {
            match ready!(Pin::new(handshake).poll(context)) {
                Ok(Ok(stream)) => self.state = State::Open(stream),
                Ok(Err(failure)) => {
                    if let Some(reason) = failure.reason() {
                        self.report.note(&Fact::Malformed { reason: &reason, peer: self.peer });
                    }
                    self.state = State::Failed(Some(failure.stream));
                    return Poll::Ready(Err(failure.error));
                }
                Err(dropped) => {
                    self.state = State::Failed(None);
                    return Poll::Ready(Err(dropped));
                }
            }
        }
        match &mut self.state {
            State::Open(stream) => Poll::Ready(Ok(stream)),
            State::Handshake(_) | State::Failed(_) => Poll::Ready(Err(ErrorKind::NotConnected.into())),
        }
    }
}

impl AsyncRead for Secured {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // What still comes after a failed handshake is dropped before the connection is closed.
        if let State::Failed(Some(stream)) = &mut self.state {
            return Pin::new(stream).poll_read(context, buffer);
        }
        let stream = ready!(self.poll_open(context))?;
        Pin::new(stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Secured {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let stream = ready!(self.poll_open(context))?;
        Pin::new(stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.state {
            State::Open(stream) => Pin::new(stream).poll_flush(context),
            // Nothing was written.
            State::Handshake(_) | State::Failed(_) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.state {
            State::Open(stream) => Pin::new(stream).poll_shutdown(context),
            State::Failed(Some(stream)) => Pin::new(stream).poll_shutdown(context),
            State::Handshake(_) | State::Failed(None) => Poll::Ready(Ok(())),
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}
