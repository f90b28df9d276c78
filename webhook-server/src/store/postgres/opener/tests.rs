//! Which of several hosts is connected to.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use test_postgres::{Direction, Fate, Postgres, Proxy};

use super::*;

/// A URL that names several servers.
fn url(servers: &[&Postgres]) -> String {
    let folders: Vec<_> = servers.iter().map(|server| server.folder()).collect();
    url_of(&folders)
}

/// A URL that names several folders of sockets.
fn url_of(folders: &[&Path]) -> String {
    let folders: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
    format!("postgres:///postgres?user=shop&host={}", folders.join(","))
}

async fn folder_of(db: &Connection) -> String {
    let rows = db.query("SELECT current_setting('unix_socket_directories')", &[]).await;
    rows.expect("it can be asked")[0].get(0)
}

#[tokio::test]
async fn the_host_that_accepts_writes_is_found_and_remembered() {
    let (standby, mut primary) =
        (Postgres::start_with(&["default_transaction_read_only=on"]), Postgres::start());
    let opener = Opener::new(&url(&[&standby, &primary]), "webhook", true, None).expect("the URL is right");
    let db = opener.connect().await.expect("one accepts writes");
    assert_eq!(folder_of(&db).await, primary.folder().display().to_string());
    assert_eq!(opener.turn.lock().await.host, 1);
    // Only the standby is left: that may pass.
    primary.stop();
    assert!(matches!(db.query("SELECT 1", &[]).await, Err(Problem::Unknown(_))));
    let away = opener.connect().await.expect_err("the primary is away");
    assert!(matches!(away, Problem::Unreachable(_)), "{away:?}");
    primary.restart();
    let db = opener.connect().await.expect("it is back");
    assert_eq!(folder_of(&db).await, primary.folder().display().to_string());
}

#[tokio::test]
async fn what_a_person_has_to_do_is_told_before_what_may_pass() {
    let (mut away, wrong) = (Postgres::start(), Postgres::start());
    away.stop();
    let url = url(&[&away, &wrong]).replace("user=shop", "user=stranger");
    let opener = Opener::new(&url, "webhook", true, None).expect("the URL is right");
    let refused = opener.connect().await.expect_err("the role is missing");
    assert!(matches!(refused, Problem::Unusable(_)), "{refused:?}");
}

#[tokio::test]
async fn a_host_that_accepts_and_never_answers_is_passed_over() {
    let silent = tempfile::tempdir().expect("there is room");
    let socket = silent.path().join(".s.PGSQL.5432");
    let _listener = std::os::unix::net::UnixListener::bind(socket).expect("there is room");
    let live = Postgres::start();
    let url = url_of(&[silent.path(), live.folder()]);
    let opener = Opener::new(&url, "webhook", true, None).expect("the URL is right");
    let db = opener.connect().await.expect("the other one answers");
    assert_eq!(folder_of(&db).await, live.folder().display().to_string());
}

/// Lets connections in until their first question, and counts them.
fn stalling(server: &Postgres, connections: &Arc<AtomicUsize>) -> Proxy {
    let connections = Arc::clone(connections);
    Proxy::start(server, move || {
        connections.fetch_add(1, Ordering::Relaxed);
        |direction, message: &[u8]| match direction {
            Direction::ToServer if message.first() == Some(&b'P') => Fate::Silence(Duration::from_secs(600)),
            _ => Fate::Pass,
        }
    })
}

#[tokio::test]
async fn a_host_that_lets_in_and_never_answers_gets_one_connection() {
    let (live, connections) = (Postgres::start(), Arc::default());
    let stalling = stalling(&live, &connections);
    let opener = Opener::new(&stalling.url(), "webhook", true, None).expect("the URL is right");
    let slow = opener.connect().await.expect_err("it does not answer");
    assert!(matches!(slow, Problem::Slow(_)), "{slow:?}");
    for _ in 0..5 {
        let away = opener.connect().await.expect_err("it does not answer");
        assert!(away.to_string().contains("cannot be reached") && away.may_pass(), "{away:?}");
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

/// The others of several hosts are connected to as usual.
#[tokio::test]
async fn a_host_that_never_answers_keeps_nobody_from_the_primary() {
    let (live, connections) = (Postgres::start(), Arc::default());
    let stalling = stalling(&live, &connections);
    let url = url_of(&[stalling.folder(), live.folder()]);
    let opener = Opener::new(&url, "webhook", true, None).expect("the URL is right");
    let one = opener.connect().await.expect("the other host answers");
    // The host that stalls is asked first again.
    opener.turn.lock().await.host = 0;
    let other = opener.connect().await.expect("the other host answers");
    assert!(one.is_usable() && other.is_usable());
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

/// After a while, the name of a host may lead to another server.
#[tokio::test]
async fn a_host_that_never_answers_is_tried_again_after_a_while() {
    let (live, connections) = (Postgres::start(), Arc::default());
    let stalling = stalling(&live, &connections);
    let opener = Opener::new(&stalling.url(), "webhook", true, None).expect("the URL is right");
    opener.connect().await.expect_err("it does not answer");
    opener.turn.lock().await.unanswered[0].end_patience();
    opener.connect().await.expect_err("it does not answer");
    assert_eq!(connections.load(Ordering::Relaxed), 2);
    opener.connect().await.expect_err("the second one is waited for");
    assert_eq!(connections.load(Ordering::Relaxed), 2);
}
