//! Which of several hosts is connected to.

use test_postgres::Postgres;

use super::*;

/// A URL that names several sockets.
fn url(servers: &[&Postgres]) -> String {
    let folders: Vec<_> = servers.iter().map(|server| server.folder().display().to_string()).collect();
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
    let url = format!(
        "postgres:///postgres?user=shop&host={},{}",
        silent.path().display(),
        live.folder().display()
    );
    let opener = Opener::new(&url, "webhook", true, None).expect("the URL is right");
    let db = opener.connect().await.expect("the other one answers");
    assert_eq!(folder_of(&db).await, live.folder().display().to_string());
}
