//! Where handshakes are computed, and in which order.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use rcgen::{CertificateParams, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::{CertifiedKey, Signer, SigningKey};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, SignatureAlgorithm, SignatureScheme, StreamOwned, crypto,
};

use super::answers::NotingKey;
use super::*;
use crate::receive::connections::Connections;

/// A certificate whose signatures wait for a permission each.
#[derive(Debug)]
struct Blocking {
    certified: Arc<CertifiedKey>,
}

/// A key that reports each signature that is begun, and makes it when it is told to.
#[derive(Debug)]
struct BlockingKey {
    key: Arc<dyn SigningKey>,
    begun: Sender<()>,
    /// Shared with the signers.
    permitted: Arc<std::sync::Mutex<Receiver<()>>>,
}

#[derive(Debug)]
struct BlockingSigner {
    signer: Box<dyn Signer>,
    begun: Sender<()>,
    permitted: Arc<std::sync::Mutex<Receiver<()>>>,
}

impl ResolvesServerCert for Blocking {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.certified))
    }
}

impl SigningKey for BlockingKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let signer = self.key.choose_scheme(offered)?;
        let (begun, permitted) = (self.begun.clone(), Arc::clone(&self.permitted));
        Some(Box::new(BlockingSigner { signer, begun, permitted }))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }
}

impl Signer for BlockingSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        self.begun.send(()).expect("the test waits for it");
        self.permitted.lock().expect("no panic").recv().expect("the test permits it");
        self.signer.sign(message)
    }

    fn scheme(&self) -> SignatureScheme {
        self.signer.scheme()
    }
}

/// A listener's TLS whose signatures wait, and a client that trusts it.
struct Blocked {
    tls: Tls,
    client: Arc<ClientConfig>,
    begun: Receiver<()>,
    permit: Sender<()>,
}

impl Blocked {
    fn new() -> Self {
        let key = KeyPair::generate().expect("it can");
        let own = CertificateParams::new(["localhost".to_owned()]).expect("it is a name");
        let own = own.self_signed(&key).expect("it can");
        let provider = Arc::new(crypto::ring::default_provider());
        let private = PrivateKeyDer::try_from(key.serialize_der()).expect("it is a key");
        let private = provider.key_provider.load_private_key(private).expect("it is a key");
        let ((begin, begun), (permit, permitted)) = (channel(), channel());
        let permitted = Arc::new(std::sync::Mutex::new(permitted));
        let blocking = BlockingKey { key: private, begun: begin, permitted };
        let certified =
            Arc::new(CertifiedKey::new(vec![own.der().clone()], Arc::new(NotingKey(Arc::new(blocking)))));
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("they are known")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Blocking { certified }));
        let current = Current { config: Arc::new(config), digest: [0; 32], caution: None };
        let tls = Tls {
            certificate: PathBuf::new(),
            key: PathBuf::new(),
            current: RwLock::new(current),
            handshakes: Handshakes::start().expect("there can be another thread"),
        };
        let mut roots = RootCertStore::empty();
        roots.add(own.der().clone()).expect("it is a certificate");
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("they are known")
            .with_root_certificates(roots)
            .with_no_client_auth();
        // A session that goes on needs no signature.
        client.resumption = Resumption::disabled();
        Self { tls, client: Arc::new(client), begun, permit }
    }

    /// Connects on another thread: sends a byte through TLS and reads one.
    fn connect(&self, to: SocketAddr) -> thread::JoinHandle<io::Result<u8>> {
        let client = Arc::clone(&self.client);
        thread::spawn(move || {
            let name = "localhost".try_into().expect("it is a name");
            let client = ClientConnection::new(client, name).expect("the configuration is right");
            let mut stream = StreamOwned::new(client, std::net::TcpStream::connect(to)?);
            let mut byte = [1];
            stream.write_all(&byte)?;
            stream.read_exact(&mut byte)?;
            Ok(byte[0])
        })
    }
}

