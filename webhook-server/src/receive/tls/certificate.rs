//! The certificate and its key: from files to what new connections use.

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig, crypto};

use crate::reload::file::Content;

/// What is used for new connections.
pub(super) struct Current {
    pub(super) config: Arc<ServerConfig>,
    /// The digest of what was read.
    pub(super) digest: [u8; 32],
}

/// Makes a configuration of a certificate chain and its key; or says everything that is wrong with them.
pub(super) fn read(certificate: &Path, key: &Path, contents: [Content; 2]) -> Result<Current, Vec<String>> {
    let names = [
        format!("the certificate file {}", certificate.display()),
        format!("the key file {}", key.display()),
    ];
    let mut wrong = Vec::new();
    let mut texts = Vec::new();
    for (name, content) in names.iter().zip(contents) {
        match content {
            Ok(text) => texts.push(text),
            Err(error) => wrong.push(format!("{name} cannot be read: {error}")),
        }
    }
    let [chain_text, key_text] = &*texts else { return Err(wrong) };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain_text.as_bytes()).collect();
    let chain = chain.unwrap_or_default();
    if chain.is_empty() {
        wrong.push(format!("{} contains no certificates in PEM format", names[0]));
    }
    let Ok(private) = PrivateKeyDer::from_pem_slice(key_text.as_bytes()) else {
        wrong.push(format!("{} contains no private key in PEM format without a passphrase", names[1]));
        return Err(wrong);
    };
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private));
    match config {
        Ok(mut config) => {
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            let mut digest = Sha256::new();
            texts.iter().for_each(|text| {
                digest.update(text.len().to_le_bytes());
                digest.update(text.as_bytes());
            });
            Ok(Current { config: Arc::new(config), digest: digest.finalize().into() })
        }
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(vec![format!("{} does not belong to the certificate in {}", names[1], certificate.display())])
        }
        Err(error) => Err(vec![format!("{} and {} cannot be used: {error}", names[0], names[1])]),
    }
}
