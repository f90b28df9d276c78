//! One instance and three on PostgreSQL, beside `pgbench` on the same server.
//!
//! The server's files are in memory, and each of its syncs lasts a millisecond longer: the syncs of a disk vary
//! too much for ratios. What sends, what receives and the database share the cores.

use std::fs;
use std::time::{Duration, Instant};

use product_tests::{Postgres, Usage, keep_to};

use crate::Bench;
use crate::event::{Signed, body_length};
use crate::load::{Limit, send_evenly, send_to_all};
use crate::report::Table;
use crate::server::{Server, Start};
use crate::statistics::percentile;

const OURS: Start = Start::of("ours").with(&[("RUST_LOG", "warn")]);

const A_SECOND: u64 = 200;

pub(crate) fn run(bench: &mut Bench) {
    let cores = format!("{},{}", bench.cores.server, bench.cores.sender);
    keep_to(&cores);
    let span = Duration::from_secs(bench.options.seconds.min(20));
    let start = |bench: &Bench, database: &Postgres, instances: usize| -> Vec<Server> {
        let url: &'static str = database.url().leak();
        let start = |_| bench.start_on(OURS.with_inbox(url), &cores);
        (0..instances).map(start).collect()
    };
    let note = format!(
        "Distinct events for {} s, without a pause. `pgbench` inserts rows with as many bytes, one in a transaction, over as \
         many connections, just before.",
        span.as_secs()
    );
    let columns = [
        "connections",
        "instances",
        "acknowledged/s",
        "handled/acknowledged",
        "p99 ms",
        "CPU µs/event, ours",
        "CPU µs/event, PostgreSQL",
        "pgbench/s",
        "acknowledged/pgbench",
    ];
    let mut table = Table::new("PostgreSQL under load", note, &columns);
    for connections in [16, 64] {
        for instances in [1, 3] {
            let database = Postgres::start_with_slow_syncs();
            let rows = database.pgbench(connections, body_length(), Duration::from_secs(5));
            let mut servers = start(bench, &database, instances);
            let before = [cpu_of(&servers), cpu_of_children(database.pid())];
            let addresses: Vec<_> = servers.iter().map(|server| server.address).collect();
            let answers = send_to_all(&addresses, connections, Limit::Span(span), Signed::Well);
            let handled: u64 = servers.iter_mut().map(Server::counted).sum();
            let patience = Instant::now() + span;
            while servers.iter_mut().map(Server::counted).sum::<u64>() < answers.good
                && Instant::now() < patience
            {
                std::thread::sleep(Duration::from_millis(20));
            }
            let after = [cpu_of(&servers), cpu_of_children(database.pid())];
            let [ours, theirs] =
                [0, 1].map(|of| (after[of] - before[of]).as_secs_f64() * 1e6 / answers.good as f64);
            let rate = answers.good as f64 / answers.span.as_secs_f64();
            table.row([
                connections.to_string(),
                instances.to_string(),
                format!("{rate:.0}"),
                format!("{:.2}", handled as f64 / answers.good as f64),
                format!("{:.1}", percentile(&answers.took, 99).as_secs_f64() * 1e3),
                format!("{ours:.0}"),
                format!("{theirs:.0}"),
                format!("{rows:.0}"),
                format!("{:.2}", rate / rows),
            ]);
            for server in servers {
                server.stop();
            }
        }
    }
    bench.report(&table);
    let note = format!("{A_SECOND} events a second at even intervals, for {} s.", span.as_secs());
    let mut table =
        Table::new("Latency with PostgreSQL", note, &["instances", "p50 ms", "p99 ms", "longest ms"]);
    for instances in [1, 3] {
        let database = Postgres::start_with_slow_syncs();
        let servers = start(bench, &database, instances);
        let answers = send_evenly(servers[0].address, A_SECOND, span);
        assert_eq!(answers.good as usize, answers.took.len(), "some events were not acknowledged");
        let ms = |percent| format!("{:.1}", percentile(&answers.took, percent).as_secs_f64() * 1e3);
        table.row([instances.to_string(), ms(50), ms(99), ms(100)]);
        for server in servers {
            server.stop();
        }
    }
    bench.report(&table);
    keep_to(&bench.cores.sender);
}

fn cpu_of(servers: &[Server]) -> Duration {
    servers.iter().map(|server| server.usage.cpu()).sum()
}

/// The CPU time of a process and of those that it has started and that have not ended.
fn cpu_of_children(parent: u32) -> Duration {
    let children = fs::read_dir("/proc").expect("Linux has it").flatten().filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let (_, fields) = stat.rsplit_once(") ")?;
        (fields.split(' ').nth(1)?.parse::<u32>().ok()? == parent).then_some(pid)
    });
    children.chain([parent]).map(|pid| Usage(pid).cpu()).sum()
}
