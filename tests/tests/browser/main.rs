//! The dashboard in a real browser: Debian's Chromium, which a script drives.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use product_tests::{
    Postgres, Process, SECRET, Server, Stream, exchange, new_inbox, node_with, program, run, unix_now, until,
};
use serde_json::{Value, json};
use webhook_core::Sample;

const PROGRAM: &str = env!("CARGO_BIN_EXE_dashboard");

/// How many events without a handler there are: more than a page shows.
const CREATED: usize = 60;

/// How many tasks are parked for one reason.
const DISPUTES: usize = 3;

const CUSTOMER: &str = "cus_of_the_browser";
const EMAIL: &str = "jenny.rosen@example.com";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// What a page must show as text: markup, and marks that steer the direction of writing.
const HOSTILE: &str =
    "\"'><script>attacked = 1</script><img src=x onerror=attacked=1>{{7*7}}\u{202e}&lt;\u{200b}";

/// A server with a dashboard.
struct Watched {
    server: Server,
    admin: SocketAddr,
}

impl Watched {
    fn start(inbox: &str, flags: &[&str]) -> Self {
        let mut command = program(PROGRAM);
        command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("WEBHOOK_INBOX", inbox);
        let (server, admin) = Server::with_admin(&mut command, flags);
        Self { server, admin }
    }

    /// Sends an event. Returns its id.
    fn send(&self, event: &Value) -> String {
        let body = event.to_string();
        assert_eq!(self.server.post(body.as_bytes()).status(), 200, "{body}");
        event["id"].as_str().expect("it has an id").to_owned()
    }

    /// Waits until a page of the dashboard contains a text.
    fn shows(&self, path: &str, text: &str) {
        until(&format!("{path} shows {text}"), || {
            exchange(self.admin, "GET", path, &[], b"").body.contains(text)
        });
    }
}

/// Another event on each call.
fn sample(event_type: &str) -> Value {
    static SEED: AtomicU64 = AtomicU64::new(0);
    let seed = SEED.fetch_add(1, Ordering::Relaxed);
    let body = Sample::new(event_type, seed).expect("there is such a type").body(unix_now() as i64);
    serde_json::from_slice(&body).expect("it is JSON")
}

/// An event whose every text is hostile, and one of them long.
fn hostile(event_type: &str, id: &str) -> Value {
    json!({
        "id": id, "object": "event", "type": event_type, "created": 1_790_000_000, "livemode": false,
        "api_version": HOSTILE, "account": format!("acct_{HOSTILE}"),
        "data": { "object": {
            "object": "charge", "id": format!("ch_{HOSTILE}"), "customer": HOSTILE, "description": HOSTILE.repeat(9_000),
            "metadata": { HOSTILE: HOSTILE }, "amount": 100, HOSTILE: [HOSTILE, { HOSTILE: null }],
        } },
    })
}

/// Fills an inbox, and lets the script look at it.
fn look_at(inbox: &str) {
    let watched = Watched::start(inbox, &[]);
    let mut refunded = sample("charge.refunded");
    let charge = &mut refunded["data"]["object"];
    charge["customer"] = json!(CUSTOMER);
    charge["billing_details"]["email"] = json!(EMAIL);
    let object = charge["id"].clone();
    let parked = watched.send(&refunded);
    let skipped: Vec<_> = (0..2).map(|_| watched.send(&sample("charge.refunded"))).collect();
    let done = watched.send(&sample("payout.paid"));
    let waiting = watched.send(&sample("charge.captured"));
    (0..DISPUTES).for_each(|_| _ = watched.send(&sample("charge.dispute.created")));
    (0..CREATED).for_each(|_| _ = watched.send(&sample("customer.created")));
    let hostile_id = watched.send(&hostile("charge.refunded", "evt_hostile"));
    // Ids and types are checked: these are not events.
    watched.send(&hostile(&format!("charge.{HOSTILE}"), "evt_of_a_hostile_type"));
    watched.send(&hostile("charge.refunded", &format!("evt_{HOSTILE}")));
    for (path, text) in [
        (format!("/event?id={waiting}"), "the stock is being counted"),
        (format!("/event?id={done}"), "state done"),
        ("/parked".to_owned(), "Retry or skip all 3…"),
        ("/parked".to_owned(), "Retry or skip all 4…"),
    ] {
        watched.shows(&path, text);
    }
    let token = new_inbox().with_file_name("token");
    fs::write(&token, TOKEN).expect("the target folder can be written to");
    let token = token.display().to_string();
    let guarded = Watched::start(
        &new_inbox().display().to_string(),
        &["--admin-token-file", &token, "--admin-read-only"],
    );
    let fixture = json!({
        "url": format!("http://{}", watched.admin),
        "guarded": { "url": format!("http://{}", guarded.admin), "token": TOKEN },
        "events": { "parked": parked, "done": done, "waiting": waiting, "hostile": hostile_id, "skipped": skipped },
        "object": object, "customer": CUSTOMER, "email": EMAIL, "created": CREATED, "disputes": DISPUTES,
    });
    run_script("dashboard.mjs", &fixture);
    for watched in [watched, guarded] {
        watched.server.stop();
    }
}

/// Runs one of the scripts.
fn run_script(name: &str, fixture: &Value) {
    let mut node = node_with(&Path::new(env!("CARGO_MANIFEST_DIR")).join("browser"), "npm-browser");
    node.args(["--test-reporter=spec", name]);
    node.env("FIXTURE", fixture.to_string()).env("CHROMIUM", chromium());
    let ended = run(&mut node);
    println!("{}", ended.stdout);
    ended.with_code(0);
}

/// The path of the browser.
fn chromium() -> PathBuf {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&paths)
        .flat_map(|folder| ["chromium", "google-chrome"].map(|name| folder.join(name)));
    found.find(|path| path.exists()).expect("this test needs Chromium: install Debian's `chromium`")
}

#[test]
fn an_operator_works_with_the_dashboard_of_a_file() {
    look_at(&new_inbox().display().to_string());
}

#[test]
fn an_operator_works_with_the_dashboard_of_postgres() {
    let postgres = Postgres::start();
    look_at(&postgres.url());
}

#[test]
fn a_newcomer_works_with_the_pages_of_dev() {
    let arguments = ["dev", "--no-samples", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let process = Process::start(program(PROGRAM).args(arguments));
    let url = process.line(Stream::Stdout, |line| line.strip_prefix("Dashboard on ").map(str::to_owned));
    run_script("dev.mjs", &json!({ "url": url }));
    process.signal("TERM");
    process.wait().with_code(0);
}
