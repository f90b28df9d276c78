//! Handlers that misbehave, and the answers that they must not delay. (One that ends the process: `failpoints.rs`.)

use product_tests::{Server, Stream};
use webhook_core::Sample;

#[test]
fn a_handler_that_misbehaves_delays_no_answer() {
    for (event_type, times, ended) in [
        ("charge.succeeded", 8_usize, "handler done"),
        ("charge.pending", 2, "handler done"),
        ("charge.failed", 8, "panicked: the shelf fell over"),
        ("charge.refunded", 40, "had not ended after 1s"),
    ] {
        let server = Server::start(env!("CARGO_BIN_EXE_durable"), &["--drain-timeout", "1s"]);
        let send = |event_type: &str, seed: u64| {
            let body = Sample::new(event_type, seed).expect("there is such a type").body(1_700_000_000);
            assert_eq!(server.post(&body).status(), 200, "{event_type} {seed}");
        };
        // So many that they take each thread that handlers have, or each slot.
        (0..times as u64).for_each(|seed| send(event_type, seed));
        (100..150).for_each(|seed| send("payment_intent.succeeded", seed));

        let log = server.process.seen_until(Stream::Stderr, ended);
        // One that panics is over at once; the others went on while all of these were answered.
        if event_type != "charge.failed" {
            let stored = log.matches("event stored").count();
            assert_eq!(stored, times + 50, "answered before the first of {event_type} ended:\n{log}");
        }
        // Those that do not keep the process from ending.
        server.process.signal("TERM");
        server.process.wait().with_code(0);
    }
}
