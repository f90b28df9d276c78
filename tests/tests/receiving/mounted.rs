//! An application that mounts the endpoint in its own server: what senders are told, and how it stops.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use product_tests::{
    Answer, Client, Connection, Delivery, Ended, Process, SECRET, Server, Stream, exchange, new_inbox,
    program, run, signed, unix_now, until,
};
use rusqlite::Connection as Database;
use webhook_core::Sample;

fn command(how: &str, inbox: &Path) -> Command {
    let mut command = program(env!("CARGO_BIN_EXE_mounted"));
    command.env_remove("WEBHOOK_LISTEN").env("WEBHOOK_INBOX", inbox).env("MOUNTED", how);
    command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("RUST_LOG", "debug");
    command
}

#[track_caller]
fn start(how: &str, inbox: &Path, flags: &[&str]) -> Server {
    serving(Process::start(command(how, inbox).args(flags)))
}

#[track_caller]
fn serving(process: Process) -> Server {
    let address: SocketAddr =
        process.line(Stream::Stdout, |line| line.strip_prefix("serving ")?.parse().ok());
    Server { process, address, url: format!("http://{address}/webhook") }
}

fn event(event_type: &str, seed: u64) -> String {
    let body = Sample::new(event_type, seed).expect("there is such a type").body(1_700_000_000);
    String::from_utf8(body).expect("JSON is UTF-8")
}

fn stored(inbox: &Path) -> BTreeSet<String> {
    let database = Database::open(inbox).expect("the inbox can be opened");
    let mut events = database.prepare("SELECT event_id FROM inbox_event").expect("it is an inbox");
    let ids = events.query_map([], |row| row.get(0)).expect("it can be read");
    ids.collect::<Result<_, _>>().expect("ids are texts")
}

#[test]
fn senders_are_told_what_our_own_listener_tells_them() {
    for how in ["axum", "layers", "hyper"] {
        let inbox = new_inbox();
        let server = start(how, &inbox, &[]);
        let body = event("payment_intent.succeeded", 1);
        let signature = signed(&[SECRET], unix_now(), body.as_bytes());
        let ask = |method: &str, headers: &[(&str, &[u8])], body: &[u8]| -> Answer {
            exchange(server.address, method, "/webhook", headers, body)
        };
        let good = [("Stripe-Signature", signature.as_bytes())];
        assert_eq!(ask("POST", &good, body.as_bytes()).status(), 200, "{how}");
        server.process.line_with(Stream::Stdout, "paid: ");
        assert_eq!(ask("POST", &good, body.as_bytes()).body, "{\"received\":true}", "{how}: a duplicate");
        assert_eq!(ask("POST", &[], body.as_bytes()).status(), 400, "{how}: not signed");
        assert_eq!(ask("POST", &good, b"{}").status(), 400, "{how}: another body");
        assert_eq!(ask("GET", &good, b"").header("allow"), Some("POST"), "{how}");
        // With hyper, there is no router: everything is for the endpoint.
        let elsewhere = exchange(server.address, "POST", "/webhooks", &good, body.as_bytes()).status();
        assert_eq!(elsewhere, if how == "hyper" { 200 } else { 404 }, "{how}");
        if how != "hyper" {
            assert_eq!(exchange(server.address, "GET", "/", &[], b"").body, "the shop");
        }
        let ended = server.stop();
        assert_eq!(ended.stdout.contains("everything ended"), how == "hyper", "{ended:#?}");
        assert_eq!(stored(&inbox).len(), 1, "{how}");
    }
}

