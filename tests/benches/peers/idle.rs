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
                resident memory, in MiB, and of it the process's own: the rest are pages of the program's file. The \
                product keeps 1,024 connections at most: idle ones give way.";
    let mut table = Table::new(
        "Memory",
        note,
        &["server", "before", "with connections", "× hyper", "own before", "own", "× hyper", "descriptors"],
    );
    let mut measured = vec![Vec::new(); scenes.len()];
    for _ in 0..bench.options.rounds {
        for ((_, start, fewer), measured) in scenes.iter().zip(&mut measured) {
            measured.push(measure(bench, *start, bench.options.requests / fewer));
        }
    }
    for ((name, ..), measures) in scenes.iter().zip(&measured) {
        let of = |value: fn(&Memory) -> f64| Spread::of(measures.iter().map(|(memory, _)| value(memory)));
        let ratio = |value: fn(&Memory) -> f64| {
            let pairs = measures.iter().zip(&measured[0]);
            let Spread { median, min, max } =
                Spread::of(pairs.map(|((memory, _), (hyper, _))| value(memory) / value(hyper)));
            format!("{median:.2} ({min:.2}–{max:.2})")
        };
        table.row([
            (*name).to_owned(),
            format!("{:.1}", of(|memory| memory.before[0]).median),
            format!("{:.1}", of(|memory| memory.most[0]).median),
            ratio(|memory| memory.most[0]),
            format!("{:.1}", of(|memory| memory.before[1]).median),
            format!("{:.1}", of(|memory| memory.most[1]).median),
            ratio(|memory| memory.most[1]),
            measures[0].1.to_string(),
        ]);
    }
    bench.report(&table);
}

/// Memory in MiB: what is resident, and of it the process's own.
#[derive(Clone, Copy, Debug)]
struct Memory {
    before: [f64; 2],
    most: [f64; 2],
}

/// Returns the memory, and the most file descriptors.
fn measure(bench: &Bench, start: Start, requests: u64) -> (Memory, u64) {
    let server = bench.start(start);
    let memory = || [server.usage.memory(), server.usage.own_memory()].map(|kib| kib as f64 / 1024.);
    let before = memory();
    let (mut most, mut open) = (before, 0);
    runtime().block_on(async {
        let mut idle: Vec<_> = (0..IDLE).map(|_| Connection::to(server.address, Signed::Well)).collect();
        for connection in &mut idle {
            let status = connection.exchange().await;
            assert!(matches!(status, Ok(200)), "a connection that is to be idle got {status:?}");
        }
        let to = [server.address];
        let mut active = Box::pin(send_from(&to, ACTIVE, Limit::Count(requests), Signed::Well));
        let mut ticks = tokio::time::interval(std::time::Duration::from_millis(20));
        loop {
            tokio::select! {
                answers = &mut active => {
                    assert_eq!(answers.good, requests, "{answers:?}");
                    break;
                }
                _ = ticks.tick() => {
                    let now = memory();
                    most = [0, 1].map(|kind: usize| most[kind].max(now[kind]));
                    open = open.max(server.usage.descriptors());
                }
            }
        }
    });
    server.kill();
    (Memory { before, most }, open)
}
