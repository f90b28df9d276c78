//! Which handshakes the server has answered, for their rank among others: those that it has signed, and those that resume
//! a session instead.
//!
//! A request to send the hello again is not an answer: it costs the sender nothing, and the signature is still to come.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio_rustls::rustls::pki_types::SubjectPublicKeyInfoDer;
use tokio_rustls::rustls::server::StoresServerSessions;
use tokio_rustls::rustls::sign::{Signer, SigningKey};
use tokio_rustls::rustls::{Error, SignatureAlgorithm, SignatureScheme};

use super::handshakes::note_answer;

/// A key whose signatures are noted.
#[derive(Debug)]
pub(super) struct NotingKey(pub(super) Arc<dyn SigningKey>);

#[derive(Debug)]
struct NotingSigner(Box<dyn Signer>);

/// Sessions whose resumption is noted.
#[derive(Debug)]
pub(super) struct NotingSessions(pub(super) Arc<dyn StoresServerSessions>);

impl SigningKey for NotingKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let signer = self.0.choose_scheme(offered)?;
        Some(Box::new(NotingSigner(signer)))
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        self.0.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }
}

impl Signer for NotingSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        note_answer();
        self.0.sign(message)
    }

    fn scheme(&self) -> SignatureScheme {
        self.0.scheme()
    }
}

impl StoresServerSessions for NotingSessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.0.put(key, value)
    }

    /// Looks a session of TLS 1.2 up, which is then resumed.
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.get(key).inspect(|_| note_answer())
    }

    /// Takes a session of TLS 1.3, which is then resumed.
    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.take(key).inspect(|_| note_answer())
    }

    fn can_cache(&self) -> bool {
        self.0.can_cache()
    }
}
