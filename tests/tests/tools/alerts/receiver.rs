//! A receiver of posts: a server of one's own, which answers as a test says, with TLS or without.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread;

use product_tests::{PATIENCE, new_inbox};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned, crypto};

/// What a receiver does with a request.
#[derive(Clone, Copy)]
pub(super) enum Answering {
    /// Answers with this status line, without its version, and perhaps with headers behind it.
    With(&'static str),
    Never,
}

/// A request that arrived whole.
pub(super) struct Post {
    pub(super) path: String,
    pub(super) body: Value,
}

pub(super) struct Receiver {
    address: SocketAddr,
    posts: mpsc::Receiver<Post>,
    /// The certificate that has signed the receiver's own.
    authority: Option<PathBuf>,
}

/// An address on which nothing listens.
pub(super) fn freed_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it listens")
}

impl Receiver {
    /// Listens on an address, or on a free one. `answering` is told how many requests came before.
    #[track_caller]
    pub(super) fn start(address: Option<SocketAddr>, answering: fn(usize) -> Answering) -> Self {
        Self::of(address, answering, None)
    }

    /// Listens with TLS.
    #[track_caller]
    pub(super) fn with_tls(answering: fn(usize) -> Answering) -> Self {
        Self::of(None, answering, Some(certificate()))
    }

    fn of(
        address: Option<SocketAddr>,
        answering: fn(usize) -> Answering,
        tls: Option<(PathBuf, Arc<ServerConfig>)>,
    ) -> Self {
        let listener = TcpListener::bind(address.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0))));
        let listener = listener.expect("the address is free");
        let address = listener.local_addr().expect("it listens");
        let (authority, config) = tls.unzip();
        let (noted, posts) = mpsc::channel();
        thread::spawn(move || {
            let mut kept = Vec::new();
            let mut number = 0;
            while let Ok((stream, _)) = listener.accept() {
                let served = match &config {
                    None => serve(stream, &noted, answering(number), &mut kept),
                    Some(config) => {
                        let connection = ServerConnection::new(Arc::clone(config)).expect("it is right");
                        serve(StreamOwned::new(connection, stream), &noted, answering(number), &mut kept)
                    }
                };
                number += usize::from(served.is_some());
            }
        });
        Self { address, posts, authority }
    }

    /// The beginning of its URLs.
    pub(super) fn url(&self) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The file of the certificate that a client must trust.
    pub(super) fn authority(&self) -> &Path {
        self.authority.as_deref().expect("it has TLS")
    }

    /// Waits for a post.
    #[track_caller]
    pub(super) fn post(&self) -> Post {
        self.posts.recv_timeout(PATIENCE).expect("a post arrives")
    }

    /// The posts that have arrived already.
    pub(super) fn posts(&self) -> Vec<Post> {
        self.posts.try_iter().collect()
    }
}

/// Reads a request, and answers it or keeps the connection open. `None` if no request came.
fn serve<S: Read + Write + Send + 'static>(
    mut stream: S,
    noted: &Sender<Post>,
    answering: Answering,
    kept: &mut Vec<Box<dyn Send>>,
) -> Option<()> {
    let (mut request, mut chunk) = (Vec::new(), [0; 4096]);
    let (head, length) = loop {
        let read = match stream.read(&mut chunk) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read.ok().filter(|read| *read > 0)?,
        };
        request.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&request);
        let Some((head, _)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
        });
        let length = length.expect("a post says how long it is");
        if request.len() == head.len() + 4 + length {
            break (head.to_owned(), length);
        }
    };
    assert!(head.starts_with("POST /") && head.contains("application/json"), "{head}");
    let path = head.split(' ').nth(1).expect("it has a path").to_owned();
    let body = serde_json::from_slice(&request[request.len() - length..]).expect("it is JSON");
    match answering {
        Answering::With(status) => {
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            // The client may have stopped waiting.
            let _ = stream.write_all(answer.as_bytes()).and_then(|()| stream.flush());
        }
        Answering::Never => kept.push(Box::new(stream)),
    }
    // A test that does not wait for it has ended.
    let _ = noted.send(Post { path, body });
    Some(())
}

/// An authority in a file, and the certificate that it signed for this machine.
fn certificate() -> (PathBuf, Arc<ServerConfig>) {
    let mut authority = CertificateParams::new(Vec::new()).expect("there are no names");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority =
        CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("it can")).expect("it can");
    let key = KeyPair::generate().expect("it can");
    let own = CertificateParams::new(["127.0.0.1".to_owned()]).expect("it is a name");
    let own = own.signed_by(&key, &authority).expect("it can");
    let file = new_inbox().with_file_name("ca.pem");
    std::fs::write(&file, authority.pem()).expect("the target folder can be written to");
    let private = PrivateKeyDer::try_from(key.serialize_der()).expect("it is a key");
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("they are known")
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(own.der().to_vec())], private);
    (file, Arc::new(config.expect("they belong together")))
}
