//! TLS to the database, by rustls.
//!
//! `sslmode` decides what is checked, as in PostgreSQL's own programs: nothing of the certificate (`prefer`, `require`), that
//! a trusted one has signed it (`verify-ca`), or that it is also for this host (`verify-full`).

mod certificate;

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Socket;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use self::certificate::{Checked, Checks, digest};
use super::problem::{Cause, Problem};
use super::url::{Encryption, Roots, Url};

/// Encrypts the connections to one database.
#[derive(Clone, Debug)]
pub(super) struct Tls {
    config: Arc<ClientConfig>,
}

impl Tls {
    /// Reads the certificates that are trusted.
    ///
    /// # Errors
    ///
    /// Fails if they are needed and cannot be read.
    pub(super) fn of(url: &Url) -> Result<Self, Problem> {
        let unusable = |text: String| Problem::Unusable(Cause::new(text));
        let provider = Arc::new(crypto::ring::default_provider());
        let verifier = match url.encryption {
            Encryption::VerifyCa | Encryption::VerifyFull => {
                let roots = roots(url.roots.as_ref()).map_err(unusable)?;
                let verifier =
                    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
                Some(verifier.build().map_err(|error| unusable(error.to_string()))?)
            }
            Encryption::Disable | Encryption::Prefer | Encryption::Require => None,
        };
        let checks = match (url.encryption, verifier) {
            (Encryption::VerifyFull, Some(verifier)) => Checks::Everything(verifier),
            (_, Some(verifier)) => Checks::Issuer(verifier),
            (_, None) => Checks::Nothing,
        };
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Checked { checks, provider }))
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config) })
    }
}

/// The certificates that are trusted.
fn roots(from: Option<&Roots>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let (certificates, from) = match from {
        Some(Roots::File(file)) => (read(file)?, file.display().to_string()),
        Some(Roots::System) | None => {
            (rustls_native_certs::load_native_certs().certs, "the system".to_owned())
        }
    };
    roots.add_parsable_certificates(certificates);
    if roots.is_empty() {
        return Err(format!(
            "{from} has no root certificates (`sslrootcert` in the URL names a file of them)"
        ));
    }
    Ok(roots)
}

/// The certificates in a file.
fn read(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let unreadable = |error: &dyn std::fmt::Display| {
        format!("the file {} (`sslrootcert` in the URL) cannot be read: {error}", file.display())
    };
    let text = std::fs::read(file).map_err(|error| unreadable(&error))?;
    CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(|error| unreadable(&error))
}

impl MakeTlsConnect<Socket> for Tls {
    type Stream = Encrypted;
    type TlsConnect = Handshake;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> io::Result<Handshake> {
        Ok(Handshake { config: Arc::clone(&self.config), host: host.to_owned() })
    }
}

/// The handshake of a connection, which has not begun.
pub(super) struct Handshake {
    config: Arc<ClientConfig>,
    /// Empty for a Unix socket, which has no handshake.
    host: String,
}

impl TlsConnect<Socket> for Handshake {
    type Stream = Encrypted;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let name = ServerName::try_from(self.host).map_err(io::Error::other)?;
            let stream = TlsConnector::from(self.config).connect(name, socket).await?;
            Ok(Encrypted(Box::new(stream)))
        })
    }
}

/// An encrypted connection.
pub(super) struct Encrypted(Box<tokio_rustls::client::TlsStream<Socket>>);

impl TlsStream for Encrypted {
    /// Ties the login to the server's certificate, so that a server in between cannot pass it on.
    fn channel_binding(&self) -> ChannelBinding {
        let certificates = self.0.get_ref().1.peer_certificates();
        let digest = certificates.and_then(<[_]>::first).and_then(|certificate| digest(certificate));
        digest.map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
