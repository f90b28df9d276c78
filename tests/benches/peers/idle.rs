//! How much memory connections take.

use crate::Bench;
use crate::event::Signed;
use crate::load::{Connection, Limit, runtime, send_from};
use crate::report::Table;
use crate::server::{INLINE, Start};
use crate::statistics::Spread;

const IDLE: usize = 1_000;
const ACTIVE: usize = 64;

pub(crate) fn run(bench: &mut Bench) {
    let scenes = [
        ("hyper", Start::of("hyper"), 1),
        ("ours inline", Start::of("ours").with(&[INLINE]), 1),
        ("ours with the inbox", Start::of("ours"), 5),
    ];
    let note = "1,000 connections that sent one event each and are kept, and 64 that send without a pause. The most \
                resident memory, in MiB. The product keeps 1,024 connections at most: idle ones give way.";
    let mut table = Table::new(
        "Memory",
        note,
        &["server", "before", "with connections", "min–max", "× hyper", "descriptors"],
    );
    let mut measured = vec![Vec::new(); scenes.len()];
    for _ in 0..bench.options.rounds {
        for ((_, start, fewer), measured) in scenes.iter().zip(&mut measured) {
            measured.push(measure(bench, *start, bench.options.requests / fewer));
        }
    }
    for ((name, ..), measures) in scenes.iter().zip(&measured) {
        let before = Spread::of(measures.iter().map(|measure| measure.0));
        let most = Spread::of(measures.iter().map(|measure| measure.1));
        let ratio = Spread::of(measures.iter().zip(&measured[0]).map(|(measure, hyper)| measure.1 / hyper.1));
        table.row([
            (*name).to_owned(),
            format!("{:.1}", before.median),
            format!("{:.1}", most.median),
            format!("{:.1}–{:.1}", most.min, most.max),
            format!("{:.2}", ratio.median),
            measures[0].2.to_string(),
        ]);
    }
    bench.report(&table);
}

/// Returns the memory before and the most of it, in MiB, and the most file descriptors.
fn measure(bench: &Bench, start: Start, requests: u64) -> (f64, f64, u64) {
    let server = bench.start(start);
    let memory = || server.usage.memory() as f64 / 1024.;
    let before = memory();
    let (mut most, mut open) = (before, 0);
    runtime().block_on(async {
        let mut idle: Vec<_> = (0..IDLE).map(|_| Connection::to(server.address, Signed::Well)).collect();
        for connection in &mut idle {
            let status = connection.exchange().await;
            assert!(matches!(status, Ok(200)), "a connection that is to be idle got {status:?}");
        }
        let mut active = Box::pin(send_from(server.address, ACTIVE, Limit::Count(requests), Signed::Well));
        let mut ticks = tokio::time::interval(std::time::Duration::from_millis(20));
        loop {
            tokio::select! {
                answers = &mut active => {
                    assert_eq!(answers.good, requests, "{answers:?}");
                    break;
                }
                _ = ticks.tick() => {
                    most = most.max(memory());
                    open = open.max(server.usage.descriptors());
                }
            }
        }
    });
    server.kill();
    (before, most, open)
}
