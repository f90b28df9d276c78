//! How fast events are acknowledged: `cargo bench -p product-tests --bench acks`.
//!
//! Prints events per second with 1 and with 64 deliveries at a time, their ratio, how many events one sync of the disk
//! covers, and how long an answer takes at 200 events a second. Client and server share the machine. `BENCH_FOLDER` says
//! where the inbox lies; `strace` counts the syncs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use product_tests::{Process, SECRET, Stream, new_inbox, program, signed, tool, unix_now, url_in};
use webhook_core::Sample;

fn main() {
    let (one, _) = measure("1 at a time", 1, 3_000, None);
    let (many, syncs) = measure("64 at a time", 64, 30_000, None);
    assert_eq!(syncs, None);
    println!("ratio of 64 at a time to 1 at a time: {:.1}", many / one);
    let (_, syncs) = measure("64 at a time, syncs counted", 64, 30_000, Some("strace"));
    println!("events for each sync, with their handlers' runs: {:.1}", 30_000.0 / syncs.unwrap_or(f64::NAN));
    latency(200, Duration::from_secs(15));
}

/// Sends `count` events over `connections` connections; returns the rate, and the number of syncs if they are counted.
fn measure(name: &str, connections: usize, count: usize, counted_by: Option<&str>) -> (f64, Option<f64>) {
    let counts = counted_by.map(|_| new_inbox().with_file_name("syncs"));
    let (server, address, inbox) = start(counts.as_deref());
    let requests = requests(count, 0);
    let shares: Vec<&[Vec<u8>]> = requests.chunks(count.div_ceil(connections)).collect();
    let began = Instant::now();
    std::thread::scope(|scope| {
        for share in shares {
            scope.spawn(move || {
                let mut client = Client::open(address);
                share.iter().for_each(|request| client.exchange(request));
            });
        }
    });
    let rate = count as f64 / began.elapsed().as_secs_f64();
    println!("{name}: {rate:.0} events/s");
    stop(server, &inbox);
    (rate, counts.map(|path| syncs(&path)))
}

/// Sends events at even intervals, whether or not the ones before are answered, and prints how long answers take.
fn latency(per_second: usize, span: Duration) {
    const CONNECTIONS: usize = 16;
    let (server, address, inbox) = start(None);
    let count = per_second * usize::try_from(span.as_secs()).expect("a short span");
    let requests = requests(count, 1);
    let (began, took) = (Instant::now() + Duration::from_millis(100), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for first in 0..CONNECTIONS {
            let (requests, took) = (&requests, &took);
            scope.spawn(move || {
                let mut client = Client::open(address);
                for at in (first..count).step_by(CONNECTIONS) {
                    let due = began + Duration::from_secs_f64(at as f64 / per_second as f64);
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    client.exchange(&requests[at]);
                    took.lock().expect("nobody panics").push(due.elapsed());
                }
            });
        }
    });
    let mut took = took.into_inner().expect("nobody panics");
    took.sort();
    let [half, most, all] =
        [50, 99, 100].map(|percent| took[(took.len() * percent / 100).min(took.len() - 1)]);
    println!("at {per_second} events/s: p50 {half:.2?}, p99 {most:.2?}, longest {all:.2?}");
    stop(server, &inbox);
}

fn start(counts: Option<&Path>) -> (Process, SocketAddr, PathBuf) {
    let server = env!("CARGO_BIN_EXE_outcomes");
    let inbox = match std::env::var_os("BENCH_FOLDER") {
        Some(folder) => PathBuf::from(folder).join("bench-inbox.db"),
        None => new_inbox(),
    };
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{ending}", inbox.display()));
    }
    let mut command = match counts {
        Some(counts) => {
            drop(tool("strace", "the package strace"));
            let mut command = program("strace");
            command
                .args(["-f", "--seccomp-bpf", "-c", "-e", "trace=fsync,fdatasync", "-o"])
                .arg(counts)
                .arg(server);
            command
        }
        None => program(server),
    };
    // What the log costs depends on where it goes.
    command
        .env("STRIPE_WEBHOOK_SECRET", SECRET)
        .env("WEBHOOK_INBOX", &inbox)
        .env("RUST_LOG", "warn,webhook_server::command::serve=info");
    let process = Process::start(command.args(["serve", "--listen", "127.0.0.1:0"]));
    let url = process.line(Stream::Stderr, url_in);
    let address = url.split('/').nth(2).and_then(|address| address.parse().ok());
    (process, address.expect("the URL has an address"), inbox)
}

fn stop(server: Process, inbox: &Path) {
    // The server itself, also where `strace` stands between: its process is named in the lock.
    let pid = std::fs::read_to_string(format!("{}-lock", inbox.display())).expect("there is a lock");
    let sent = Command::new("sh").args(["-c", &format!("kill -TERM {pid}")]).status();
    assert!(sent.is_ok_and(|status| status.success()), "the server cannot be stopped");
    server.wait();
}

fn requests(count: usize, round: u64) -> Vec<Vec<u8>> {
    let request = |at: usize| {
        let body =
            Sample::new("payment_intent.succeeded", round << 32 | at as u64).expect("there is such a type");
        let body = body.body(1_700_000_000);
        let signature = signed(&[SECRET], unix_now(), &body);
        let length = body.len();
        let head = format!(
            "POST /webhook HTTP/1.1\r\nHost: a\r\nStripe-Signature: {signature}\r\nContent-Length: {length}\r\n\r\n"
        );
        [head.as_bytes(), &body].concat()
    };
    (0..count).map(request).collect()
}

fn syncs(counts: &Path) -> f64 {
    let table = std::fs::read_to_string(counts).expect("strace has written it");
    let of_line = |line: &str| {
        let is_sync = line.ends_with(" fsync") || line.ends_with(" fdatasync");
        is_sync.then(|| line.split_whitespace().nth(3)?.parse::<f64>().ok()).flatten()
    };
    table.lines().filter_map(of_line).sum()
}

/// A connection that is kept.
struct Client(TcpStream);

impl Client {
    fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server accepts");
        stream.set_nodelay(true).expect("it is a TCP socket");
        Self(stream)
    }

    /// Sends a request and waits for its answer, which must be a 200.
    fn exchange(&mut self, request: &[u8]) {
        self.0.write_all(request).expect("the server reads");
        let mut answer = Vec::new();
        while !answer.ends_with(br#"{"received":true}"#) {
            let mut part = [0; 1024];
            let length = self.0.read(&mut part).expect("the server answers");
            answer.extend_from_slice(&part[..length]);
            assert!(length > 0, "{}", String::from_utf8_lossy(&answer));
        }
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    }
}
