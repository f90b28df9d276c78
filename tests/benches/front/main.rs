//! The server under attack and overload: `cargo bench -p product-tests --bench front`, with the names of scenes behind
//! `--` for some of them only.
//!
//! In each scene, good events arrive at an even rate, each on a connection of its own, while others misbehave. Prints how
//! the good events were answered and how soon, and what the others cost. Everything comes from one address, as it does
//! behind a proxy. Client and server share the machine. The file descriptors of a process must allow for 10,000
//! connections (`ulimit -n 20000`).

mod attack;
mod client;
mod server;

use std::time::{Duration, Instant};

use product_tests::{Template, keep_to};

use self::attack::{Slow, hold, post_falsely};
use self::client::{Tally, closed_loop, exchange, open_loop, request, requests};
use self::server::Front;

/// How many good events a second arrive beside an attack.
const GOOD: usize = 200;

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let scenes: [(&str, fn()); 6] = [
        ("idle", || held("10,000 connections that send nothing", Slow::Silent)),
        ("heads", || held("10,000 heads, a byte a second", Slow::Head)),
        ("bodies", || held("10,000 bodies, a byte a second", Slow::Body)),
        ("false", falsely_signed),
        ("large", large),
        ("overload", overload),
    ];
    for (name, scene) in scenes {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            scene();
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("the system has threads")
}

/// 10,000 connections are made in five seconds, and each does as little as it can for as long as it may.
fn held(name: &str, slow: Slow) {
    const CONNECTIONS: u32 = 10_000;
    const SPREAD: Duration = Duration::from_secs(5);
    println!("\n{name}");
    let server = Front::start(None);
    runtime().block_on(async {
        let before = server.usage.memory();
        let good = requests(GOOD * 30);
        let good = tokio::spawn(open_loop(server.address, good, GOOD));
        let began = Instant::now();
        let attack = tokio::spawn(hold(server.address, slow, CONNECTIONS, SPREAD));
        let (mut most_open, mut most_memory) = (0, 0);
        while !attack.is_finished() {
            most_open = most_open.max(server.usage.descriptors());
            most_memory = most_memory.max(server.usage.memory());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let mut lives = attack.await.expect("no panic");
        let took = began.elapsed();
        lives.sort();
        let [half, longest] = [lives[lives.len() / 2], lives[lives.len() - 1]];
        println!("  all {} closed after {took:.1?}; lives: p50 {half:.1?}, longest {longest:.1?}", lives.len());
        println!(
            "  memory: {before} KiB before, {most_memory} KiB at most; descriptors: {most_open} at most; {:.1} KiB each",
            (most_memory - before) as f64 / most_open as f64,
        );
        println!("  good: {}", good.await.expect("no panic"));
    });
    server.stop();
}

/// 5,000 false signatures a second on connections that are kept.
fn falsely_signed() {
    const A_SECOND: usize = 5_000;
    const SPAN: Duration = Duration::from_secs(15);
    println!("\n{A_SECOND} false signatures a second");
    let server = Front::start(None);
    runtime().block_on(async {
        let alone = open_loop(server.address, requests(GOOD * 5), GOOD).await;
        println!("  good, alone: {alone}");
        let cpu = server.usage.cpu();
        let good = tokio::spawn(open_loop(server.address, requests(GOOD * 15), GOOD));
        let sent = post_falsely(server.address, A_SECOND, SPAN).await;
        println!("  false: {sent}");
        println!("  good, beside them: {}", good.await.expect("no panic"));
        println!("  the server's CPU time: {:.2?} for {SPAN:?}", server.usage.cpu() - cpu);
    });
    server.stop();
}

/// Signed events of a mebibyte whose form costs as much as it can, one after the other.
fn large() {
    const COUNT: u32 = 200;
    println!("\nsigned events of up to 1 MiB");
    let forms = [
        ("60,000 keys", Vec::from_iter((0..60_000).map(|key| format!("\"key_{key:06}\":1"))).join(",")),
        ("500,000 values", format!("\"x\":[{}1]", "1,".repeat(500_000))),
        ("300,000 levels", format!("\"x\":{}{}", "[".repeat(300_000), "]".repeat(300_000))),
        ("one text", format!("\"x\":\"{}\"", "x".repeat(1_000_000))),
    ];
    for (name, fields) in forms {
        let server = Front::start(None);
        runtime().block_on(async {
            let template = Template::new("Large");
            let (mut kept, before, mut tally) = (None, server.usage.cpu(), Tally::default());
            for number in 0..COUNT {
                let body = template.body(number.into()).replacen('{', &format!("{{{fields},"), 1);
                let began = Instant::now();
                tally.add(exchange(&mut kept, server.address, &request(&body)).await, began.elapsed());
            }
            server.idle().await;
            let each = (server.usage.cpu() - before) / COUNT;
            println!("  {name}: {each:.1?} of CPU time for each, until it is handled; {tally}");
        });
        server.stop();
    }
}

/// Three times as many events as the server can take. It has one core for itself, and the senders another.
fn overload() {
    const SPAN: Duration = Duration::from_secs(10);
    println!("\nthree times the capacity");
    let server = Front::start(Some("0"));
    keep_to("1");
    runtime().block_on(async {
        let (count, took) = closed_loop(server.address, requests(60_000), 256, Duration::from_secs(5)).await;
        let capacity = (count as f64 / took.as_secs_f64()) as usize;
        println!("  capacity, on kept connections: {capacity} a second");
        let (count, took) = closed_loop(server.address, requests(60_000), 0, Duration::from_secs(5)).await;
        let capacity = (count as f64 / took.as_secs_f64()) as usize;
        println!(
            "  capacity, a connection for each event: {capacity} a second; overload with three times of this"
        );
        server.idle().await;
        let before = open_loop(server.address, requests(GOOD * 5), GOOD).await;
        println!("  before: {before}");
        let count = capacity * 3 * SPAN.as_secs() as usize;
        let requests_of_overload = requests(count);
        let began = Instant::now();
        let tally = open_loop(server.address, requests_of_overload, capacity * 3).await;
        println!("  {count} events in {SPAN:?}, over after {:.1?}: {tally}", began.elapsed());
        for second in 1..=8 {
            let after: Tally = open_loop(server.address, requests(GOOD), GOOD).await;
            println!("  second {second} after it: {after}");
        }
    });
    server.stop();
}
