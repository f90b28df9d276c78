//! Handlers and readers of the log that misbehave, and the answers that they must not delay. (A handler that ends the
//! process: `failpoints.rs`.)

use std::io::{BufRead, BufReader};

use product_tests::{Client, Delivery, Running, SECRET, Server, Stream, program, url_in};
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

/// How many events make more lines than the log lets wait, at three lines each.
const TOO_MUCH_TO_LOG: u64 = 3_000;

#[test]
fn a_log_that_nobody_reads_delays_no_answer() {
    let (reader, writer) = std::io::pipe().expect("the system has pipes");
    let mut command = program(env!("CARGO_BIN_EXE_durable"));
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("STRIPE_WEBHOOK_SECRET", SECRET);
    let server = Running::start_writing(&mut command, [None, Some(writer.into())]);
    // The command has the writing end as well.
    drop(command);
    let mut lines = BufReader::new(reader).lines().map_while(Result::ok);
    let url = lines.find_map(|line| url_in(&line)).expect("it logs where it listens");
    let address = url.split('/').nth(2).and_then(|address| address.parse().ok()).expect("an address");
    let mut client = Client::default();
    let mut send = |number| {
        let delivery = Delivery::new("payment_intent.succeeded", number, number, 0);
        assert_eq!(client.post(address, delivery.body.as_bytes()).expect("an answer").status, 200);
    };
    (0..TOO_MUCH_TO_LOG).for_each(&mut send);

    assert!(lines.any(|line| line.contains("some of it is left out here lines=")), "it says so");
    send(TOO_MUCH_TO_LOG);
    let last = format!("{:012}", TOO_MUCH_TO_LOG);
    assert!(lines.any(|line| line.contains(&last)), "it logs again");
    // Nor does it keep the process from ending.
    (0..TOO_MUCH_TO_LOG).for_each(&mut send);
    server.signal("TERM");
    server.wait().with_code(0);
}
