//! The certificate and its key: from files to what new connections use.

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::{CertifiedKey, SigningKey, SingleCertAndKey};
use tokio_rustls::rustls::{self, ServerConfig, SignatureAlgorithm, SignatureScheme, crypto};

use super::answers::{NotingKey, NotingSessions};
use crate::reload::file::Content;

/// The longest RSA key without a warning, in bits. Twice the length makes a handshake several times as expensive.
const MAX_RSA_BITS: usize = 2_048;

/// What is used for new connections.
pub(super) struct Current {
    pub(super) config: Arc<ServerConfig>,
    /// The digest of what was read.
    pub(super) digest: [u8; 32],
    /// What an operator should change.
    pub(super) caution: Option<String>,
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
    if chain.is_empty() && has_key(chain_text) && has_certificate(key_text) {
        return Err(vec![format!(
            "{} contains a private key: `tls-certificate` and `tls-key` are swapped",
            names[0]
        )]);
    }
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
    let provider = Arc::new(crypto::ring::default_provider());
    let made = CertifiedKey::from_der(chain, private, &provider).and_then(|mut certified| {
        let caution = rsa_bits(&*certified.key).and_then(|bits| too_long(&names[1], bits));
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        certified.key = Arc::new(NotingKey(certified.key));
        let resolver = Arc::new(SingleCertAndKey::from(certified));
        Ok((builder.with_no_client_auth().with_cert_resolver(resolver), caution))
    });
    match made {
        Ok((mut config, caution)) => {
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            config.session_storage = Arc::new(NotingSessions(config.session_storage));
            let mut digest = Sha256::new();
            texts.iter().for_each(|text| {
                digest.update(text.len().to_le_bytes());
                digest.update(text.as_bytes());
            });
            Ok(Current { config: Arc::new(config), digest: digest.finalize().into(), caution })
        }
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(vec![format!("{} does not belong to the certificate in {}", names[1], certificate.display())])
        }
        Err(error) => Err(vec![format!("{} and {} cannot be used: {error}", names[0], names[1])]),
    }
}

fn has_key(text: &str) -> bool {
    PrivateKeyDer::from_pem_slice(text.as_bytes()).is_ok()
}

fn has_certificate(text: &str) -> bool {
    CertificateDer::from_pem_slice(text.as_bytes()).is_ok()
}

/// The length of an RSA key in bits. `None` for another kind of key.
fn rsa_bits(key: &dyn SigningKey) -> Option<usize> {
    if key.algorithm() != SignatureAlgorithm::RSA {
        return None;
    }
    // A signature is as long as the key.
    let signature = key.choose_scheme(&[SignatureScheme::RSA_PSS_SHA256])?.sign(b"").ok()?;
    Some(signature.len() * 8)
}

/// The warning for an RSA key of this length, if it deserves one.
fn too_long(name: &str, bits: usize) -> Option<String> {
    (bits > MAX_RSA_BITS).then(|| {
        format!(
            "{name} contains an RSA key of {bits} bits: each TLS handshake takes a processor several milliseconds, and \
             anyone can begin handshakes; use a certificate with an ECDSA key (P-256), which takes less than a tenth of \
             that"
        )
    })
}
