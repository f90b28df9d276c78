//! Whether what is acknowledged is handled as fast: `cargo bench -p product-tests --bench handled`.
//!
//! For 1, 64 and 256 connections that send distinct events without a pause, prints how many a second are answered with
//! 200, how many a second are handled, and how many wait at the end. `BENCH_SECONDS` says for how long (60 by default),
//! `BENCH_FOLDER` where the inbox lies. Client and server share the machine.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use product_tests::{Client, SECRET, Server, Template, new_inbox, program};
use rusqlite::{Connection, OpenFlags};

fn main() {
    let seconds = std::env::var("BENCH_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    println!("connections  acknowledged/s  handled/s  ratio  waiting at the end  refused");
    for connections in [1, 64, 256] {
        measure(connections, Duration::from_secs(seconds));
    }
}

fn measure(connections: u64, span: Duration) {
    let inbox = match std::env::var_os("BENCH_FOLDER") {
        Some(folder) => PathBuf::from(folder).join("bench-inbox.db"),
        None => new_inbox(),
    };
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{ending}", inbox.display()));
    }
    let mut command = program(env!("CARGO_BIN_EXE_outcomes"));
    command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("WEBHOOK_INBOX", &inbox);
    // What the log costs depends on where it goes.
    command.env("RUST_LOG", "warn,webhook_server::command::serve=info");
    let server = Server::from_command(&mut command, &[]);
    let (acknowledged, refused, next) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| {
                let (mut client, template) = (Client::default(), Template::new("Bench"));
                while began.elapsed() < span {
                    let body = template.body(next.fetch_add(1, Ordering::Relaxed));
                    match client.post(server.address, body.as_bytes()) {
                        Ok(told) if told.status == 200 => acknowledged.fetch_add(1, Ordering::Relaxed),
                        _ => refused.fetch_add(1, Ordering::Relaxed),
                    };
                }
            });
        }
    });
    let took = began.elapsed().as_secs_f64();
    let db = Connection::open_with_flags(&inbox, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("it is there");
    let count = |states: &str| {
        let query = format!("SELECT count(*) FROM inbox_task WHERE {states}");
        db.query_row(&query, [], |row| row.get::<_, u64>(0)).expect("it can be read")
    };
    let (handled, waiting) = (count("state = 3"), count("state <= 2"));
    let (acknowledged, refused) = (acknowledged.into_inner(), refused.into_inner());
    println!(
        "{connections:>11}  {:>14.0}  {:>9.0}  {:>5.2}  {waiting:>18}  {refused:>7}",
        acknowledged as f64 / took,
        handled as f64 / took,
        handled as f64 / acknowledged as f64,
    );
    // What waits need not be handled for the figures.
    server.process.signal("KILL");
    server.process.wait();
}
