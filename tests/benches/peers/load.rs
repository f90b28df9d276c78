//! The sender: connections that are kept, each with one request at a time.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::event::{Requests, Signed};

/// How much is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    Count(u64),
    Span(Duration),
}

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// How many were 200.
    pub(crate) good: u64,
    /// How many were 400.
    pub(crate) refused: u64,
    /// How many were neither, or none.
    pub(crate) other: u64,
    /// How long each took, sorted.
    pub(crate) took: Vec<Duration>,
    pub(crate) span: Duration,
}

impl Answers {
    pub(crate) fn rate(&self) -> f64 {
        self.took.len() as f64 / self.span.as_secs_f64()
    }

    fn add(&mut self, status: io::Result<u16>, took: Duration) {
        match status {
            Ok(200) => self.good += 1,
            Ok(400) => self.refused += 1,
            Ok(_) | Err(_) => self.other += 1,
        }
        self.took.push(took);
    }

    /// Waits for all senders, which began at a time, and adds up what they got.
    async fn of(senders: JoinSet<Self>, began: Instant) -> Self {
        let mut all = Self::default();
        for answers in senders.join_all().await {
            all.merge(answers);
        }
        all.span = began.elapsed();
        all.took.sort();
        all
    }

    fn merge(&mut self, other: Self) {
        self.good += other.good;
        self.refused += other.refused;
        self.other += other.other;
        self.took.extend(other.took);
    }
}

/// Sends over this many connections as fast as answers come.
pub(crate) fn send(to: SocketAddr, connections: usize, limit: Limit, signed: Signed) -> Answers {
    send_to_all(&[to], connections, limit, signed)
}

/// The same to several servers, each of which gets its share of the connections.
pub(crate) fn send_to_all(to: &[SocketAddr], connections: usize, limit: Limit, signed: Signed) -> Answers {
    runtime().block_on(send_from(to, connections, limit, signed))
}

pub(crate) async fn send_from(
    to: &[SocketAddr],
    connections: usize,
    limit: Limit,
    signed: Signed,
) -> Answers {
    let left = Arc::new(AtomicI64::new(match limit {
        Limit::Count(count) => i64::try_from(count).expect("a small number"),
        Limit::Span(_) => i64::MAX,
    }));
    let began = Instant::now();
    let end = match limit {
        Limit::Count(_) => None,
        Limit::Span(span) => Some(began + span),
    };
    let mut senders = JoinSet::new();
    for to in to.iter().copied().cycle().take(connections) {
        let left = Arc::clone(&left);
        senders.spawn(async move {
            let (mut connection, mut answers) = (Connection::to(to, signed), Answers::default());
            while end.is_none_or(|end| Instant::now() < end) && left.fetch_sub(1, Ordering::Relaxed) > 0 {
                let began = Instant::now();
                answers.add(connection.exchange().await, began.elapsed());
            }
            answers
        });
    }
    Answers::of(senders, began).await
}

/// Sends at an even rate, whether or not the requests before are answered. A time begins when the request is due.
pub(crate) fn send_evenly(to: SocketAddr, a_second: u64, span: Duration) -> Answers {
    const CONNECTIONS: u64 = 16;
    runtime().block_on(async {
        let began = Instant::now();
        let mut senders = JoinSet::new();
        for first in 0..CONNECTIONS {
            // On a thread of its own, since the clock of a runtime wakes to the next millisecond.
            senders.spawn_blocking(move || {
                let (mut connection, mut answers) = (Connection::to(to, Signed::Well), Answers::default());
                let runtime = runtime();
                for number in (first..a_second * span.as_secs()).step_by(CONNECTIONS as usize) {
                    let due = began + Duration::from_secs_f64(number as f64 / a_second as f64);
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    answers.add(runtime.block_on(connection.exchange()), due.elapsed());
                }
                answers
            });
        }
        Answers::of(senders, began).await
    })
}

/// A connection that is kept for as long as the server keeps it.
pub(crate) struct Connection {
    to: SocketAddr,
    stream: Option<TcpStream>,
    requests: Requests,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Connection {
    pub(crate) fn to(to: SocketAddr, signed: Signed) -> Self {
        Self { to, stream: None, requests: Requests::new(signed), request: Vec::new(), answer: Vec::new() }
    }

    /// Sends the next event, and returns the status of the answer.
    pub(crate) async fn exchange(&mut self) -> io::Result<u16> {
        self.requests.write(&mut self.request);
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.to).await?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        stream.write_all(&self.request).await?;
        self.answer.clear();
        loop {
            if stream.read_buf(&mut self.answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some((status, is_kept)) = whole(&self.answer) {
                self.stream = is_kept.then_some(stream);
                return Ok(status);
            }
        }
    }
}

/// The status of an answer that is there as a whole, and whether the server keeps the connection.
fn whole(answer: &[u8]) -> Option<(u16, bool)> {
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).expect("a head is text");
    let (mut length, mut is_kept) = (0, true);
    for line in head.lines().skip(1) {
        let (name, value) = line.split_once(": ").expect("a header has a name and a value");
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().expect("it is a number");
        } else if name.eq_ignore_ascii_case("connection") {
            is_kept = !value.eq_ignore_ascii_case("close");
        }
    }
    let status = head.get(9..12)?.parse().expect("it is a number");
    (answer.len() >= end + 4 + length).then_some((status, is_kept))
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("the system has threads")
}
