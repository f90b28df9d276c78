//! Senders that take their time. They all run side by side, because each takes ten seconds.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use product_tests::{Client, Connection, Server, unix_now};

use super::{Good, HEADERS, POST};

const SECOND: Duration = Duration::from_secs(1);

/// What a sender sends at once, and what it then sends a byte a second.
struct Slow {
    name: &'static str,
    at_once: Vec<u8>,
    slowly: &'static [u8],
    /// The status, if there is one.
    answer: Option<u16>,
}

#[test]
fn each_sender_has_ten_seconds() {
    let server = Server::start(env!("CARGO_BIN_EXE_durable"), &[]);
    let head = |length: usize| {
        let (now, digits) = (unix_now(), "0".repeat(64));
        let signature = format!("t={now},v1={digits}");
        format!("{POST}\r\nHost: a\r\nStripe-Signature: {signature}\r\nContent-Length: {length}\r\n\r\n")
            .into_bytes()
    };
    let rows = [
        Slow { name: "nothing", at_once: vec![], slowly: b"", answer: None },
        Slow { name: "half a preface", at_once: b"PRI * HTT".to_vec(), slowly: b"", answer: None },
        Slow {
            name: "half a head",
            at_once: b"POST /webhook HTTP/1.1\r\nHost:".to_vec(),
            slowly: b"",
            answer: None,
        },
        Slow {
            name: "a head, byte by byte",
            at_once: vec![],
            slowly: b"POST /webhook HTTP/1.1\r\nHost: a\r\n",
            answer: None,
        },
        Slow { name: "no body", at_once: head(100), slowly: b"", answer: Some(408) },
        Slow { name: "a body, byte by byte", at_once: head(100), slowly: &[b' '; 99], answer: Some(408) },
        Slow {
            name: "nothing after a good request",
            at_once: Good::new().request(POST, HEADERS),
            slowly: b"",
            answer: Some(200),
        },
    ];
    let address = server.address;
    thread::scope(|scope| {
        let slow: Vec<_> = rows.iter().map(|row| scope.spawn(move || takes(address, row))).collect();
        let unread = scope.spawn(move || never_reads(address));
        // Good events are taken meanwhile.
        let mut client = Client::default();
        while slow.iter().any(|sender| !sender.is_finished()) {
            let good = Good::new();
            assert_eq!(client.post(address, good.body.as_bytes()).expect("an answer").status, 200);
            thread::sleep(SECOND / 10);
        }
        for (row, took) in rows.iter().zip(slow) {
            let took = took.join().expect("no panic");
            // The clock of the server started after ours; how late it notices is the machine's affair.
            assert!(took >= SECOND * 9, "{}: {took:?}", row.name);
        }
        unread.join().expect("no panic");
    });
    server.stop();
}

/// How long the server puts up with a sender.
fn takes(address: SocketAddr, row: &Slow) -> Duration {
    let mut connection = Connection::open(address);
    let began = Instant::now();
    connection.send(&row.at_once);
    let mut rest = row.slowly.iter();
    let mut writer = connection.second();
    let dripping = thread::spawn(move || {
        for byte in rest.by_ref() {
            thread::sleep(SECOND);
            if writer.try_send([*byte]).is_err() {
                break;
            }
        }
    });
    let answer = connection.try_answer().map(|answer| answer.status());
    assert_eq!(answer, row.answer, "{}", row.name);
    assert!(connection.is_closed(), "{}", row.name);
    let took = began.elapsed();
    dripping.join().expect("no panic");
    took
}

/// Sends requests and reads no answers, until the server has closed the connection.
fn never_reads(address: SocketAddr) {
    let mut connection = Connection::open(address);
    let request = Good::new().request(POST, HEADERS);
    // What ends it depends on how much the system keeps for a reader that does not read: the write deadline, or the
    // thousandth answer. (`receive/http1/tests.rs` tests each with a clock of its own.)
    while connection.try_send(&request).is_ok() {}
}
