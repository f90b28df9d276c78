//! What a request costs each server: CPU time and rate, in interleaved rounds, and ratios within a round.

use std::time::Duration;

use product_tests::until;

use crate::Bench;
use crate::chart::{Bar, chart};
use crate::event::Signed;
use crate::load::{Limit, send};
use crate::report::Table;
use crate::server::{INLINE, Server, Start};
use crate::statistics::Spread;

pub(crate) const PROGRAMS: [&str; 9] = [
    "hyper",
    "hmac",
    "expert",
    "expert_all",
    "axum_value",
    "async_stripe",
    "ours",
    "ours_objects",
    "thousand",
];

const CONNECTIONS: usize = 64;

/// A server, and what is sent to it.
#[derive(Clone, Copy, Debug)]
struct Scene {
    name: &'static str,
    start: Start,
    signed: Signed,
    /// Whether it looks at signatures and events at all.
    checks: Checks,
    /// How many times fewer requests it gets.
    fewer: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Checks {
    Nothing,
    Signatures,
    Events,
}

impl Scene {
    const fn new(name: &'static str, start: Start) -> Self {
        Self { name, start, signed: Signed::Well, checks: Checks::Events, fewer: 1 }
    }

    const fn that_checks(mut self, checks: Checks) -> Self {
        self.checks = checks;
        self
    }

    const fn sent(mut self, signed: Signed) -> Self {
        self.signed = signed;
        self
    }

    const fn with_fewer(mut self, fewer: u64) -> Self {
        self.fewer = fewer;
        self
    }

