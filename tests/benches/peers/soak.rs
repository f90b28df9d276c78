//! Whether anything grows that should not, over a long time.

use std::time::{Duration, Instant};

use crate::Bench;
use crate::load::send_evenly;
use crate::report::Table;
use crate::server::{Start, file_size};
use crate::statistics::slope;

const A_SECOND: u64 = 500;

/// Bodies are freed soon, so that the file can level off.
const OURS: Start = Start::of("ours").with(&[("WEBHOOK_KEEP_BODIES", "30s"), ("WEBHOOK_KEEP_IDS", "1d")]);

/// What is looked at each second.
#[derive(Debug)]
struct Sample {
    minutes: f64,
    of: [f64; 4],
}

const NAMES: [(&str, f64, &str); 4] =
    [("memory", 1., "KiB"), ("descriptors", 1., ""), ("log", 1024., "KiB"), ("inbox", 1024., "KiB")];

pub(crate) fn run(bench: &mut Bench) {
    let span = Duration::from_secs(60 * bench.options.minutes);
    let mut server = bench.start(OURS);
    let (usage, log, inbox, address) =
        (server.usage, server.log.clone(), server.inbox.clone(), server.address);
    let began = Instant::now();
    let sender = std::thread::spawn(move || send_evenly(address, A_SECOND, span));
    let mut samples = Vec::new();
    while !sender.is_finished() {
        let size = |path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        let of = [usage.memory(), usage.descriptors(), size(&log), file_size(&inbox)];
        let of = std::array::from_fn(|at| of[at] as f64 / NAMES[at].1);
        samples.push(Sample { minutes: began.elapsed().as_secs_f64() / 60., of });
        std::thread::sleep(Duration::from_secs(1));
    }
    let answers = sender.join().expect("the sender does not panic");
    assert_eq!(answers.good as usize, answers.took.len(), "some events were not acknowledged");
    product_tests::until("everything is handled", || server.counted() == answers.good);
    server.stop();
    // The first third fills caches.
    let settled = &samples[samples.len() / 3..];
    let note = format!(
        "{A_SECOND} events a second for {} minutes: {} events. Bodies are kept for 30 s, ids for a day. The slope is that \
         of the last two thirds, by least squares.",
        bench.options.minutes, answers.good
    );
    let columns = ["", "at the start", "at the end", "slope a minute", "slope for each event, bytes"];
    let mut table = Table::new("A long run", note, &columns);
    for (at, (name, _, unit)) in NAMES.iter().enumerate() {
        let points: Vec<_> = settled.iter().map(|sample| (sample.minutes, sample.of[at])).collect();
        let slope = slope(&points);
        let bytes = slope * 1024. / (60 * A_SECOND) as f64;
        table.row([
            format!("{name} {unit}").trim().to_owned(),
            format!("{:.0}", samples[0].of[at]),
            format!("{:.0}", samples[samples.len() - 1].of[at]),
            format!("{slope:.1}"),
            if unit.is_empty() { String::new() } else { format!("{bytes:.1}") },
        ]);
    }
    bench.report(&table);
}
