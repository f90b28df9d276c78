//! TLS in the listener, and `trigger` to it.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use product_tests::{Connection, Delivery, PATIENCE, SECRET, Server, Stream, new_inbox, program, run};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto};

use crate::hostile::{Good, HEADERS, POST};

/// The files of a server with TLS, and of the authority that signed its certificate.
struct Files {
    folder: PathBuf,
}

impl Files {
    fn new() -> Self {
        let files = Self { folder: new_inbox().parent().expect("it is in a folder").to_owned() };
        files.renew();
        files
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).to_str().expect("the path is text").to_owned()
    }

    /// Replaces the authority, the certificate and the key.
    fn renew(&self) {
        let mut authority = CertificateParams::new(Vec::new()).expect("there are no names");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority =
            CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("it can")).expect("it can");
        let key = KeyPair::generate().expect("it can");
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let server = CertificateParams::new(names).and_then(|server| server.signed_by(&key, &authority));
        self.write("ca.pem", &authority.pem());
        self.write("server.pem", &server.expect("it can").pem());
        self.write("key.pem", &key.serialize_pem());
    }

    fn write(&self, name: &str, text: &str) {
        let new = self.folder.join("new");
        fs::write(&new, text).expect("the folder can be written to");
        fs::rename(new, self.folder.join(name)).expect("both are in one folder");
    }

    fn command(&self) -> Command {
        let mut command = program(env!("CARGO_BIN_EXE_durable"));
        command.env("STRIPE_WEBHOOK_SECRET", SECRET);
        command
    }

    fn serve(&self) -> Server {
        let (certificate, key) = (self.path("server.pem"), self.path("key.pem"));
        let server = Server::from_command(
            &mut self.command(),
            &["--tls-certificate", &certificate, "--tls-key", &key],
        );
        assert!(server.url.starts_with("https://127.0.0.1:"), "{}", server.url);
        server
    }
}

/// A connection through TLS.
struct Secured(StreamOwned<ClientConnection, TcpStream>);

impl Secured {
    /// Connects, and makes the handshake with a client that speaks these protocols and trusts this authority.
    fn open(to: SocketAddr, authority: &str, protocols: &[&str]) -> std::io::Result<Self> {
        let mut roots = RootCertStore::empty();
        let read = CertificateDer::from_pem_file(Path::new(authority)).expect("it is a certificate");
        roots.add(read).expect("it is a certificate");
        let mut config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("they are known")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let name = "localhost".try_into().expect("it is a name");
        let client = ClientConnection::new(Arc::new(config), name).expect("the configuration is right");
        let stream = TcpStream::connect(to)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut secured = Self(StreamOwned::new(client, stream));
        while secured.0.conn.is_handshaking() {
            secured.0.conn.complete_io(&mut secured.0.sock)?;
        }
        Ok(secured)
    }

    /// Sends a request, and returns the head of the answer.
    fn exchange(&mut self, request: &[u8]) -> std::io::Result<String> {
        self.0.write_all(request)?;
        let (mut answer, mut byte) = (Vec::new(), [0]);
        while !answer.ends_with(b"}") {
            self.0.read_exact(&mut byte)?;
            answer.push(byte[0]);
        }
        Ok(String::from_utf8(answer).expect("it is text"))
    }

    #[track_caller]
    fn status(&mut self, request: &[u8]) -> u16 {
        let answer = self.exchange(request).expect("there is an answer");
        answer[9..12].parse().expect("it is a status")
    }
}

fn good() -> Vec<u8> {
    Good::new().request(POST, HEADERS)
}

