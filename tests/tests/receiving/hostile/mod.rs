//! Broken and hostile requests, byte by byte, and what they get.
//!
//! After each of them, a good event is taken: on the same connection if that goes on, or else on a new one. At the end,
//! the log shows that nothing was stored but what was answered with 200.

mod bodies;
mod connection;
mod events;
mod framing;
mod headers;
mod resources;
mod secrets;
mod signature;
mod slow;

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use product_tests::{Connection, Delivery, SECRET, Server, program, signed, unix_now};

/// One exchange.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) sent: Vec<u8>,
    /// Whether the sender says that nothing more comes.
    pub(crate) half_closes: bool,
    pub(crate) answer: Gets,
    pub(crate) then: Then,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gets {
    Status(u16),
    /// The connection is closed without an answer.
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// The connection takes another request.
    GoesOn,
    /// The connection is closed, and the answer says so.
    Closed,
}

impl Row {
    /// The sender is answered, and the connection goes on.
    pub(crate) fn goes_on(name: &'static str, status: u16, sent: impl Into<Vec<u8>>) -> Self {
        let (sent, answer) = (sent.into(), Gets::Status(status));
        Self { name, sent, half_closes: false, answer, then: Then::GoesOn }
    }

    /// The sender is answered, and the connection is closed.
    pub(crate) fn closed(name: &'static str, status: u16, sent: impl Into<Vec<u8>>) -> Self {
        Self { then: Then::Closed, ..Self::goes_on(name, status, sent) }
    }

    /// The connection is closed without an answer.
    pub(crate) fn unanswered(name: &'static str, sent: impl Into<Vec<u8>>) -> Self {
        Self { answer: Gets::Nothing, ..Self::closed(name, 0, sent) }
    }

    /// The sender says that nothing more comes.
    pub(crate) fn half_closing(self) -> Self {
        Self { half_closes: true, ..self }
    }
}

/// A signed event that was not sent before.
pub(crate) struct Good {
    pub(crate) body: String,
    pub(crate) signature: String,
}

impl Good {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);

        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let body = Delivery::new("payment_intent.succeeded", number, number, 0).body;
        Self { signature: signed(&[SECRET], unix_now(), body.as_bytes()), body }
    }

    /// A request for this event: the lines of its head after the first, in which `SIGNED` is the signature header and
    /// `FRAMED` the body's length, and the body.
    pub(crate) fn request(&self, line: &str, headers: &str) -> Vec<u8> {
        let headers = headers
            .replace("SIGNED", &format!("Stripe-Signature: {}", self.signature))
            .replace("FRAMED", &format!("Content-Length: {}", self.body.len()));
        format!("{line}\r\n{headers}\r\n\r\n{}", self.body).into_bytes()
    }
}

/// The first line of a good request.
pub(crate) const POST: &str = "POST /webhook HTTP/1.1";

/// The headers of a good request.
pub(crate) const HEADERS: &str = "Host: a\r\nSIGNED\r\nFRAMED";

/// A request for a new event with this first line and these headers.
pub(crate) fn request(line: &str, headers: &str) -> Vec<u8> {
    Good::new().request(line, headers)
}

/// A request for a new event with one header more than necessary.
pub(crate) fn with(header: impl AsRef<[u8]>) -> Vec<u8> {
    let good = request(POST, &format!("{HEADERS}\r\nMORE"));
    let at = good.windows(4).position(|window| window == b"MORE").expect("it is there");
    [&good[..at], header.as_ref(), &good[at + 4..]].concat()
}

/// A signed request for any body.
pub(crate) fn with_body(body: &[u8]) -> Vec<u8> {
    let signature = signed(&[SECRET], unix_now(), body);
    let length = body.len();
    let head =
        format!("{POST}\r\nHost: a\r\nStripe-Signature: {signature}\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// Sends each row, and a good event after it. Returns the log.
#[track_caller]
pub(crate) fn check(rows: Vec<Row>) -> String {
    let good = || Good::new().request(POST, HEADERS);
    check_on(program(env!("CARGO_BIN_EXE_durable")).env("STRIPE_WEBHOOK_SECRET", SECRET), good, rows)
}

/// Does the same with another server, and what is good there.
#[track_caller]
pub(crate) fn check_on(command: &mut Command, good: impl Fn() -> Vec<u8>, rows: Vec<Row>) -> String {
    let server = Server::from_command(command.env("RUST_LOG", "info"), &[]);
    let mut wrong = Vec::new();
    let mut taken = 0;
    for row in rows {
        let mut connection = Connection::open(server.address);
        // The server may have answered and closed before everything was sent.
        let _ = connection.try_send(&row.sent);
        if row.half_closes {
            connection.half_close();
        }
        let answer = connection.try_answer();
        let told = answer.as_ref().map_or(Gets::Nothing, |answer| Gets::Status(answer.status()));
        let says_so = answer.as_ref().is_none_or(|answer| {
            answer.header("connection") == Some("close") || answer.head.starts_with("HTTP/1.0 ")
        });
        taken += usize::from(told == Gets::Status(200));
        let then = if says_so || row.half_closes {
            assert!(connection.is_closed(), "{}: it is not closed: {answer:?}", row.name);
            connection = Connection::open(server.address);
            Then::Closed
        } else {
            Then::GoesOn
        };
        connection.send(good());
        let after = connection.try_answer().map(|answer| answer.status());
        taken += usize::from(after == Some(200));
        if (told, then, after) != (row.answer, row.then, Some(200)) {
            wrong.push(format!("{}: {told:?}, {then:?}, then {after:?}: {answer:?}", row.name));
        }
    }
    let log = server.stop().stderr;
    assert!(wrong.is_empty(), "{}\n{log}", wrong.join("\n"));
    let kept = ["event stored", "event was stored before", "kept in quarantine", "200, and not handled"];
    let stored: usize = kept.iter().map(|line| log.matches(line).count()).sum();
    assert_eq!(stored, taken, "stored, and answered with 200: {log}");
    let is_plain = |char: char| char == '\n' || !char.is_control();
    assert!(log.chars().all(is_plain), "the log holds control characters: {log:?}");
    log
}
