//! How long an answer takes under a light load, beside the disk's own time for a sync.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use crate::Bench;
use crate::event::body_length;
use crate::load::send_evenly;
use crate::report::Table;
use crate::server::Start;
use crate::statistics::{Spread, percentile};

const A_SECOND: u64 = 200;
const OURS: Start = Start::of("ours").with(&[("RUST_LOG", "warn")]);

pub(crate) fn run(bench: &mut Bench) {
    let span = Duration::from_secs((bench.options.seconds / bench.options.rounds).max(2));
    let note = format!(
        "{A_SECOND} events a second at even intervals, for {} s in turn with as many appends of {} bytes and \
         `fdatasync`. A time begins when the event is due.",
        span.as_secs(),
        body_length()
    );
    let columns = ["", "p50 ms", "p99 ms", "min–max of p99", "longest ms", "p99 × fdatasync"];
    let mut table = Table::new("Latency", note, &columns);
    let server = bench.start(OURS);
    let mut measured = [Vec::new(), Vec::new()];
    for _ in 0..bench.options.rounds {
        let appends = append_evenly(bench, span);
        let answers = send_evenly(server.address, A_SECOND, span);
        assert_eq!(answers.good as usize, answers.took.len(), "some events were not acknowledged");
        for (measured, took) in measured.iter_mut().zip([appends, answers.took]) {
            let ms = |percent| percentile(&took, percent).as_secs_f64() * 1e3;
            measured.push([50, 99, 100].map(ms));
        }
    }
    server.kill();
    for (name, measures) in ["append and fdatasync", "ours with the inbox"].iter().zip(&measured) {
        let of = |at: usize| Spread::of(measures.iter().map(|measure| measure[at]));
        let ratio = Spread::of(measures.iter().zip(&measured[0]).map(|(measure, sync)| measure[1] / sync[1]));
        table.row([
            (*name).to_owned(),
            format!("{:.2}", of(0).median),
            format!("{:.2}", of(1).median),
            format!("{:.2}–{:.2}", of(1).min, of(1).max),
            format!("{:.1}", of(2).max),
            format!("{:.2} ({:.2}–{:.2})", ratio.median, ratio.min, ratio.max),
        ]);
    }
    bench.report(&table);
}

/// Appends a body at even intervals and syncs each time. Returns how long each took, sorted.
fn append_evenly(bench: &Bench, span: Duration) -> Vec<Duration> {
    let mut file =
        File::create(bench.new_folder("appends").join("file")).expect("the folder can be written to");
    let (body, began) = (vec![b' '; body_length()], Instant::now());
    let append = |number: u64| {
        let due = began + Duration::from_secs_f64(number as f64 / A_SECOND as f64);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        file.write_all(&body).expect("the disk takes it");
        file.sync_data().expect("the disk takes it");
        due.elapsed()
    };
    let mut took: Vec<_> = (0..A_SECOND * span.as_secs()).map(append).collect();
    took.sort();
    took
}