#[test]
fn events_arrive_through_tls() {
    let files = Files::new();
    let server = files.serve();
    let authority = files.path("ca.pem");
    let open = |protocols: &[&str]| Secured::open(server.address, &authority, protocols);
    let mut kept = open(&["h2", "http/1.1"]).expect("the server is trusted");
    assert_eq!(kept.0.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert_eq!(kept.status(&good()), 200);
    let bad = good();
    assert_eq!(kept.status(&[&bad[..bad.len() - 1], b" "].concat()), 400);
    assert_eq!(kept.status(&good()), 200, "the connection goes on");
    // The limits of a head are the same.
    let long = format!("{POST}\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    let refused = kept.exchange(long.as_bytes());
    assert!(refused.is_err() || refused.is_ok_and(|answer| answer.contains(" 431 ")));
    assert!(open(&["h2"]).is_err(), "there is no HTTP/2");
    assert!(open(&[]).is_ok_and(|mut plain| plain.status(&good()) == 200));

    // What does not speak TLS is closed, and told once.
    for sent in [&good()[..], b"\x16\x03\x01\x00\x05hello", b"SSH-2.0-x\r\n"] {
        let mut connection = Connection::open(server.address);
        connection.send(sent);
        let mut answer = Vec::new();
        // It may be reset.
        let _ = connection.read_rest(&mut answer);
        assert!(!answer.starts_with(b"HTTP"), "{sent:?}: {answer:?}");
    }
    // Nor does one that stops in the middle of the handshake hold the shutdown.
    let mut half = Connection::open(server.address);
    half.send(b"\x16\x03\x01");
    assert_eq!(kept.exchange(&good()).map_err(|error| error.kind()).err(), Some(ErrorKind::UnexpectedEof));
    let log = server.stop().stderr;
    // One line for the first, which is the long head; the summary counts HTTP/2 and the three that spoke no TLS.
    assert_eq!(log.matches("what arrived is not a request").count(), 1, "{log}");
    assert!(log.contains("kind=\"malformed\" count=4 last_reason=\"TLS: "), "{log}");
    assert!(!log.contains("still in progress"), "{log}");
}

#[test]
fn a_renewed_certificate_is_used_for_new_connections() {
    let files = Files::new();
    let server = files.serve();
    let authority = files.path("ca.pem");
    let open = || Secured::open(server.address, &authority, &[]);
    let mut kept = open().expect("the server is trusted");
    assert_eq!(kept.status(&good()), 200);
    files.renew();
    server.process.line_with(Stream::Stderr, "certificate reloaded");
    assert_eq!(kept.status(&good()), 200, "the old connection goes on");
    assert_eq!(open().expect("the new authority signed it").status(&good()), 200);

    // A key of another certificate changes nothing.
    let key = fs::read_to_string(files.path("key.pem")).expect("it is there");
    files.write("key.pem", &KeyPair::generate().expect("it can").serialize_pem());
    server.process.signal("HUP");
    server.process.line_with(Stream::Stderr, "does not belong to the certificate");
    assert_eq!(open().expect("it is still the same").status(&good()), 200);
    files.write("key.pem", &key);
    server.process.signal("HUP");
    server.process.line_with(Stream::Stderr, "certificate and key: nothing has changed");
    server.stop();
}

#[test]
fn each_sender_has_ten_seconds_for_the_handshake_and_the_head() {
    let files = Files::new();
    let server = files.serve();
    let (address, authority) = (server.address, files.path("ca.pem"));
    let takes = |connect: &dyn Fn() -> TcpStream| {
        let began = Instant::now();
        let mut stream = connect();
        stream.set_read_timeout(Some(PATIENCE)).expect("the timeout is not zero");
        // TLS may say goodbye before the end.
        let _ = stream.read_to_end(&mut Vec::new());
        began.elapsed()
    };
    let connect = |sent: &'static [u8]| {
        move || {
            let mut stream = TcpStream::connect(address).expect("the server accepts");
            stream.write_all(sent).expect("the server reads");
            stream
        }
    };
    let shaken = || Secured::open(address, &authority, &[]).expect("the server is trusted").0.sock;
    thread::scope(|scope| {
        let nothing = scope.spawn(|| takes(&connect(b"")));
        let half = scope.spawn(|| takes(&connect(b"\x16\x03\x01\x02\x00\x01\x00")));
        let silent = scope.spawn(|| takes(&shaken));
        for sender in [nothing, half, silent] {
            let took = sender.join().expect("no panic");
            assert!(took >= Duration::from_secs(9), "{took:?}");
        }
    });
    server.stop();
}

#[test]
fn a_request_without_tls_is_logged_in_words() {
    let server = Files::new().serve();
    let mut connection = Connection::open(server.address);
    connection.send(good());
    let told = "a request came without TLS: its URL must begin with https://";
    server.process.line_with(Stream::Stderr, told);
    server.stop();
}

#[test]
fn a_start_warns_of_a_long_rsa_key() {
    let files = Files::new();
    let pem = include_str!("rsa-4096.pem");
    let key = KeyPair::from_pem(pem).expect("it is a key");
    let own = CertificateParams::new(["127.0.0.1".to_owned()]).expect("it is an address");
    files.write("server.pem", &own.self_signed(&key).expect("it can").pem());
    files.write("key.pem", pem);
    let told = "contains an RSA key of 4096 bits";
    let server = files.serve();
    server.process.line_with(Stream::Stderr, told);
    server.stop();

    let check = |certificate, key| {
        let (certificate, key, inbox) = (files.path(certificate), files.path(key), files.path("inbox.db"));
        let flags = ["--tls-certificate", &certificate, "--tls-key", &key, "--inbox", &inbox];
        run(files.command().args(["serve", "--check", "--format", "json"]).args(flags)).with_code(0).stdout
    };
    assert!(check("server.pem", "key.pem").contains(told));
    files.renew();
    assert!(!check("server.pem", "key.pem").contains(told));
}

#[test]
fn a_certificate_that_cannot_be_used_stops_the_start() {
    let (files, other) = (Files::new(), Files::new());
    files.write("empty.pem", "");
    let (certificate, key) = (files.path("server.pem"), files.path("key.pem"));
    for (certificate, key, told) in [
        (&*certificate, None, "it must be given together with `tls-key`"),
        (&*files.path("missing.pem"), Some(&*key), "missing.pem cannot be read"),
        (&*key, Some(&*key), "contains no certificates in PEM format"),
        (&*certificate, Some(&*certificate), "contains no private key in PEM format"),
        (&*key, Some(&*certificate), "contains a private key: `tls-certificate` and `tls-key` are swapped"),
        (&*files.path("empty.pem"), Some(&*key), "contains no certificates in PEM format"),
        (&*certificate, Some(&*other.path("key.pem")), "does not belong to the certificate"),
    ] {
        let mut flags = vec!["--tls-certificate", certificate];
        flags.extend(key.iter().flat_map(|key| ["--tls-key", key]));
        let refused = Server::try_from_command(&mut files.command(), &flags);
        let Err(refused) = refused else { panic!("{told}: it starts") };
        let refused = refused.with_code(78);
        assert!(refused.stderr.contains(told), "{told}: {refused:#?}");
    }
}

#[test]
fn trigger_checks_the_certificate_of_the_server() {
    let files = Files::new();
    let server = files.serve();
    let body = Delivery::new("payment_intent.succeeded", 1, 1, 0).body;
    files.write("event.json", &body);
    let trigger = |flags: &[&str]| {
        let file = files.path("event.json");
        run(files.command().args(["trigger", "--to", &server.url, "--file", &file]).args(flags))
    };
    trigger(&["--ca-file", &files.path("ca.pem")]).with_code(0);
    let other = Files::new();
    let refused = trigger(&["--ca-file", &other.path("ca.pem")]).with_code(1);
    assert!(refused.stderr.contains("its certificate is not trusted: "), "{refused:#?}");
    assert!(refused.stderr.contains("no trusted certificate has signed it (see --ca-file)"), "{refused:#?}");
    let refused = trigger(&[]).with_code(1);
    assert!(refused.stderr.contains("cannot make a TLS connection to https://"), "{refused:#?}");
    let refused = trigger(&["--ca-file", &files.path("missing.pem")]).with_code(1);
    assert!(refused.stderr.contains("missing.pem cannot be read"), "{refused:#?}");
    server.stop();
}

/// The wrong scheme, in each direction. A body that is longer than what the server reads at once makes it reset the
/// connection.
#[test]
fn trigger_says_what_the_server_speaks() {
    let files = Files::new();
    files.write("short.json", "[]");
    files.write("long.json", &format!("[\"{}\"]", "x".repeat(900_000)));
    let (secured, plain) = (files.serve(), Server::from_command(&mut files.command(), &[]));
    for (url, told) in [
        (
            secured.url.replace("https", "http"),
            format!("the server speaks TLS on this port: use {}", secured.url),
        ),
        (
            plain.url.replace("http", "https"),
            "the server does not speak TLS on this port: use http://".to_owned(),
        ),
    ] {
        for file in ["short.json", "long.json"] {
            let words = ["trigger", "--to", &url, "--file", &files.path(file)];
            let refused = run(files.command().args(words)).with_code(1);
            assert!(refused.stderr.contains(&told), "{told}: {refused:#?}");
        }
    }
    secured.stop();
    plain.stop();
}

#[test]
fn a_certificate_that_signs_itself_is_trusted_by_its_name_unless_it_is_an_authority() {
    let files = Files::new();
    let body = Delivery::new("payment_intent.succeeded", 1, 1, 0).body;
    files.write("event.json", &body);
    for (is_ca, code, told) in [
        (IsCa::ExplicitNoCa, 0, ""),
        (
            IsCa::Ca(BasicConstraints::Unconstrained),
            1,
            "CA:TRUE), which a server must not use as its own: make one",
        ),
    ] {
        let key = KeyPair::generate().expect("it can");
        let mut own = CertificateParams::new(["127.0.0.1".to_owned()]).expect("it is an address");
        own.is_ca = is_ca;
        files.write("server.pem", &own.self_signed(&key).expect("it can").pem());
        files.write("key.pem", &key.serialize_pem());
        let server = files.serve();
        let (file, certificate) = (files.path("event.json"), files.path("server.pem"));
        let trigger = ["trigger", "--to", &server.url, "--file", &file, "--ca-file", &certificate];
        let sent = run(files.command().args(trigger)).with_code(code);
        assert!(sent.stderr.contains(told), "{sent:#?}");
        server.stop();
    }
}