    fn is_ours(&self) -> bool {
        self.start.program.starts_with("ours") || self.start.program == "thousand"
    }
}

const HYPER: Scene =
    Scene::new("hyper: reads the body, answers", Start::of("hyper")).that_checks(Checks::Nothing);
const HMAC: Scene =
    Scene::new("the same + HMAC-SHA256 over the body", Start::of("hmac")).that_checks(Checks::Signatures);
const ASYNC_STRIPE: Scene = Scene::new("axum + async-stripe-webhook", Start::of("async_stripe"));
const OURS: Scene = Scene::new("ours inline, nine fields", Start::of("ours").with(&[INLINE]));

/// One measurement of a scene.
#[derive(Clone, Copy, Debug)]
struct Measure {
    /// CPU seconds of the server for 100,000 requests.
    cpu: f64,
    /// Requests a second.
    rate: f64,
}

pub(crate) fn run(bench: &mut Bench) {
    let scenes = [
        HYPER,
        HMAC,
        Scene::new("**expert**: hyper, HMAC, envelope and nine fields by hand", Start::of("expert")),
        Scene::new("expert, 43 fields by hand", Start::of("expert_all")),
        Scene::new("axum + `serde_json::Value` by hand", Start::of("axum_value")),
        ASYNC_STRIPE,
        OURS,
        Scene::new(
            "ours inline, nine fields, `RUST_LOG=warn`",
            Start::of("ours").with(&[INLINE, ("RUST_LOG", "warn")]),
        ),
        Scene::new("ours inline, `objects!`", Start::of("ours_objects").with(&[INLINE])),
        Scene::new("ours with the inbox, until handled", Start::of("ours")).with_fewer(5),
    ];
    let measured = rounds(bench, &scenes);
    let bars = scenes.iter().zip(&measured).map(|(scene, measured)| Bar {
        label: scene.name.replace("**", ""),
        value: Spread::of(measured.iter().map(|measure| measure.cpu)),
        is_ours: scene.is_ours(),
    });
    let bars: Vec<_> = bars.collect();
    bench.write("inline.svg", &chart("CPU seconds of the server for 100,000 events (less is better)", &bars));
    table(
        bench,
        "Receiving and handling an event",
        "The handler compares nine fields with what was sent, and counts. Ratios are to the expert, except where \
         the line says otherwise.",
        "× expert",
        &scenes,
        &measured,
        2,
    );

    let scenes = [HMAC.sent(Signed::Falsely), ASYNC_STRIPE.sent(Signed::Falsely), OURS.sent(Signed::Falsely)];
    let measured = rounds(bench, &scenes);
    let note = "The signature is of another secret, so the body is read and hashed. All answer 400.";
    table(bench, "Refusing a false signature", note, "× hyper + HMAC", &scenes, &measured, 0);

    let scenes = [HYPER.sent(Signed::Not), ASYNC_STRIPE.sent(Signed::Not), OURS.sent(Signed::Not)];
    let measured = rounds(bench, &scenes);
    let note =
        "Without a signature header, nothing has to be read. Hyper alone reads the body and answers 200.";
    table(bench, "Refusing before the body", note, "× hyper", &scenes, &measured, 0);

    let scenes = [OURS, Scene::new("the same with 999 more handlers", Start::of("thousand").with(&[INLINE]))];
    let measured = rounds(bench, &scenes);
    let note = "The other handlers take events that are not sent.";
    table(bench, "Many handlers", note, "× one handler", &scenes, &measured, 0);
}

fn table(
    bench: &mut Bench,
    title: &'static str,
    note: &str,
    of_reference: &'static str,
    scenes: &[Scene],
    measured: &[Vec<Measure>],
    reference: usize,
) {
    let columns = ["server", "CPU s/100k", "min–max", of_reference, "min–max", "requests/s"];
    let mut table = Table::new(title, note, &columns);
    for (scene, measures) in scenes.iter().zip(measured) {
        let cpu = Spread::of(measures.iter().map(|measure| measure.cpu));
        let in_round = measures.iter().zip(&measured[reference]);
        let ratio = Spread::of(in_round.map(|(measure, reference)| measure.cpu / reference.cpu));
        let rate = Spread::of(measures.iter().map(|measure| measure.rate));
        table.row([
            scene.name.to_owned(),
            format!("{:.2}", cpu.median),
            format!("{:.2}–{:.2}", cpu.min, cpu.max),
            format!("{:.2}", ratio.median),
            format!("{:.2}–{:.2}", ratio.min, ratio.max),
            format!("{:.0}", rate.median),
        ]);
    }
    bench.report(&table);
}

/// Starts all servers, checks each, and measures one after the other in each round.
fn rounds(bench: &Bench, scenes: &[Scene]) -> Vec<Vec<Measure>> {
    let mut servers: Vec<_> = scenes.iter().map(|scene| bench.start(scene.start)).collect();
    for (scene, server) in scenes.iter().zip(&mut servers) {
        check(scene, server);
    }
    let mut measured = vec![Vec::new(); scenes.len()];
    for round in 0..bench.options.rounds {
        for ((scene, server), measured) in scenes.iter().zip(&mut servers).zip(&mut measured) {
            let measure = measure(scene, server, bench.options.requests / scene.fewer);
            println!("round {}: {}: {:.2} s/100k, {:.0}/s", round + 1, scene.name, measure.cpu, measure.rate);
            measured.push(measure);
        }
    }
    servers.into_iter().for_each(Server::stop);
    measured
}

/// Sees that a server refuses what it must refuse, and counts what it must count.
fn check(scene: &Scene, server: &mut Server) {
    let one = |signed| send(server.address, 1, Limit::Count(1), signed);
    let refuses = |signed| one(signed).refused == 1;
    assert_eq!(one(Signed::Well).good, 1, "{}: a good event was not answered with 200", scene.name);
    if scene.checks >= Checks::Signatures {
        assert!(refuses(Signed::Falsely), "{}: a false signature was not refused", scene.name);
        assert!(refuses(Signed::Not), "{}: an event without a signature was not refused", scene.name);
    }
    if scene.checks == Checks::Events {
        until("the good event is counted, and no other", || server.counted() == 1);
    }
}

fn measure(scene: &Scene, server: &mut Server, requests: u64) -> Measure {
    let handles = scene.checks == Checks::Events;
    let (counted, cpu) = (if handles { server.counted() } else { 0 }, server.usage.cpu());
    let answers = send(server.address, CONNECTIONS, Limit::Count(requests), scene.signed);
    let expected = match scene.signed {
        Signed::Well => [requests, 0],
        _ if scene.checks == Checks::Nothing => [requests, 0],
        _ => [0, requests],
    };
    let answered = [answers.good, answers.refused];
    assert_eq!(answered, expected, "{}: unexpected answers; {} more", scene.name, answers.other);
    if handles {
        until("everything that was sent is counted", || server.counted() - counted == expected[0]);
        // What follows the handler: the end of the run is stored.
        std::thread::sleep(Duration::from_millis(50));
    }
    let cpu = server.usage.cpu() - cpu;
    Measure { cpu: cpu.as_secs_f64() * 100_000. / requests as f64, rate: answers.rate() }
}
