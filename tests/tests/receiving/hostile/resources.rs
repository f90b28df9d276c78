//! Senders that use up what the server has: requests of a connection, and file descriptors.

use std::fs;

use product_tests::{Connection, Server, Stream, tool};

use super::{Good, HEADERS, POST};

#[test]
fn a_connection_ends_with_its_thousandth_answer() {
    let server = Server::start(env!("CARGO_BIN_EXE_durable"), &[]);
    let replayed = Good::new().request(POST, HEADERS);
    let mut connection = Connection::open(server.address);
    for number in 1..=1_000 {
        connection.send(&replayed);
        let answer = connection.answer();
        let is_last = answer.header("connection") == Some("close");
        assert_eq!((answer.status(), is_last), (200, number == 1_000), "{number}");
    }
    // The next one was on its way. (An old connection: `receive/http1/tests.rs`, with a clock of its own.)
    let _ = connection.try_send(&replayed);
    assert!(connection.try_answer().is_none(), "it is closed");
    let mut connection = Connection::open(server.address);
    connection.send(Good::new().request(POST, HEADERS));
    assert_eq!(connection.answer().status(), 200);
    server.stop();
}

#[test]
fn without_descriptors_the_server_goes_on() {
    let server = Server::start(env!("CARGO_BIN_EXE_durable"), &[]);
    assert_eq!(server.post(Good::new().body.as_bytes()).status(), 200);
    let open = || fs::read_dir(format!("/proc/{}/fd", server.process.id())).expect("it runs").count();
    // Room for three connections more. Those that wait give way to those that come.
    let limit = |count: usize| {
        let mut prlimit = tool("prlimit", "it comes with util-linux");
        let pid = server.process.id().to_string();
        let set = prlimit.args(["--pid", &pid, &format!("--nofile={count}:")]).status();
        assert!(set.expect("prlimit runs").success());
    };
    limit(open() + 3);
    let idle: Vec<_> = (0..30).map(|_| Connection::open(server.address)).collect();
    server.process.line_with(Stream::Stderr, "Too many open files");
    for _ in 0..10 {
        assert_eq!(server.post(Good::new().body.as_bytes()).status(), 200, "the inbox is open");
    }
    drop(idle);
    limit(1_024);
    let idle: Vec<_> = (0..30).map(|_| Connection::open(server.address)).collect();
    assert_eq!(server.post(Good::new().body.as_bytes()).status(), 200);
    drop(idle);
    let log = server.stop().stderr;
    // The first is told at once, the others are counted.
    assert_eq!(log.matches("connection not accepted").count(), 1, "{log}");
}
