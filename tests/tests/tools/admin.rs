//! The admin pages of a real server.

use std::net::{SocketAddr, TcpListener};

use product_tests::{
    Answer, SECRET, Server, exchange, new_inbox, program, run, send, signed, unix_now, until,
};

use crate::metrics::read;

/// A server with admin pages.
struct Watched {
    server: Server,
    admin: SocketAddr,
}

fn outcomes() -> std::process::Command {
    let mut command = program(env!("CARGO_BIN_EXE_outcomes"));
    command.env("STRIPE_WEBHOOK_SECRET", SECRET);
    command
}

impl Watched {
    fn start(flags: &[&str]) -> Self {
        let (server, admin) = Server::with_admin(&mut outcomes(), flags);
        Self { server, admin }
    }

    fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        exchange(self.admin, "GET", path, &headers, b"")
    }
}

#[test]
fn a_server_shows_what_it_received() {
    let watched = Watched::start(&[]);
    assert_eq!(watched.get("/readyz", &[]).status(), 200);
    let body = br#"{"id":"evt_1","object":"event","type":"invoice.paid","created":1790000000,"livemode":false,
        "api_version":"2026-10-28.endive","data":{"object":{"object":"invoice","id":"in_1","customer":"cus_1"}}}"#;
    assert_eq!(watched.server.post(body).status(), 200);
    assert_eq!(
        send(watched.server.address, &signed(&[SECRET], unix_now() - 4_000, body), body).status(),
        400
    );
    let events = watched.get("/events", &[]).body;
    assert!(events.contains("evt_1") && events.contains("in_1"), "{events}");
    let event = watched.get("/event?id=evt_1", &[]).body;
    assert!(event.contains("cus_1") && event.contains("invoice.paid"), "{event}");
    // The number is known when the answer is.
    until("both deliveries are counted", || {
        let found = read(&watched.get("/metrics", &[]).body);
        let samples = found["stripe_webhook_deliveries"]["samples"].as_array().expect("it is a list").clone();
        samples.iter().filter(|sample| sample[0] == "stripe_webhook_deliveries_total").count() == 2
    });
    watched.server.stop();
}

#[test]
fn a_token_is_asked_for_and_never_shown() {
    let token = "0123456789abcdef0123456789abcdef";
    let file = new_inbox().with_file_name("token");
    std::fs::write(&file, format!("{token}\n")).expect("the target folder can be written to");
    let watched = Watched::start(&["--admin-token-file", &file.display().to_string()]);
    assert_eq!(watched.get("/events", &[]).status(), 401);
    assert_eq!(watched.get("/healthz", &[]).status(), 200);
    let bearer = format!("Bearer {token}");
    assert_eq!(watched.get("/events", &[("Authorization", &bearer)]).status(), 200);
    assert_eq!(watched.get(&format!("/events?token={token}"), &[]).status(), 200);
    let ended = watched.server.stop();
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
