//! What counts as an answer, with the configuration that a listener uses.

use std::path::Path;

use rcgen::{CertificateParams, KeyPair};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, ServerConnection, SupportedProtocolVersion,
    crypto, version,
};

use super::super::certificate::read;
use super::super::handshakes::take_note;
use super::*;
use crate::reload::file::Text;

#[test]
fn a_signature_and_a_resumed_session_count_and_a_part_of_a_hello_does_not() {
    for version in [&version::TLS12, &version::TLS13] {
        let key = KeyPair::generate().expect("it can");
        let own = CertificateParams::new(["localhost".to_owned()]).expect("it is a name");
        let own = own.self_signed(&key).expect("it can");
        let contents = [own.pem(), key.serialize_pem()].map(|pem| Ok(Text::of_a_test(&pem)));
        let server = read(Path::new("cert.pem"), Path::new("key.pem"), contents).expect("they fit together");
        let mut roots = RootCertStore::empty();
        roots.add(own.der().clone()).expect("it is a certificate");
        let client = Arc::new(client(roots, version));
        // The key was tried.
        take_note();
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let name = "localhost".try_into().expect("it is a name");
            let mut client = ClientConnection::new(Arc::clone(&client), name).expect("it can");
            let mut server = ServerConnection::new(Arc::clone(&server.config)).expect("it can");
            let mut hello = Vec::new();
            client.write_tls(&mut hello).expect("it can");
            let (mut part, mut rest) = hello.split_at(hello.len() - 1);
            receive(&mut server, &mut part);
            assert!(!take_note(), "{version:?}, {kind:?}: a part of the hello");
            receive(&mut server, &mut rest);
            assert!(take_note(), "{version:?}, {kind:?}: the hello");
            // The last messages give the client a session.
            for _ in 0..3 {
                let mut bytes = Vec::new();
                while server.wants_write() {
                    server.write_tls(&mut bytes).expect("it can");
                }
                let mut bytes = &*bytes;
                while !bytes.is_empty() {
                    client.read_tls(&mut bytes).expect("it can");
                    client.process_new_packets().expect("it is valid");
                }
                let mut bytes = Vec::new();
                while client.wants_write() {
                    client.write_tls(&mut bytes).expect("it can");
                }
                receive(&mut server, &mut &*bytes);
            }
            assert!(!client.is_handshaking() && !server.is_handshaking());
            assert_eq!(server.handshake_kind(), Some(kind), "{version:?}");
            assert!(!take_note(), "{version:?}, {kind:?}: the end");
        }
    }
}

fn client(roots: RootCertStore, version: &'static SupportedProtocolVersion) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_protocol_versions(&[version])
        .expect("it is known")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

fn receive(server: &mut ServerConnection, bytes: &mut &[u8]) {
    while !bytes.is_empty() {
        server.read_tls(bytes).expect("it can");
        server.process_new_packets().expect("it is valid");
    }
}
