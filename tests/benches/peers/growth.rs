//! What a large inbox costs: the same load on few and on many stored events, in turn.

use std::time::Duration;

use crate::Bench;
use crate::durable::rows;
use crate::event::Signed;
use crate::load::{Limit, send};
use crate::report::Table;
use crate::server::{Server, Start, file_size};
use crate::statistics::{Spread, percentile};

const CONNECTIONS: usize = 64;
const OURS: Start = Start::of("ours").with(&[("RUST_LOG", "warn")]);

/// One measurement.
#[derive(Clone, Copy, Debug)]
struct Measure {
    rate: f64,
    /// CPU time for each event, in µs.
    cpu: f64,
    p99: f64,
}

pub(crate) fn run(bench: &mut Bench) {
    let stored = [10_000.min(bench.options.stored / 5), bench.options.stored];
    let span = Duration::from_secs(bench.options.seconds.min(10));
    let mut servers: Vec<_> = stored.iter().map(|count| filled(bench, *count)).collect();
    let mut measured = [Vec::new(), Vec::new()];
    for _ in 0..bench.options.rounds {
        for (server, measured) in servers.iter_mut().zip(&mut measured) {
            measured.push(measure(server, span));
        }
    }
    servers.into_iter().for_each(Server::kill);
    let note = format!(
        "64 connections for {} s, on each file in turn. The stored events were written as SQL into a file that the \
         product made, handled, with their bodies.",
        span.as_secs()
    );
    let columns = ["stored", "acknowledged/s", "× few", "CPU µs/event", "× few", "p99 ms", "× few"];
    let mut table = Table::new("Growth", note, &columns);
    for (count, measures) in stored.iter().zip(&measured) {
        let median = |of: fn(&Measure) -> f64| format!("{:.1}", Spread::of(measures.iter().map(of)).median);
        let ratio = |of: fn(&Measure) -> f64| {
            let in_round = measures.iter().zip(&measured[0]).map(|(many, few)| of(many) / of(few));
            let Spread { median, min, max } = Spread::of(in_round);
            format!("{median:.2} ({min:.2}–{max:.2})")
        };
        let [rate, cpu, p99]: [fn(&Measure) -> f64; 3] =
            [|measure| measure.rate, |measure| measure.cpu, |measure| measure.p99];
        table.row([
            count.to_string(),
            median(rate),
            ratio(rate),
            median(cpu),
            ratio(cpu),
            median(p99),
            ratio(p99),
        ]);
    }
    bench.report(&table);
}

/// A server whose inbox has this many events.
fn filled(bench: &Bench, count: u64) -> Server {
    let folder = bench.new_folder("growth");
    let server = bench.start_in(OURS, &folder);
    let inbox = server.inbox.clone();
    server.stop();
    rows(bench, &inbox, &["fill", &count.to_string()]);
    println!("{count} stored events take {:.1} MiB", file_size(&inbox) as f64 / 1024. / 1024.);
    bench.start_in(OURS, &folder)
}

fn measure(server: &mut Server, span: Duration) -> Measure {
    let (counted, cpu) = (server.counted(), server.usage.cpu());
    let answers = send(server.address, CONNECTIONS, Limit::Span(span), Signed::Well);
    product_tests::until("everything is handled", || server.counted() - counted >= answers.good);
    let cpu = (server.usage.cpu() - cpu).as_secs_f64() * 1e6 / answers.good as f64;
    let p99 = percentile(&answers.took, 99).as_secs_f64() * 1e3;
    Measure { rate: answers.rate(), cpu, p99 }
}
