//! TLS for a client: to a server whose certificate is checked against the system's root certificates, or a file's.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, InvalidMessage, RootCertStore, crypto};

use super::Trust;

/// How certificates are checked, once those that are trusted were read.
#[derive(Debug, Default)]
pub(super) struct Roots(OnceCell<Arc<ClientConfig>>);

/// Makes a TLS connection of a TCP connection to a host.
///
/// # Errors
///
/// Fails if there are no root certificates, or if the server has no certificate for this host that one of them signed.
pub(super) async fn connect(
    stream: TcpStream,
    host: &str,
    trust: &Trust,
) -> io::Result<TlsStream<TcpStream>> {
    let config = trust.roots.0.get_or_try_init(|| read_config(trust)).await?;
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let connected = TlsConnector::from(Arc::clone(config)).connect(name, stream).await;
    connected.map_err(|error| explained(error, trust.advice))
}

async fn read_config(trust: &Trust) -> io::Result<Arc<ClientConfig>> {
    let (ca_file, advice) = (trust.ca_file.clone(), trust.advice);
    // Reading all that the system trusts takes milliseconds, in which this thread would answer nobody.
    let reading = tokio::task::spawn_blocking(move || config(ca_file.as_deref(), advice));
    reading.await.map_err(io::Error::other)?.map(Arc::new)
}

fn config(ca_file: Option<&Path>, advice: &str) -> io::Result<ClientConfig> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots(ca_file, advice)?)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Says in words what went wrong, where the library names its own types only.
fn explained(error: io::Error, how_to_trust: &str) -> io::Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let reason = match inner {
        Some(rustls::Error::InvalidCertificate(reason)) => reason,
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            return io::Error::other("the server does not speak TLS on this port: use http://");
        }
        None if [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset].contains(&error.kind()) => {
            return io::Error::other(
                "the server closed the connection during the handshake: does it speak TLS on this port?",
            );
        }
        _ => return error,
    };
    let advice = match reason {
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "its certificate is that of an authority (CA:TRUE), which a server must not use as its own: make one with \
             `-addext basicConstraints=critical,CA:FALSE`"
                .to_owned()
        }
        CertificateError::UnknownIssuer
        | CertificateError::BadSignature
        // One that is trusted has the same name, and another kind of key.
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            format!("its certificate is not trusted: no trusted certificate has signed it ({how_to_trust})")
        }
        _ => return error,
    };
    io::Error::other(advice)
}

/// The certificates that are trusted.
fn roots(ca_file: Option<&Path>, advice: &str) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let (certificates, from) = match ca_file {
        Some(file) => {
            let text = std::fs::read(file).map_err(|error| unreadable(file, &error.to_string()))?;
            let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
            (read.map_err(|error| unreadable(file, &error.to_string()))?, file.display().to_string())
        }
        None => (rustls_native_certs::load_native_certs().certs, "the system".to_owned()),
    };
    roots.add_parsable_certificates(certificates);
    if roots.is_empty() {
        return Err(io::Error::other(format!("{from} has no root certificates ({advice})")));
    }
    Ok(roots)
}

fn unreadable(file: &Path, error: &str) -> io::Error {
    io::Error::other(format!("{} cannot be read: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use tokio_rustls::rustls::OtherError;

    use super::*;

    #[test]
    fn a_certificate_is_refused_in_plain_words() {
        let not_trusted = "its certificate is not trusted: no trusted certificate has signed it (trust it)";
        let of_an_authority = OtherError(Arc::new(io::Error::other("CaUsedAsEndEntity")));
        for (reason, expected) in [
            (CertificateError::UnknownIssuer, not_trusted),
            (
                CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
                    signature_algorithm_id: vec![6, 8],
                    public_key_algorithm_id: vec![6, 9],
                },
                not_trusted,
            ),
            (
                CertificateError::Other(of_an_authority),
                "its certificate is that of an authority (CA:TRUE), which a server must not use as its own: make one with \
                 `-addext basicConstraints=critical,CA:FALSE`",
            ),
        ] {
            let error = io::Error::other(rustls::Error::InvalidCertificate(reason));
            assert_eq!(explained(error, "trust it").to_string(), expected);
        }
    }
}
