//! The admin pages of a real server.

use std::net::{SocketAddr, TcpListener};

use product_tests::{
    Answer, Process, SECRET, Stream, exchange, new_inbox, program, run, send, signed, unix_now, until,
};

use crate::metrics::read;

/// A server with admin pages.
struct Server {
    process: Process,
    receiving: SocketAddr,
    admin: SocketAddr,
}

fn outcomes() -> std::process::Command {
    let mut command = program(env!("CARGO_BIN_EXE_outcomes"));
    command.env("STRIPE_WEBHOOK_SECRET", SECRET);
    command
}

impl Server {
    fn start(flags: &[&str]) -> Self {
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
        let process = Process::start(outcomes().args(arguments).args(flags));
        let found = process.line_or_end(Stream::Stderr, |line| {
            let after = |mark: &str| line.split_once(mark)?.1.split(['"', '/']).next()?.parse().ok();
            Some((after("listening url=\"http://")?, after("admin=\"http://")?))
        });
        let (receiving, admin) = found.expect("it says where it listens");
        Self { process, receiving, admin }
    }

    fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        exchange(self.admin, "GET", path, &headers, b"")
    }
}

#[test]
fn a_server_shows_what_it_received() {
    let server = Server::start(&[]);
    assert_eq!(server.get("/readyz", &[]).status(), 200);
    let body = br#"{"id":"evt_1","object":"event","type":"invoice.paid","created":1790000000,"livemode":false,
        "api_version":"2026-10-28.endive","data":{"object":{"object":"invoice","id":"in_1","customer":"cus_1"}}}"#;
    assert_eq!(send(server.receiving, &signed(&[SECRET], unix_now(), body), body).status(), 200);
    assert_eq!(send(server.receiving, &signed(&[SECRET], unix_now() - 4_000, body), body).status(), 400);
    let events = server.get("/events", &[]).body;
    assert!(events.contains("evt_1") && events.contains("in_1"), "{events}");
    let event = server.get("/event?id=evt_1", &[]).body;
    assert!(event.contains("cus_1") && event.contains("invoice.paid"), "{event}");
    // The number is known when the answer is.
    until("both deliveries are counted", || {
        let found = read(&server.get("/metrics", &[]).body);
        let samples = found["stripe_webhook_deliveries"]["samples"].as_array().expect("it is a list").clone();
        samples.iter().filter(|sample| sample[0] == "stripe_webhook_deliveries_total").count() == 2
    });
    server.process.signal("TERM");
    server.process.wait().with_code(0);
}

#[test]
fn a_token_is_asked_for_and_never_shown() {
    let token = "0123456789abcdef0123456789abcdef";
    let file = new_inbox().with_file_name("token");
    std::fs::write(&file, format!("{token}\n")).expect("the target folder can be written to");
    let server = Server::start(&["--admin-token-file", &file.display().to_string()]);
    assert_eq!(server.get("/events", &[]).status(), 401);
    assert_eq!(server.get("/healthz", &[]).status(), 200);
    let bearer = format!("Bearer {token}");
    assert_eq!(server.get("/events", &[("Authorization", &bearer)]).status(), 200);
    assert_eq!(server.get(&format!("/events?token={token}"), &[]).status(), 200);
    server.process.signal("TERM");
    let ended = server.process.wait().with_code(0);
    assert!(!ended.stderr.contains(token) && !ended.stdout.contains(token), "{ended:#?}");
}

#[test]
fn what_is_wrong_with_the_admin_pages_stops_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let taken = taken.local_addr().expect("it listens").to_string();
    let short = new_inbox().with_file_name("token");
    std::fs::write(&short, "short").expect("the target folder can be written to");
    let short = short.display().to_string();
    for (flags, told) in [
        (&["--admin", &*taken][..], "choose another address with --admin (or WEBHOOK_ADMIN)"),
        (&["--admin", "0.0.0.0:0"], "unless `admin-token-file` is set"),
        (&["--admin", "here"], "or off"),
        (
            &["--admin-url", "ops.example.com", "--admin-token-file", "/nowhere"],
            "such as https://ops.example.com/webhooks",
        ),
        (&["--admin-url", "https://ops.example.com"], "given together with `admin-token-file`"),
        (&["--admin", "127.0.0.1:0", "--admin-token-file", &short], "has fewer than 16 characters"),
        (&["--admin", "127.0.0.1:0", "--admin-token-file", "/nowhere"], "cannot read the token"),
    ] {
        let ended = run(outcomes().args(["serve", "--listen", "127.0.0.1:0"]).args(flags)).with_code(78);
        assert!(ended.stderr.contains(told), "{flags:?}: {}", ended.stderr);
    }
}
