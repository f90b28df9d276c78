//! Handlers and readers of the log that misbehave, and the answers that they must not delay. (A handler that ends the
//! process: `failpoints.rs`.)

use std::io::{BufRead, BufReader};

use product_tests::{
    Client, Connection, Delivery, Process, SECRET, Server, Stream, new_inbox, program, unix_now, url_in,
};
use webhook_core::Sample;

#[test]
fn a_handler_that_misbehaves_delays_no_answer() {
    for (event_type, times, ended) in [
        // These two go on until the end.
        ("charge.succeeded", 8_usize, None),
        ("charge.pending", 2, None),
        ("charge.failed", 8, Some("panicked at tests/src/bin/durable.rs:")),
        ("charge.refunded", 40, Some("had not ended after 1s")),
    ] {
        let flags = ["--drain-timeout", "1s", "--handler-timeout", "10m"];
        let server = Server::start(env!("CARGO_BIN_EXE_durable"), &flags);
        let send = |event_type: &str, seed: u64| {
            let body = Sample::new(event_type, seed).expect("there is such a type").body(1_700_000_000);
            assert_eq!(server.post(&body).status(), 200, "{event_type} {seed}");
        };
        // So many that they take each thread that handlers have, or each slot.
        (0..times as u64).for_each(|seed| send(event_type, seed));
        (100..150).for_each(|seed| send("payment_intent.succeeded", seed));
        if let Some(ended) = ended {
            server.process.line_with(Stream::Stderr, ended);
        }
        // Those that go on do not keep the process from ending.
        server.process.signal("TERM");
        let log = server.process.wait().with_code(0).stderr;
        assert_eq!(log.matches("event stored").count(), times + 50, "{event_type}: {log}");
    }
}

#[test]
fn a_handler_that_never_lets_go_stops_neither_the_others_nor_the_end() {
    let inbox = new_inbox();
    let start = || {
        let mut command = program(env!("CARGO_BIN_EXE_durable"));
        command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("WEBHOOK_INBOX", &inbox);
        Server::from_command(&mut command, &["--drain-timeout", "1s"])
    };
    let body = Sample::new("charge.updated", 1).expect("there is such a type").body(1_700_000_000);
    // From the second start on, it is a suspect, and runs alone at first.
    for number in 0..4 {
        let server = start();
        assert_eq!(server.post(&body).status(), 200);
        let other = Delivery::new("payment_intent.succeeded", number, number, 0);
        assert_eq!(server.post(other.body.as_bytes()).status(), 200);
        server.process.line(Stream::Stderr, |line| {
            (line.contains("handler done") && line.contains(&other.id)).then_some(())
        });
        server.process.line_with(Stream::Stderr, "cannot be cancelled");
        server.process.signal("TERM");
        let ended = server.process.wait().with_code(0);
        assert!(ended.stderr.contains("it ends with the process"), "{ended:#?}");
    }
}

#[test]
fn a_run_that_had_no_thread_is_no_failure_of_its_handler() {
    let mut server = Server::start(env!("CARGO_BIN_EXE_durable"), &["--handler-timeout", "10m"]);
    let send = |event_type, seed| {
        let body = Sample::new(event_type, seed).expect("there is such a type").body(1_700_000_000);
        assert_eq!(server.post(&body).status(), 200);
    };
    // Each of these keeps a thread until all may go on.
    let threads = std::thread::available_parallelism().expect("the system says how many").get();
    (0..2 * threads as u64).for_each(|seed| send("charge.succeeded", seed));
    send("charge.refunded", 1);
    let late = "handler=\"durable::never_returns\"";
    for told in ["a run cannot start", "handler stopped; it will run again", "had not ended after 1s"] {
        let line = server.process.line(Stream::Stderr, |line| {
            (line.contains(told) && line.contains(late)).then(|| line.to_owned())
        });
        assert!(!line.contains("attempt=2"), "{line}");
        // From the first of these on, there may be threads again.
        server.process.tell("open");
    }
    server.process.signal("KILL");
    server.process.wait();
}

#[test]
fn an_error_that_cannot_be_worded_is_a_failure_like_any_other() {
    let server = Server::start(env!("CARGO_BIN_EXE_durable"), &[]);
    for seed in [1, 2] {
        let body = Sample::new("charge.dispute.created", seed).expect("there is such a type");
        assert_eq!(server.post(&body.body(1_700_000_000)).status(), 200);
        let told = "panicked at tests/src/bin/durable.rs:";
        let failed = |line: &str| (line.contains("handler failed") && line.contains(told)).then_some(());
        server.process.line(Stream::Stderr, failed);
    }
    server.stop();
}

#[test]
fn bodies_that_are_announced_and_do_not_come_take_no_room() {
    let server = Server::start(env!("CARGO_BIN_EXE_durable"), &[]);
    let slow: Vec<Connection> = (0..100)
        .map(|_| {
            let mut connection = Connection::open(server.address);
            connection.send(format!(
                "POST /webhook HTTP/1.1\r\nHost: localhost\r\nStripe-Signature: t={},v1={}\r\n\
                 Content-Length: 1048576\r\n\r\n{{",
                unix_now(),
                "0".repeat(64)
            ));
            connection
        })
        .collect();
    for number in 0..10 {
        let delivery = Delivery::new("payment_intent.succeeded", number, number, 0);
        assert_eq!(server.post(delivery.body.as_bytes()).status(), 200);
    }
    drop(slow);
    server.stop();
}

/// How many events make more lines than the log lets wait, at three lines each.
const TOO_MUCH_TO_LOG: u64 = 3_000;

#[test]
fn a_log_that_nobody_reads_delays_no_answer() {
    let (reader, writer) = std::io::pipe().expect("the system has pipes");
    let mut command = program(env!("CARGO_BIN_EXE_durable"));
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("STRIPE_WEBHOOK_SECRET", SECRET);
    let server = Process::start_writing(&mut command, [None, Some(writer.into())]);
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

    assert!(lines.any(|line| line.contains("lines are missing here lines=")), "it says so");
    send(TOO_MUCH_TO_LOG);
    let last = format!("{:012}", TOO_MUCH_TO_LOG);
    assert!(lines.any(|line| line.contains(&last)), "it logs again");
    // Nor does it keep the process from ending.
    (0..TOO_MUCH_TO_LOG).for_each(&mut send);
    server.signal("TERM");
    server.wait().with_code(0);
}
