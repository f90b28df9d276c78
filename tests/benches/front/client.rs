//! Good events, at an even rate or as fast as they are answered.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use product_tests::{SECRET, Template, signed, unix_now};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long a sender waits for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most requests under way at once, so that this program does not run out of file descriptors and blame the server.
const MOST_UNDER_WAY: usize = 12_000;

/// How requests were answered, and how soon.
#[derive(Default)]
pub(crate) struct Tally(BTreeMap<&'static str, Vec<Duration>>);

impl Tally {
    pub(crate) fn add(&mut self, answer: &'static str, took: Duration) {
        self.0.entry(answer).or_default().push(took);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (answer, took) in other.0 {
            self.0.entry(answer).or_default().extend(took);
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (answer, took)) in self.0.iter().enumerate() {
            let mut took = took.clone();
            took.sort();
            let [half, most] = [50, 99].map(|percent| took[(took.len() * percent / 100).min(took.len() - 1)]);
            let longest = took[took.len() - 1];
            let separator = if number > 0 { "; " } else { "" };
            let count = took.len();
            write!(
                f,
                "{separator}{count} × {answer} (p50 {half:.1?}, p99 {most:.1?}, longest {longest:.1?})"
            )?;
        }
        Ok(())
    }
}

/// Makes signed requests of 4 KB, each with another event.
pub(crate) fn requests(count: usize) -> Vec<Arc<[u8]>> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let template = Template::new("Front");
    let next = |_| request(&template.body(NEXT.fetch_add(1, Ordering::Relaxed)));
    (0..count).map(next).collect()
}

/// A signed request with this body.
pub(crate) fn request(body: &str) -> Arc<[u8]> {
    let signature = signed(&[SECRET], unix_now(), body.as_bytes());
    head(&signature, body.len()).into_bytes().into_iter().chain(body.bytes()).collect()
}

pub(crate) fn head(signature: &str, length: usize) -> String {
    format!(
        "POST /webhook HTTP/1.1\r\nHost: a\r\nStripe-Signature: {signature}\r\nContent-Length: {length}\r\n\r\n"
    )
}

/// Sends requests at an even rate, whether or not the ones before are answered, each on a connection of its own. Counts
/// those that it did not send because too many were under way.
pub(crate) async fn open_loop(to: SocketAddr, requests: Vec<Arc<[u8]>>, a_second: usize) -> Tally {
    let began = Instant::now();
    let mut sending = tokio::task::JoinSet::new();
    let mut tally = Tally::default();
    for (number, request) in requests.into_iter().enumerate() {
        let due = began + Duration::from_secs_f64(number as f64 / a_second as f64);
        tokio::time::sleep_until(due.into()).await;
        if sending.len() < MOST_UNDER_WAY {
            sending.spawn(async move {
                let began = Instant::now();
                let answer = once(to, &request).await;
                (answer, began.elapsed())
            });
        } else {
            tally.add("not sent", due.elapsed());
        }
        while let Some(done) = sending.try_join_next() {
            let (answer, took) = done.expect("no panic");
            tally.add(answer, took);
        }
    }
    while let Some(done) = sending.join_next().await {
        let (answer, took) = done.expect("no panic");
        tally.add(answer, took);
    }
    tally
}

/// Sends requests as fast as they are answered, and returns how many were in how long. Without a number of connections to
/// keep, each request has its own, 64 at a time.
pub(crate) async fn closed_loop(
    to: SocketAddr,
    requests: Vec<Arc<[u8]>>,
    keep: usize,
    span: Duration,
) -> (usize, Duration) {
    let (requests, next, began) = (Arc::new(requests), Arc::new(AtomicUsize::new(0)), Instant::now());
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..if keep > 0 { keep } else { 64 } {
        let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
        senders.spawn(async move {
            let (mut kept, mut answered) = (None, 0);
            while began.elapsed() < span {
                let request = requests.get(next.fetch_add(1, Ordering::Relaxed)).expect("there are enough");
                let sent = exchange(&mut kept, to, request).await;
                if keep == 0 {
                    kept = None;
                }
                answered += usize::from(sent == "200");
            }
            answered
        });
    }
    let answered = senders.join_all().await.into_iter().sum();
    (answered, began.elapsed())
}

/// Sends one request on a connection of its own.
async fn once(to: SocketAddr, request: &[u8]) -> &'static str {
    exchange(&mut None, to, request).await
}

/// Sends a request on a connection that is kept if the server keeps it.
pub(crate) async fn exchange(kept: &mut Option<TcpStream>, to: SocketAddr, request: &[u8]) -> &'static str {
    let exchanging = async {
        let mut stream = match kept.take() {
            Some(stream) => stream,
            None => match TcpStream::connect(to).await {
                Ok(stream) => stream,
                Err(error) => panic!("the sender cannot connect, which is not the server's fault: {error}"),
            },
        };
        stream.write_all(request).await?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"}") && !answer.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut answer).await? == 0 {
                return std::io::Result::Ok("closed");
            }
        }
        let is_last = answer.windows(17).any(|part| part.eq_ignore_ascii_case(b"connection: close"));
        if !is_last {
            *kept = Some(stream);
        }
        Ok(match answer.get(9..12) {
            Some(b"200") => "200",
            Some(b"400") => "400",
            Some(b"503") => "503",
            _ => "other",
        })
    };
    match tokio::time::timeout(PATIENCE, exchanging).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => "reset",
        Err(_) => "no answer",
    }
}