#[test]
fn a_body_that_is_too_long_is_answered_with_413_whoever_sets_the_limit() {
    for (how, flags) in [("axum", &["--body-limit", "16384"][..]), ("layers", &[])] {
        let server = start(how, &new_inbox(), flags);
        let mut body = event("payment_intent.succeeded", 1);
        body.push_str(&" ".repeat(16 * 1024 - body.len()));
        assert_eq!(server.post(body.as_bytes()).status(), 200, "{how}: at the limit");
        body.push(' ');
        assert_eq!(server.post(body.as_bytes()).status(), 413, "{how}: announced");
        let mut connection = Connection::open(server.address);
        let signature = signed(&[SECRET], unix_now(), body.as_bytes());
        let head = format!(
            "POST /webhook HTTP/1.1\r\nHost: a\r\nStripe-Signature: {signature}\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        connection.send(format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len()));
        assert_eq!(connection.answer().status(), 413, "{how}: in chunks");
        assert!(connection.is_closed(), "{how}: what is left must not be taken for a request");
        let log = server.stop().stderr;
        assert!(log.contains("kind=\"body-too-long\"") || log.contains("the body is longer"), "{how}: {log}");
    }
}

#[test]
fn a_sender_that_stops_halfway_is_answered_in_time() {
    let server = start("axum", &new_inbox(), &["--body-timeout", "1s"]);
    let body = event("payment_intent.succeeded", 1);
    let signature = signed(&[SECRET], unix_now(), body.as_bytes());
    let mut connection = Connection::open(server.address);
    let head = format!("POST /webhook HTTP/1.1\r\nHost: a\r\nStripe-Signature: {signature}\r\n");
    connection.send(format!("{head}Content-Length: {}\r\n\r\n{}", body.len(), &body[..100]));
    assert_eq!(connection.answer().status(), 408);
    assert!(connection.is_closed());
    server.stop();
}

/// A sender that goes on until nothing listens, and what was acknowledged.
fn send_until_refused(to: SocketAddr, numbers: &AtomicUsize) -> Vec<String> {
    let (mut client, mut acknowledged) = (Client::default(), Vec::new());
    let mut was_answered = true;
    loop {
        let number = numbers.fetch_add(1, Ordering::Relaxed) as u64;
        let delivery = Delivery::new("payment_intent.succeeded", number, number, 0);
        match client.post(to, delivery.body.as_bytes()) {
            Ok(told) => {
                was_answered = true;
                acknowledged.extend((told.status == 200).then_some(delivery.id));
            }
            // The first error may be the end of a kept connection.
            Err(_) if was_answered => was_answered = false,
            Err(_) => return acknowledged,
        }
    }
}

#[test]
fn a_shutdown_under_load_loses_nothing_that_was_acknowledged() {
    for how in ["axum", "hyper"] {
        let inbox = new_inbox();
        let server = start(how, &inbox, &[]);
        let held = event("charge.captured", 1);
        assert_eq!(server.post(held.as_bytes()).status(), 200);
        server.process.line_with(Stream::Stdout, "held: ");
        let (address, numbers) = (server.address, Arc::<AtomicUsize>::default());
        let senders: Vec<_> = (0..8)
            .map(|_| {
                let numbers = Arc::clone(&numbers);
                std::thread::spawn(move || send_until_refused(address, &numbers))
            })
            .collect();
        until("there is load", || numbers.load(Ordering::Relaxed) >= 500);
        server.process.signal("TERM");
        let acknowledged: Vec<_> =
            senders.into_iter().flat_map(|sender| sender.join().expect("no panic")).collect();
        match how {
            "axum" => server.process.line_with(Stream::Stderr, "stopping: no new requests"),
            _ => server.process.line_with(Stream::Stdout, "no connection is left"),
        };
        // The run that hangs is cancelled when the drain's time is up; a second signal does not wait for that.
        server.process.signal("TERM");
        server.process.wait().with_code(1);
        let stored = stored(&inbox);
        assert!(acknowledged.len() >= 100, "{how}: {}", acknowledged.len());
        for id in &acknowledged {
            assert!(stored.contains(id), "{how}: {id} was acknowledged");
        }
    }
}

#[test]
fn a_run_that_does_not_end_in_time_is_returned_without_counting() {
    let inbox = new_inbox();
    let server = start("axum", &inbox, &["--drain-timeout", "100ms"]);
    assert_eq!(server.post(event("charge.captured", 1).as_bytes()).status(), 200);
    server.process.line_with(Stream::Stdout, "held: ");
    server.stop();
    let database = Database::open(&inbox).expect("the inbox can be opened");
    let (state, attempt): (i64, i64) = database
        .query_row("SELECT state, attempt FROM inbox_task", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("it is an inbox");
    assert_eq!((state, attempt), (0, 0), "it is ready, as if it had never run");
}

/// The application's own server needs its runtime; the inbox and the end of the process do not.
#[test]
fn a_handler_that_blocks_the_runtime_stops_the_applications_server_and_not_the_inbox() {
    let inbox = new_inbox();
    let mut server = start("axum", &inbox, &["--drain-timeout", "1s"]);
    let post = |seed| {
        let body = event("payout.paid", seed);
        let signature = signed(&[SECRET], unix_now(), body.as_bytes());
        let mut connection = Connection::open(server.address);
        let head = format!("POST /webhook HTTP/1.1\r\nHost: a\r\nStripe-Signature: {signature}\r\n");
        connection.send(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()));
        connection
    };
    let mut first = post(1);
    server.process.line_with(Stream::Stdout, "blocks: ");
    let listed = run(command("axum", &inbox).args(["inbox", "list"])).with_code(0);
    assert!(listed.stdout.contains("payout.paid"), "{listed:#?}");
    let mut second = post(2);
    server.process.tell("open");
    assert_eq!(first.answer().status(), 200);
    server.process.lines(Stream::Stdout, 3);
    server.process.signal("TERM");
    let ended = server.process.wait().with_code(1);
    assert!(
        ended.stderr.contains("the application was still serving 1s after it was asked to stop"),
        "{ended:#?}"
    );
    assert!(!ended.stderr.contains("panicked"), "{ended:#?}");
    // Whether its answer was still sent or not, it is stored.
    second.is_closed();
    assert_eq!(stored(&inbox).len(), 2);
}

#[test]
fn the_commands_are_those_of_any_program() {
    let inbox = new_inbox();
    let server = start("axum", &inbox, &["serve"]);
    assert_eq!(server.post(event("payment_intent.succeeded", 1).as_bytes()).status(), 200);
    server.process.line_with(Stream::Stdout, "paid: ");
    let listed = run(command("axum", &inbox).args(["inbox", "list"])).with_code(0);
    assert!(listed.stdout.contains("mounted::paid"), "{listed:#?}");
    let to = format!("http://{}", server.address);
    let sent = run(command("axum", &inbox).args(["trigger", "payment_intent.succeeded", "--to", &to]));
    assert!(sent.with_code(0).stdout.contains("runs mounted::paid"), "without a path, it is the endpoint's");
    server.stop();
    let handlers = run(command("axum", &inbox).arg("handlers")).with_code(0);
    assert!(handlers.stdout.contains("mounted::held"), "{handlers:#?}");
    let dev =
        Process::start(command("axum", &inbox).args(["dev", "--no-samples", "--listen", "127.0.0.1:0"]));
    dev.line_with(Stream::Stdout, "Listening on http://127.0.0.1:");
    dev.signal("INT");
    let tried = dev.wait().with_code(0);
    assert!(!tried.stdout.contains("serving "), "`dev` has a listener of its own: {tried:#?}");
}

#[test]
fn a_start_reports_everything_that_is_wrong() {
    let inbox = PathBuf::from("/nowhere/inbox.db");
    // Without a command line, nothing names a flag or a command.
    for (how, code, secret) in [("axum", 78, "--secret-file"), ("hyper", 1, "STRIPE_WEBHOOK_SECRET_FILE")] {
        let mut wrong = command(how, &inbox);
        wrong.env_remove("STRIPE_WEBHOOK_SECRET").env("WEBHOOK_LISTEN", "127.0.0.1:0");
        wrong.env("WEBHOOK_PATH", "/hook").env("WEBHOOK_TOLERANCE", "5").env("WEBHOOK_TOLERANSE", "5s");
        let Ended { stderr, .. } = run(&mut wrong).with_code(code);
        for told in [
            "cannot start: 6 problems",
            "no signing secret: without one",
            secret,
            "WEBHOOK_LISTEN is set, but this program receives events through its own server",
            "WEBHOOK_PATH is set",
            "WEBHOOK_TOLERANCE is \"5\": it must be a number and its unit",
            "WEBHOOK_TOLERANSE is set, but there is no such setting: did you mean WEBHOOK_TOLERANCE?",
            "the inbox /nowhere/inbox.db",
        ] {
            assert!(stderr.contains(told), "{how}: {told}: {stderr}");
        }
        let names_a_flag = stderr.replace("--print-secret", "").contains(" --") || stderr.contains(" dev`");
        assert_eq!(names_a_flag, how == "axum", "{how}: {stderr}");
    }
}

#[test]
fn an_inbox_has_one_application_at_a_time() {
    let ended = run(command("twice", &new_inbox()).env("WEBHOOK_DRAIN_TIMEOUT", "0s")).with_code(1);
    let second = "the second: Err(\"cannot start: 1 problem\\n\\n  1. the inbox ";
    assert!(ended.stdout.contains(second), "{ended:#?}");
    assert!(ended.stdout.contains("an inbox has one server; stop that one"), "{ended:#?}");
    assert!(ended.stderr.contains("the third had the inbox to itself"), "{ended:#?}");
}

/// An answer to a signal that comes while the inbox is still another's.
#[test]
fn a_signal_ends_a_start_that_waits() {
    let inbox = new_inbox();
    let first = start("axum", &inbox, &[]);
    let second = Process::start(&mut command("axum", &inbox));
    second.line_with(Stream::Stderr, "waiting for");
    second.signal("TERM");
    second.wait().with_code(0);
    first.stop();
}
