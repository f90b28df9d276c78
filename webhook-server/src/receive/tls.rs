//! TLS for those who have no proxy: the certificate of the listener, and a connection through TLS.
//!
//! The cryptography is that of `ring`, because it builds with a C compiler alone, which SQLite needs already; the default
//! of rustls, `aws-lc-rs`, needs CMake or NASM on some systems. It is named wherever it is used, so a program may install
//! another one for itself.

mod certificate;

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{FallibleAccept, TlsAcceptor};
use tracing::info;

use self::certificate::{Current, read};
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
        match read(certificate, key, contents) {
            Ok(current) => {
                let (certificate, key, current) = (certificate.clone(), key.clone(), RwLock::new(current));
                Some(Self { certificate, key, current })
            }
            Err(wrong) => {
                wrong.into_iter().for_each(|wrong| problems.add(wrong));
                None
            }
        }
    }

    /// Makes a connection of a stream that was accepted. Its handshake takes place when it is first read.
    pub(super) fn accept(&self, stream: TcpStream, report: Report, peer: SocketAddr) -> Secured {
        let config = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).config);
        let state = State::Handshake(Box::new(TlsAcceptor::from(config).accept(stream).into_fallible()));
        Secured { state, report, peer }
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
        *current = new;
        drop(current);
        info!(file = %self.certificate.display(), "certificate reloaded: new connections get it");
        Ok(Change::Replaced)
    }
}

/// A connection through TLS. It reads as the stream below it does, so everything that limits a connection without TLS
/// limits its handshake, too.
pub(super) struct Secured {
    state: State,
    report: Report,
    peer: SocketAddr,
}

enum State {
    Handshake(Box<FallibleAccept<TcpStream>>),
    Open(Box<TlsStream<TcpStream>>),
    /// The handshake failed.
    Failed(TcpStream),
}

impl Secured {
    /// Goes on with the handshake, and returns the stream once it is through.
    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<io::Result<&mut TlsStream<TcpStream>>> {
        if let State::Handshake(handshake) = &mut self.state {
            match ready!(Pin::new(&mut **handshake).poll(context)) {
                Ok(stream) => self.state = State::Open(Box::new(stream)),
                Err((error, stream)) => {
                    self.state = State::Failed(stream);
                    // A connection that only ends, as a port scanner's does, is not worth a word.
                    if error.kind() == ErrorKind::InvalidData {
                        let (reason, peer) = (format!("TLS: {}", chain(&error)), Some(self.peer));
                        self.report.note(&Fact::Malformed { reason: &reason, peer });
                    }
                    return Poll::Ready(Err(error));
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
        if let State::Failed(stream) = &mut self.state {
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
            State::Failed(stream) => Pin::new(stream).poll_shutdown(context),
            State::Handshake(_) => Poll::Ready(Ok(())),
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}
