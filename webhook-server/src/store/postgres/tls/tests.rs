//! Encrypted connections to a real server, and those that are refused.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use test_postgres::Postgres;

use super::*;
use crate::store::postgres::connection::Connection;
use crate::store::postgres::opener::Opener;

/// A certificate for `localhost`, its key, and the certificate that signed it.
struct Certificates {
    own: String,
    key: String,
    issuer: String,
}

fn certificates() -> Certificates {
    let key = || KeyPair::generate().expect("a key can be made");
    let mut params = CertificateParams::new(Vec::new()).expect("it names nobody");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, key()).expect("it can sign itself");
    let own_key = key();
    let own = CertificateParams::new(["localhost".to_owned()]).expect("it is a name");
    let own = own.signed_by(&own_key, &issuer).expect("it can be signed");
    Certificates { own: own.pem(), key: own_key.serialize_pem(), issuer: issuer.pem() }
}

/// A port that is free.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there are ports");
    listener.local_addr().expect("it listens").port()
}

/// Connects with a URL.
async fn connect(url: &str) -> Result<Connection, Problem> {
    Opener::new(url, "webhook", true, None)?.connect_unprepared().await
}

async fn is_encrypted(url: &str) -> bool {
    let db = connect(url).await.unwrap_or_else(|problem| panic!("{url}: {problem:?}"));
    let rows = db.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).await;
    rows.expect("it can be asked")[0].get(0)
}

#[track_caller]
fn is_unusable(refused: Result<Connection, Problem>, told: &str) {
    match refused {
        Err(Problem::Unusable(cause)) => assert!(cause.to_string().contains(told), "{cause}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_connection_is_encrypted_and_checked_as_the_url_says() {
    let (port, made, strange) = (free_port(), certificates(), certificates());
    let server = Postgres::start_on_port(port, Some((&made.own, &made.key)));
    let folder = tempfile::tempdir().expect("there is room");
    let file = |name: &str, text: &str| -> PathBuf {
        let file = folder.path().join(name);
        std::fs::write(&file, text).expect("there is room");
        file
    };
    let (issuer, stranger) = (file("issuer.pem", &made.issuer), file("stranger.pem", &strange.issuer));
    let (issuer, stranger) = (issuer.display(), stranger.display());
    let url = |host: &str, rest: &str| format!("postgres://shop@{host}:{port}/postgres?{rest}");
    for (host, rest, encrypted) in [
        ("localhost", "sslmode=disable".to_owned(), false),
        ("localhost", String::new(), true),
        ("localhost", "sslmode=require".to_owned(), true),
        ("localhost", format!("sslmode=verify-full&sslrootcert={issuer}"), true),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={issuer}"), true),
    ] {
        assert_eq!(is_encrypted(&url(host, &rest)).await, encrypted, "{host} {rest}");
    }
    for (host, rest, told) in [
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={issuer}"), "not valid for name"),
        ("localhost", format!("sslmode=verify-full&sslrootcert={stranger}"), "invalid peer certificate: "),
        ("localhost", format!("sslmode=verify-ca&sslrootcert={stranger}"), "invalid peer certificate: "),
        ("localhost", "sslmode=verify-full".to_owned(), ""),
        ("localhost", "sslmode=verify-full&sslrootcert=/nowhere.pem".to_owned(), "/nowhere.pem"),
    ] {
        is_unusable(connect(&url(host, &rest)).await, told);
    }
    // A login that is tied to the certificate.
    let _ = server.query("CREATE ROLE guarded LOGIN PASSWORD 'geheim'");
    let url = |password: &str, rest: &str| {
        format!("postgres://guarded:{password}@localhost:{port}/postgres?{rest}")
    };
    assert!(is_encrypted(&url("geheim", "sslmode=require&channel_binding=require")).await);
    assert!(!is_encrypted(&url("geheim", "sslmode=disable")).await);
    is_unusable(connect(&url("geheim", "sslmode=disable&channel_binding=require")).await, "channel binding");
    is_unusable(
        connect(&url("falsch", "sslmode=require")).await,
        "password authentication failed for user \"guarded\" (SQLSTATE 28P01): correct the password",
    );
    let without = url("", "sslmode=require").replace(":@", "@");
    is_unusable(
        connect(&without).await,
        "password missing: the server wants one, which is a part of the URL",
    );
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_required() {
    let port = free_port();
    let _server = Postgres::start_on_port(port, None);
    let url = |rest: &str| format!("postgres://shop@localhost:{port}/postgres?{rest}");
    assert!(!is_encrypted(&url("sslmode=prefer")).await);
    is_unusable(
        connect(&url("sslmode=require")).await,
        "server does not support TLS: set ssl = on at the server; or, if",
    );
}

/// The digest is made with the hash function of the signature, which is the last thing in a certificate but the signature.
#[test]
fn a_certificate_has_the_digest_of_its_own_signature() {
    let der = |algorithm| {
        let key = KeyPair::generate_for(algorithm).expect("a key can be made");
        let params = CertificateParams::new(["localhost".to_owned()]).expect("it is a name");
        params.self_signed(&key).expect("it can sign itself").der().to_vec()
    };
    let length = |algorithm| digest(&der(algorithm)).map(|digest| digest.len());
    assert_eq!(length(&rcgen::PKCS_ECDSA_P256_SHA256), Some(32));
    assert_eq!(length(&rcgen::PKCS_ECDSA_P384_SHA384), Some(48));
    // It has none of its own.
    assert_eq!(length(&rcgen::PKCS_ED25519), None);
    assert_eq!(digest(b"\x30\x84\xff\xff\xff\xff"), None);
    assert_eq!(digest(&der(&rcgen::PKCS_ECDSA_P256_SHA256)[..40]), None);
}
