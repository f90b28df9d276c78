//! Any bytes on a connection: nothing panics, no answer is 200 unless a request was signed, and every connection ends.
//!
//! The first byte says how the sender behaves, and the rest is what it sends, cut into pieces at each 0xff. In a piece,
//! `SIGNED` stands for the signature header and `FRAMED` for the length of what follows the head; `CHUNKED` sends that in
//! chunks. The clock moves only when everything waits, so a deadline of ten seconds costs nothing.
#![no_main]

use std::cell::RefCell;
use std::time::Duration;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex, split};
use tokio::runtime::Builder;
use tokio::time::{sleep, timeout};
use webhook_core::{HandlerFuture, Invocation, Registration, Secret, sign};
use webhook_server::__fuzzing::{Front, handler};

const SECRET: &str = "whsec_fuzzing_0123456789abcdef";
const NOW: u64 = 1_700_000_000;
const BODY_LIMIT: u64 = 4_096;

/// How the sender behaves: bits of the first byte.
const HALF_CLOSES: u8 = 1;
const WAITS_BETWEEN_PIECES: u8 = 2;
const SENDS_BYTE_BY_BYTE: u8 = 4;
const DOES_NOT_READ: u8 = 8;

/// Longer than any limit of a connection.
const FOR_EVER: Duration = Duration::from_secs(3_600);

thread_local! {
    /// The bodies that were signed, and those that a handler got, since the connection was made.
    static SIGNED: RefCell<Vec<Bytes>> = const { RefCell::new(Vec::new()) };
    static HANDLED: RefCell<Vec<Bytes>> = const { RefCell::new(Vec::new()) };
}

static HANDLERS: [Registration; 1] = [handler("takes", takes)];

fn takes(invocation: Invocation) -> HandlerFuture {
    HANDLED.with_borrow_mut(|handled| handled.push(invocation.envelope.body.clone()));
    Box::pin(async { Ok(None) })
}

fuzz_target!(
    init: {
        // What a sender sends is formatted for the log, too.
        let subscriber = tracing_subscriber::fmt().with_writer(std::io::sink);
        subscriber.with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG).init();
    },
    |input: &[u8]| {
        let Some((&behaviour, sent)) = input.split_first() else { return };
        SIGNED.take();
        HANDLED.take();
        let pieces: Vec<Vec<u8>> = sent.split(|&byte| byte == 0xff).map(written).collect();
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let answers = runtime.expect("a runtime").block_on(exchange(behaviour, &pieces));
        let (signed, handled) = (SIGNED.take(), HANDLED.take());
        judge(&answers, behaviour & DOES_NOT_READ == 0, handled.len());
        for body in &handled {
            assert!(signed.contains(body), "a body was handled that was not signed: {body:?}");
        }
        assert!(handled.len() <= signed.len(), "more was handled than was signed");
    }
);

/// Fills in what a sender with the secret would write.
fn written(piece: &[u8]) -> Vec<u8> {
    let Some(end) = find(piece, b"\r\n\r\n") else { return piece.to_vec() };
    let (head, body) = (&piece[..end + 4], &piece[end + 4..]);
    let mut head = head.to_vec();
    if find(&head, b"SIGNED").is_some() {
        SIGNED.with_borrow_mut(|signed| signed.push(Bytes::copy_from_slice(body)));
        let secret = Secret::new(SECRET).expect("it is a secret");
        let signature = sign(&[secret], NOW, body);
        head = replaced(&head, b"SIGNED", format!("Stripe-Signature: {signature}").as_bytes());
    }
    head = replaced(&head, b"FRAMED", format!("Content-Length: {}", body.len()).as_bytes());
    if find(&head, b"CHUNKED").is_none() {
        return [&head, body].concat();
    }
    head = replaced(&head, b"CHUNKED", b"Transfer-Encoding: chunked");
    for chunk in body.chunks(100) {
        head.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        head.extend_from_slice(chunk);
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"0\r\n\r\n");
    head
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Replaces the first occurrence.
fn replaced(bytes: &[u8], what: &[u8], by: &[u8]) -> Vec<u8> {
    match find(bytes, what) {
        Some(at) => [&bytes[..at], by, &bytes[at + what.len()..]].concat(),
        None => bytes.to_vec(),
    }
}

/// Sends the pieces on a connection, and returns the answers when the connection has ended.
async fn exchange(behaviour: u8, pieces: &[Vec<u8>]) -> Vec<u8> {
    let has = |bit| behaviour & bit != 0;
    let front = Front::new(&HANDLERS, Secret::new(SECRET).expect("it is a secret"), NOW, BODY_LIMIT);
    // One that does not read has room for a part of an answer.
    let (ours, theirs) = duplex(if has(DOES_NOT_READ) { 64 } else { 1 << 16 });
    let (mut reading, mut writing) = split(ours);
    let sending = async {
        for piece in pieces {
            send(&mut writing, piece, has(SENDS_BYTE_BY_BYTE)).await;
            if has(WAITS_BETWEEN_PIECES) {
                sleep(Duration::from_secs(3)).await;
            }
        }
        if has(HALF_CLOSES) {
            let _ = writing.shutdown().await;
        }
    };
    let mut answers = Vec::new();
    let receiving = async {
        if !has(DOES_NOT_READ) {
            // An error is an end, too.
            let _ = reading.read_to_end(&mut answers).await;
        }
    };
    let serving = async {
        timeout(FOR_EVER, front.serve(theirs)).await.expect("the connection ends");
    };
    tokio::join!(serving, sending, receiving);
    assert_eq!(front.open(), 0, "the connection is forgotten");
    answers
}

/// Sends a piece to a server that may have closed the connection.
async fn send(to: &mut tokio::io::WriteHalf<DuplexStream>, piece: &[u8], byte_by_byte: bool) {
    if !byte_by_byte {
        let _ = to.write_all(piece).await;
        return;
    }
    for byte in piece {
        if to.write_u8(*byte).await.is_err() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Reads the answers as a strict client does.
fn judge(answers: &[u8], read_all: bool, handled: usize) {
    let (mut rest, mut good) = (answers, 0);
    while !rest.is_empty() {
        let end = find(rest, b"\r\n\r\n").expect("an answer has a head");
        let head = std::str::from_utf8(&rest[..end]).expect("a head is ASCII").to_ascii_lowercase();
        let status =
            head.get(9..12).and_then(|code| code.parse::<u16>().ok()).expect("an answer has a status");
        rest = &rest[end + 4..];
        if status == 100 {
            continue;
        }
        let value = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let known = [200, 400, 404, 405, 408, 413, 415, 417, 431, 501, 503];
        assert!(known.contains(&status), "{head}");
        good += usize::from(status == 200);
        let length: usize = value("content-length").map_or(0, |text| text.parse().expect("it is a number"));
        // The answer to a HEAD request has a length and no body.
        let body = &rest[..length.min(rest.len())];
        let has_body = !body.is_empty() && body.starts_with(b"{\"received\":");
        rest = &rest[if has_body { length } else { 0 }..];
        let is_last = head.starts_with("http/1.0") || value("connection") == Some("close");
        assert!(!is_last || rest.is_empty(), "something follows the last answer: {head}");
    }
    assert!(!read_all || good == handled, "{good} answers are 200, and {handled} events were handled");
}
