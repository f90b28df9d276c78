//! How many events a second are acknowledged and handled, beside a bare loop on SQLite that stores equal rows.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::Bench;
use crate::chart::{Bar, chart};
use crate::event::{Signed, body_length};
use crate::load::{Answers, Limit, send};
use crate::report::Table;
use crate::server::{Start, file_size};
use crate::statistics::{Spread, percentile};

/// Where the log goes matters: here to a file, but only what is wrong.
const OURS: Start = Start::of("ours").with(&[("RUST_LOG", "warn")]);

/// What one run found.
struct Run {
    answers: Answers,
    handled: u64,
    /// CPU time for each event, in µs, until all were handled or until as long again had passed.
    cpu: f64,
    was_drained: bool,
    bytes: f64,
}

pub(crate) fn run(bench: &mut Bench) {
    let span = Duration::from_secs(bench.options.seconds);
    let note = format!(
        "Distinct events for {} s, without a pause. The bare loop stores equal rows, 64 events in a commit, for {} s \
         just before. The CPU time and the file are taken when all events are handled.",
        span.as_secs(),
        loop_span(span).as_secs(),
    );
    let columns = [
        "connections",
        "acknowledged/s",
        "handled/s",
        "handled/acknowledged",
        "waiting at the end",
        "503s",
        "p99 ms",
        "CPU µs/event",
        "bytes/event",
        "bare loop/s",
        "acknowledged/bare loop",
    ];
    let mut table = Table::new("The inbox under load", note, &columns);
    let mut bars = Vec::new();
    for connections in [1, 16, 64, 256] {
        let bare = bare_loop(bench, loop_span(span));
        let Run { answers, handled, cpu, was_drained, bytes } = measure(bench, connections, span);
        let rates = [answers.good, handled].map(|count| count as f64 / answers.span.as_secs_f64());
        for (name, rate, is_ours) in
            [("acknowledged", rates[0], true), ("handled", rates[1], true), ("bare loop", bare, false)]
        {
            let label = format!("{connections} connections, {name}");
            bars.push(Bar { label, value: Spread::of([rate / 1000.]), is_ours });
        }
        table.row([
            connections.to_string(),
            format!("{:.0}", rates[0]),
            format!("{:.0}", rates[1]),
            format!("{:.2}", rates[1] / rates[0]),
            (answers.good - handled).to_string(),
            answers.other.to_string(),
            format!("{:.1}", percentile(&answers.took, 99).as_secs_f64() * 1e3),
            format!("{}{cpu:.0}", if was_drained { "" } else { "> " }),
            format!("{bytes:.0}"),
            format!("{bare:.0}"),
            format!("{:.2}", rates[0] / bare),
        ]);
    }
    bench.report(&table);
    bench.report(&syncs(bench));
    bench.write("durable.svg", &chart("Thousand events a second (more is better)", &bars));
    println!("a body has {} bytes", body_length());
}

/// How many events one sync of the disk covers.
fn syncs(bench: &Bench) -> Table {
    let note =
        "The fewer syncs, the more events share one. `strace` counts them, which slows the server down.";
    let mut table = Table::new("Syncs of the disk", note, &["connections", "events", "events for each sync"]);
    for (connections, count) in [(1, bench.options.requests / 50), (64, bench.options.requests / 5)] {
        let folder = bench.new_folder("syncs");
        let mut server = bench.start_in(OURS.counting_syncs(), &folder);
        let answers = send(server.address, connections, Limit::Count(count), Signed::Well);
        assert_eq!(answers.good, count, "{answers:?}");
        product_tests::until("everything is handled", || server.counted() == count);
        server.stop();
        let syncs = counted_syncs(&folder.join("syncs"));
        table.row([connections.to_string(), count.to_string(), format!("{:.1}", count as f64 / syncs)]);
    }
    table
}

/// Reads the table of `strace`, which it writes when the program has ended.
fn counted_syncs(path: &Path) -> f64 {
    let mut text = String::new();
    product_tests::until("strace has counted", || {
        text = std::fs::read_to_string(path).unwrap_or_default();
        text.contains(" total")
    });
    let of_line = |line: &str| {
        let is_sync = line.ends_with(" fsync") || line.ends_with(" fdatasync");
        is_sync.then(|| line.split_whitespace().nth(3)?.parse::<f64>().ok()).flatten()
    };
    text.lines().filter_map(of_line).sum()
}

fn loop_span(span: Duration) -> Duration {
    span.min(Duration::from_secs(10))
}

fn measure(bench: &Bench, connections: usize, span: Duration) -> Run {
    let mut server = bench.start(OURS);
    let answers = send(server.address, connections, Limit::Span(span), Signed::Well);
    let handled = server.counted();
    assert_eq!(answers.refused, 0, "good events were refused");
    let patience = Instant::now() + span;
    let mut counted = handled;
    while counted < answers.good && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(20));
        counted = server.counted();
    }
    let was_drained = counted >= answers.good;
    let cpu = server.usage.cpu().as_secs_f64() * 1e6 / answers.good as f64;
    let inbox = server.inbox.clone();
    server.stop();
    let bytes = file_size(&inbox) as f64 / answers.good as f64;
    Run { answers, handled, cpu, was_drained, bytes }
}

/// Runs the bare loop on the server's core, and returns the events that it stored in a second.
fn bare_loop(bench: &Bench, span: Duration) -> f64 {
    let folder = bench.new_folder("rows");
    let seconds = span.as_secs().to_string();
    let said = rows(bench, &folder.join("inbox.db"), &["run", &seconds]);
    said.trim().parse().expect("it prints a number")
}

/// Runs the program `rows` on a file, and returns what it prints.
pub(crate) fn rows(bench: &Bench, file: &Path, arguments: &[&str]) -> String {
    let mut command = product_tests::program("taskset");
    command.args(["--cpu-list", &bench.cores.server]).arg(bench.programs.path("rows"));
    let output = command.arg(file).args(arguments).output().expect("taskset starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