/// What the thread that receives does runs on the runtime of this test, which has one thread.
#[tokio::test]
async fn the_thread_that_receives_does_not_wait_for_a_signature() {
    let blocked = Blocked::new();
    let connections = Connections::of_a_server(0);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    let address = listener.local_addr().expect("it is bound");
    let accept = async || {
        let client = blocked.connect(address);
        let (stream, peer) = listener.accept().await.expect("it is a connection");
        let connection = connections.admit(Some(peer)).expect("there is room");
        (client, blocked.tls.accept(stream, Report::nowhere(), &connection))
    };
    blocked.permit.send(()).expect("the signer waits for it");
    let (client, mut open) = accept().await;
    assert_eq!(open.read_u8().await.expect("the handshake succeeds"), 1);
    blocked.begun.recv().expect("it has signed");

    // The next one is being signed for, and another one waits for that.
    let (signed, mut signing) = accept().await;
    while blocked.begun.try_recv().is_err() {
        tokio::task::yield_now().await;
    }
    let (aborted, waiting) = accept().await;
    open.write_u8(2).await.expect("it is open");
    open.flush().await.expect("it is open");
    assert_eq!(join(client).await.expect("it is answered"), 2);

    // One that is dropped is closed at once, and never signed for.
    drop(waiting);
    assert!(join(aborted).await.is_err());
    blocked.permit.send(()).expect("the signer waits for it");
    assert_eq!(signing.read_u8().await.expect("the handshake succeeds"), 1);
    signing.write_u8(3).await.expect("it is open");
    signing.flush().await.expect("it is open");
    assert_eq!(join(signed).await.expect("it is answered"), 3);
    assert!(blocked.begun.try_recv().is_err());
}

#[tokio::test]
async fn a_handshake_that_was_signed_ends_before_the_signature_of_a_new_one() {
    let blocked = Blocked::new();
    let connections = Connections::of_a_server(0);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    let address = listener.local_addr().expect("it is bound");
    let accept = async || {
        let (stream, peer) = listener.accept().await.expect("it is a connection");
        // Its hello has arrived.
        stream.peek(&mut [0]).await.expect("it is open");
        let connection = connections.admit(Some(peer)).expect("there is room");
        blocked.tls.accept(stream, Report::nowhere(), &connection)
    };
    let begun = async || {
        while blocked.begun.try_recv().is_err() {
            tokio::task::yield_now().await;
        }
    };

    // A client has its signature, and keeps its last message back.
    let ((finish, told), (sent, is_sent)) = (channel(), tokio::sync::oneshot::channel());
    let client = Arc::clone(&blocked.client);
    let first = thread::spawn(move || {
        let mut stream = std::net::TcpStream::connect(address)?;
        let name = "localhost".try_into().expect("it is a name");
        let mut client = ClientConnection::new(client, name).expect("the configuration is right");
        client.write_tls(&mut stream)?;
        while client.is_handshaking() {
            client.read_tls(&mut stream)?;
            client.process_new_packets().map_err(io::Error::other)?;
        }
        told.recv().expect("the test tells it");
        client.writer().write_all(&[1])?;
        while client.wants_write() {
            client.write_tls(&mut stream)?;
        }
        let _ = sent.send(());
        io::Result::Ok(stream)
    });
    let mut signed = accept().await;
    begun().await;
    blocked.permit.send(()).expect("the signer waits for it");

    // While another one is signed for, the client sends it, and a new one connects.
    let _second = blocked.connect(address);
    let _signing = accept().await;
    begun().await;
    finish.send(()).expect("the client waits for it");
    is_sent.await.expect("it can send");
    let _third = blocked.connect(address);
    let _new = accept().await;
    while blocked.tls.handshakes.queued() < 2 {
        tokio::task::yield_now().await;
    }
    blocked.permit.send(()).expect("the signer waits for it");

    // When the new one is signed for, the first one has ended.
    begun().await;
    let read = tokio::select! {
        biased;
        read = signed.read_u8() => Some(read.expect("the handshake succeeds")),
        () = std::future::ready(()) => None,
    };
    assert_eq!(read, Some(1));
    join(first).await.expect("its handshake succeeded");
}

/// Waits for a client without blocking this thread.
async fn join<T: Send + 'static>(client: thread::JoinHandle<T>) -> T {
    let joined = tokio::task::spawn_blocking(|| client.join().expect("no panic"));
    joined.await.expect("no panic")
}

#[test]
fn a_request_without_tls_is_recognised() {
    for (start, expected) in [
        (&b"GET / HTTP/1.1\r\n"[..], true),
        (b"POST /webhook HT", true),
        (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", false),
        (b"SSH-2.0-x\r\n", false),
        (b" /", false),
        (b"GET", false),
        (b"", false),
    ] {
        assert_eq!(is_http(start), expected, "{start:?}");
    }
}
