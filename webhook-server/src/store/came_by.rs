//! Signing secrets as an inbox knows them: by endpoint, label and fingerprint.

use std::fmt;
use std::sync::Arc;

/// A signing secret of an endpoint: that something verified came by, or may come by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CameBy {
    /// The name of the endpoint.
    pub(crate) endpoint: Arc<str>,
    pub(crate) secret: SecretName,
}

/// What names a signing secret, and tells it from another one that has the same label at another time or in another
/// instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecretName {
    /// The operator's word for it, or its fingerprint.
    pub(crate) label: Arc<str>,
    /// The first 8 hexadecimal digits of the secret's SHA-256. They give nothing away: a secret is random and far longer
    /// than 32 bits.
    pub(crate) fingerprint: Arc<str>,
}

/// Shows both, or only the fingerprint of a secret without a label.
impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { label, fingerprint } = self;
        if label == fingerprint { f.write_str(label) } else { write!(f, "{label} ({fingerprint})") }
    }
}
