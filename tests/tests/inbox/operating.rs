//! The commands `inbox` and `replay`, on an inbox that a server has, and on one that none has.

use std::path::{Path, PathBuf};
use std::process::Command;

use product_tests::{Ended, SECRET, Server, Stream, new_inbox, program, run, run_in_terminal, until};
use rusqlite::Connection as Database;
use serde_json::{Value, json};
use webhook_core::Sample;

const PROGRAM: &str = env!("CARGO_BIN_EXE_operated");

/// A body that is not text.
const NOT_TEXT: &[u8] = b"\\\xff\ra";

/// An inbox, and what is in it.
struct Fixture {
    inbox: PathBuf,
    server: Option<Server>,
    /// Done by two handlers.
    paid: String,
    paid_body: String,
    /// Parked. Of a connected account, and about a charge of a customer.
    refunded: String,
    refunded_object: String,
    /// Waits for an hour.
    captured: String,
    /// Has no handler.
    created: String,
}

impl Fixture {
    /// Has a server take four events and two bodies that are none.
    #[track_caller]
    fn new() -> Self {
        let inbox = new_inbox();
        let server = Server::from_command(&mut serving(&inbox), &[]);
        // As Stripe might send them: neither may be lost on the way to the operator.
        let paid_body = event("payout.paid").replacen(
            '{',
            "{\n  \"note\": \"\u{7f}\u{9b}31m ü\",\r\n\t\"numbers\": [100.00e-2, 12345678901234567890123],",
            1,
        );
        let refunded_body = of_customer("charge.refunded", "cus_of_refunded").replacen(
            '{',
            "{\"account\":\"acct_of_refunded\",",
            1,
        );
        let refunded: Value = serde_json::from_str(&refunded_body).expect("it is JSON");
        let refunded_object = refunded["data"]["object"]["id"].as_str().expect("it has an id").to_owned();
        let mut ids = Vec::new();
        for (body, logged) in [
            (paid_body.clone(), "handler=\"operated::booked\""),
            (refunded_body, "task parked"),
            (event("charge.captured"), "again_in="),
            (event("customer.created"), "tasks=0"),
        ] {
            assert_eq!(server.post(body.as_bytes()).status(), 200);
            server.process.line_with(Stream::Stderr, logged);
            let parsed: Value = serde_json::from_str(&body).expect("it is JSON");
            ids.push(parsed["id"].as_str().expect("it has an id").to_owned());
        }
        server.process.line_with(Stream::Stderr, "handler=\"operated::paid\"");
        assert_eq!(server.post(paid_body.replace("31m", "32m").as_bytes()).status(), 200);
        for body in [b"no \x1b[2J event", NOT_TEXT] {
            assert_eq!(server.post(body).status(), 200);
        }
        let [paid, refunded, captured, created] = ids.try_into().expect("there are four");
        let server = Some(server);
        Self { inbox, server, paid, paid_body, refunded, refunded_object, captured, created }
    }

    #[track_caller]
    fn stop(&mut self) {
        self.server.take().expect("it runs").stop();
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Ended {
        run(command(&self.inbox).args(arguments))
    }

    #[track_caller]
    fn text(&self, arguments: &[&str]) -> String {
        self.run(arguments).with_code(0).stdout
    }

    /// What a command writes with `--format json`.
    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let written = self.run(&[arguments, &["--format", "json"]].concat()).with_code(0);
        serde_json::from_str(&written.stdout).unwrap_or_else(|error| panic!("{error}: {written:#?}"))
    }

    /// The state of a handler's task.
    #[track_caller]
    fn state(&self, id: &str, handler: &str) -> String {
        let rows = self.json(&["inbox", "list", id, "--handler", handler]);
        rows[0]["state"].as_str().expect("there is such a task").to_owned()
    }

    /// Everything that an operator sees.
    #[track_caller]
    fn all(&self) -> Value {
        let stats = self.json(&["inbox", "stats"]);
        json!([self.json(&["inbox", "list"]), stats["handlers"], stats["events"], stats["quarantined"]])
    }
}

fn command(inbox: &Path) -> Command {
    let mut command = program(PROGRAM);
    command.env("WEBHOOK_INBOX", inbox);
    command
}

fn serving(inbox: &Path) -> Command {
    let mut command = command(inbox);
    command.env("STRIPE_WEBHOOK_SECRET", SECRET);
    command
}

/// A sample of a seed of its own, so that no two types are about one object.
fn sample(event_type: &str) -> Sample {
    let seed = event_type.bytes().fold(0_u64, |seed, byte| seed.wrapping_mul(31) + u64::from(byte));
    Sample::new(event_type, seed).expect("there is such a type")
}

fn event(event_type: &str) -> String {
    let body = sample(event_type).body(1_700_000_000);
    String::from_utf8(body).expect("JSON is UTF-8")
}

fn of_customer(event_type: &str, customer: &str) -> String {
    let mut sample = sample(event_type);
    sample.set("customer", customer).expect("it has a customer");
    String::from_utf8(sample.body(1_700_000_000)).expect("JSON is UTF-8")
}

/// Does the same while the server runs and when it was stopped.
#[track_caller]
fn in_both_ways(check: impl Fn(&Fixture)) {
    let mut fixture = Fixture::new();
    check(&fixture);
    fixture.stop();
    check(&fixture);
}

#[track_caller]
fn rows(value: &Value) -> &[Value] {
    value.as_array().expect("it is a list")
}

/// What would steer a terminal.
fn steers(text: &str) -> bool {
    text.chars().any(|char| char.is_control() && char != '\n')
}

#[test]
fn list_shows_tasks_and_filters_them() {
    in_both_ways(|fixture| {
        let all = fixture.json(&["inbox", "list"]);
        let ids: Vec<_> = rows(&all).iter().map(|row| row["event_id"].as_str().expect("a text")).collect();
        assert_eq!(ids, [&fixture.captured, &fixture.refunded, &fixture.paid, &fixture.paid], "newest first");
        let parked = &all[1];
        assert_eq!(
            (&parked["state"], &parked["why"], &parked["attempt"], &parked["handler"], &parked["event_type"]),
            (
                &json!("parked"),
                &json!("asked"),
                &json!(1),
                &json!("operated::refunded"),
                &json!("charge.refunded")
            )
        );
        assert_eq!(parked["error"], "who refunds \u{1b}[2J\u{9b}31m\nthis?", "whole");
        assert!(parked["received_ms"].is_i64() && parked["finished_ms"].is_i64(), "{parked}");
        assert!(all[0]["due_ms"].as_i64() > all[0]["received_ms"].as_i64(), "{all}");
        for (filter, count) in [
            (&["--state", "done"][..], 2),
            (&["--state", "blocked"], 0),
            (&["--why", "asked"], 1),
            (&["--why", "poison"], 0),
            (&["--type", "payout.paid"], 2),
            (&["--type", "charge.*"], 2),
            (&["--type", "charge.*", "--state", "ready"], 1),
            (&["--handler", "operated::paid"], 1),
            (&["--since", "1h"], 4),
            (&["--since", "2020-01-31"], 4),
            (&["--since", "2020-01-31T10:00:00Z"], 4),
            (&["--since", "2020-01-31 10:00:00"], 4),
            (&["--since", "2999-01-31"], 0),
            (&[&fixture.paid, &fixture.refunded], 3),
            (&["--object", &fixture.refunded_object], 1),
            (&["--object", "ch_unknown"], 0),
            (&["--customer", "cus_of_refunded"], 1),
            (&["--customer", "cus_of_nobody"], 0),
            (&["--account", "acct_of_refunded"], 1),
            (&["--account", "acct_of_refunded", "--type", "payout.paid"], 0),
            (&["--limit", "4"], 4),
        ] {
            let found = fixture.json(&[&["inbox", "list"], filter].concat());
            assert_eq!(rows(&found).len(), count, "{filter:?}: {found}");
        }
        let table = fixture.text(&["inbox", "list"]);
        for cell in ["EVENT", &fixture.refunded, "operated::refunded", "parked", "asked", "who refunds"] {
            assert!(table.contains(cell), "{cell}: {table}");
        }
        assert_eq!(table.lines().count(), 5, "{table}");
        let cut = fixture.run(&["inbox", "list", "--limit", "3"]).with_code(0);
        assert!(cut.stderr.contains("there are more") && !cut.stderr.contains("error"), "{cut:#?}");
        assert_eq!(cut.stdout.lines().count(), 4, "{cut:#?}");
        assert_eq!(fixture.run(&["inbox", "list", "--limit", "4"]).with_code(0).stderr, "");
        assert!(fixture.text(&["inbox", "list", "--state", "blocked"]).contains("No matching tasks."));
    });
}

#[test]
fn nothing_that_others_worded_steers_a_terminal() {
    in_both_ways(|fixture| {
        for arguments in [&["list"][..], &["list", "--quarantine"], &["show", &fixture.refunded]] {
            for format in ["table", "json"] {
                let text = fixture.text(&[&["inbox"], arguments, &["--format", format]].concat());
                assert!(!steers(&text), "{text:?}");
            }
        }
    });
}

#[test]
fn what_is_in_quarantine_is_shown() {
    in_both_ways(|fixture| {
        let listed = fixture.json(&["inbox", "list", "--quarantine"]);
        assert_eq!(rows(&listed).len(), 2, "{listed}");
        let reason = listed[1]["reason"].as_str().expect("a text");
        assert_eq!((&listed[1]["bytes"], &listed[0]["bytes"]), (&json!(13), &json!(4)), "{listed}");
        let numbers = [0, 1].map(|at: usize| listed[at]["id"].to_string());
        let table = fixture.text(&["inbox", "list", "--quarantine"]);
        for (line, number) in table.lines().skip(1).zip(&numbers) {
            assert!(line.starts_with(&format!("{number} ")), "{table}");
        }
        let [bytes, text] = &numbers;
        let shown = fixture.text(&["inbox", "show", text]);
        assert!(shown.contains(reason) && shown.contains("13 bytes") && !shown.contains("[2J"), "{shown}");
        let shown = fixture.json(&["inbox", "show", text]);
        assert_eq!((&shown["body"], &shown["id"]), (&json!("no \u{1b}[2J event"), &listed[1]["id"]));
        assert_eq!(fixture.json(&["inbox", "show", bytes])["body"], json!(NOT_TEXT));
        // Byte for byte into a pipe, and harmless in a terminal.
        let show = |number: &str| {
            let mut show = command(&fixture.inbox);
            show.args(["inbox", "show", number, "--body"]);
            show
        };
        assert_eq!(show(text).output().expect("it starts").stdout, b"no \x1b[2J event");
        assert_eq!(show(bytes).output().expect("it starts").stdout, NOT_TEXT);
        for (number, escaped) in [(text, r"no \x1b[2J event"), (bytes, r"\\\xff\x0da")] {
            let written = run_in_terminal(&mut show(number), 80);
            assert_eq!(written.lines().next(), Some(escaped), "{written}");
            assert!(written.contains("is escaped here") && !steers(&written), "{written}");
        }
        for unknown in ["17", "-1", "99999999999999999999"] {
            let refused = fixture.run(&["inbox", "show", "--", unknown]).with_code(1);
            assert!(refused.stderr.contains(unknown), "{refused:#?}");
        }
    });
}

#[test]
fn show_tells_all_of_an_event() {
    in_both_ways(|fixture| {
        let text = fixture.text(&["inbox", "show", &fixture.refunded]);
        for told in [
            &fixture.refunded,
            "charge.refunded",
            "operated::refunded",
            "parked",
            "who refunds",
            "this?",
            "attempt 1 parked",
        ] {
            assert!(text.contains(told), "{told}: {text}");
        }
        let attempts = &fixture.json(&["inbox", "show", &fixture.refunded])["attempts"];
        assert_eq!((rows(attempts).len(), &attempts[0]["outcome"]), (1, &json!("parked")), "{attempts}");
        let shown = fixture.json(&["inbox", "show", &fixture.paid]);
        assert_eq!(shown["event"]["event_id"], *fixture.paid);
        assert_eq!(
            (&shown["event"]["deliveries"], &shown["event"]["changed_bodies"]),
            (&json!(2), &json!(1))
        );
        assert_eq!(rows(&shown["tasks"]).len(), 2);
        // A value, not a text that holds one; and exactly the one that was sent.
        assert_eq!(shown["body"]["data"]["object"]["object"], "payout");
        assert_eq!(shown["body"]["note"], "\u{7f}\u{9b}31m ü");
        let text = fixture.text(&["inbox", "show", &fixture.paid, "--format", "json"]);
        assert!(text.contains("100.00e-2") && text.contains("12345678901234567890123"), "{text}");
        let unkept = fixture.json(&["inbox", "show", &fixture.created]);
        assert!(unkept["body"].is_null() && unkept.get("body").is_some(), "{unkept}");
        // Byte for byte, also what a terminal would not show.
        assert_eq!(fixture.text(&["inbox", "show", &fixture.paid, "--body"]), fixture.paid_body);
        let unkept = fixture.run(&["inbox", "show", &fixture.created, "--body"]).with_code(1);
        assert!(unkept.stderr.contains("stored") && unkept.stdout.is_empty(), "{unkept:#?}");
        let unknown = fixture.run(&["inbox", "show", "evt_unknown"]).with_code(1);
        assert!(unknown.stderr.contains("evt_unknown"), "{unknown:#?}");
    });
}

#[test]
fn stats_count() {
    in_both_ways(|fixture| {
        let stats = fixture.json(&["inbox", "stats"]);
        let handlers = json!([
            { "handler": "operated::booked", "state": "done", "why": null, "tasks": 1 },
            { "handler": "operated::captured", "state": "ready", "why": null, "tasks": 1 },
            { "handler": "operated::paid", "state": "done", "why": null, "tasks": 1 },
            { "handler": "operated::refunded", "state": "parked", "why": "asked", "tasks": 1 },
        ]);
        let used = stats["secrets"][0].clone();
        assert!(used["endpoint"] == "/webhook" && used["last_used_ms"].is_u64(), "{stats}");
        assert_eq!(used["secret"].as_str().map(str::len), Some(8), "a label of eight digits: {stats}");
        assert_eq!(used["secret"], used["fingerprint"], "it has no label: {stats}");
        let expected = json!({
            "events": 4, "unhandled": 1, "duplicates": 1, "changed_bodies": 1, "quarantined": 2,
            "oldest_due_ms": null, "handlers": handlers, "secrets": [used], "is_estimated": false,
        });
        assert_eq!(stats, expected);
        let table = fixture.text(&["inbox", "stats"]);
        for told in ["events", "duplicates", "quarantine", "operated::refunded", "parked"] {
            assert!(table.contains(told), "{told}: {table}");
        }
    });
}

#[test]
fn retry_runs_a_parked_task_again() {
    let mut fixture = Fixture::new();
    let before = fixture.json(&["inbox", "list", &fixture.refunded]);
    let retried = fixture.run(&["inbox", "retry", &fixture.refunded]).with_code(0);
    assert!(
        retried.stdout.contains('1') && !retried.stdout.contains("when the server starts"),
        "{retried:#?}"
    );
    until("the server has run it again", || {
        let row = fixture.json(&["inbox", "list", &fixture.refunded]);
        row[0]["state"] == "parked" && row[0]["finished_ms"] != before[0]["finished_ms"]
    });
    let ran = format!("not refunded: {} attempt=1", fixture.refunded);
    let stopped = fixture.server.take().expect("it runs").stop();
    assert_eq!(stopped.stdout.matches(&ran).count(), 2, "all its attempts were before it: {stopped:#?}");

    let later = fixture.run(&["inbox", "retry", "--why", "asked"]).with_code(0);
    assert!(later.stdout.contains("when the server starts"), "{later:#?}");
    assert_eq!(fixture.state(&fixture.refunded, "operated::refunded"), "ready");
    let repaired = Server::from_command(serving(&fixture.inbox).env("OPERATED_REPAIRED", "1"), &[]);
    repaired.process.line_with(Stream::Stdout, &format!("refunded: {} attempt=1", fixture.refunded));
    until("it is done", || fixture.state(&fixture.refunded, "operated::refunded") == "done");
    // What waits for an hour is not parked, and the command says where it is.
    let none = fixture.run(&["inbox", "retry", "--handler", "operated::captured"]).with_code(0);
    assert!(none.stderr.contains("no parked task matches; ready: 1"), "{none:#?}");
    fixture.text(&["inbox", "retry", "--handler", "operated::captured", "--state", "ready"]);
    until("it ran a second time", || {
        let row = fixture.json(&["inbox", "list", &fixture.captured]);
        row[0]["state"] == "ready" && row[0]["attempt"] == 1
    });
    assert_eq!(repaired.stop().stderr.matches("again_in=").count(), 1);
}

#[test]
fn skip_gives_tasks_up() {
    in_both_ways(|fixture| {
        let reason = "settled by\u{1b} hand";
        let all = fixture.json(&["inbox", "list", "--state", "parked"]);
        let done = fixture.json(&["inbox", "skip", "--type", "charge.refunded", "--reason", reason]);
        assert_eq!(done["tasks"], rows(&all).len(), "{done}");
        let row = fixture.json(&["inbox", "list", &fixture.refunded]);
        assert_eq!((&row[0]["state"], &row[0]["error"]), (&json!("skipped"), &json!(reason)));
        let again = fixture.text(&["inbox", "skip", &fixture.refunded]);
        assert_eq!(again, "0 skipped: 1 task was already skipped\n");
    });
}

#[test]
fn what_is_done_is_not_steered_and_a_dry_run_changes_nothing() {
    in_both_ways(|fixture| {
        let before = fixture.all();
        let id = &*fixture.refunded;
        for arguments in [
            &["inbox", "retry", id, "--dry-run"][..],
            &["inbox", "skip", "--all", "--dry-run"],
            &["replay", &fixture.paid, "--dry-run"],
            &["replay", "--since", "1h", "--dry-run"],
            &["inbox", "retry", &fixture.paid],
            &["inbox", "skip", &fixture.paid],
            &["inbox", "skip", "--state", "blocked", "--all"],
        ] {
            let told = fixture.text(arguments);
            assert!(!told.is_empty(), "{arguments:?}");
            fixture.json(arguments);
        }
        assert!(fixture.text(&["inbox", "retry", id, "--dry-run"]).contains(id));
        assert_eq!(fixture.text(&["inbox", "skip", &fixture.paid]), "0 skipped: 2 tasks were already done\n");
        let retried = fixture.text(&["inbox", "retry", &fixture.paid]);
        assert!(
            retried.ends_with(": 2 tasks were already done; `replay` runs handlers again\n"),
            "{retried}"
        );
        let none = fixture.run(&["inbox", "skip", "--handler", "operated::paid"]).with_code(0);
        assert!(none.stderr.contains("no parked task matches; done: 1\n"), "{none:#?}");
        let broad = fixture.run(&["inbox", "skip", "--state", "blocked", "--all"]).with_code(0);
        assert!(!broad.stderr.contains("done"), "{broad:#?}");
        assert!(fixture.text(&["replay", "--type", "payout.paid", "--dry-run"]).contains(&fixture.paid));
        for arguments in [&["inbox", "retry"][..], &["inbox", "skip"], &["replay"]] {
            assert!(matches!(fixture.run(arguments).code, Some(1 | 2)), "{arguments:?}: which?");
        }
        for command in ["retry", "skip"] {
            let refused = fixture.run(&["inbox", command, "--state", "done", "--all"]).with_code(2);
            assert!(refused.stderr.contains("parked, ready, blocked"), "{refused:#?}");
        }
        assert_eq!(fixture.all(), before);
    });
}

#[test]
fn replay_runs_handlers_again() {
    let mut fixture = Fixture::new();
    let server = fixture.server.as_ref().expect("it runs");
    fixture.text(&["replay", &fixture.paid, "--handler", "operated::booked"]);
    let again = format!("booked: {} replay=true", fixture.paid);
    server.process.line_with(Stream::Stdout, &again);
    until("it is done", || fixture.state(&fixture.paid, "operated::booked") == "done");
    let stopped = fixture.server.take().expect("it runs").stop();
    assert_eq!(stopped.stdout.matches("paid: ").count(), 1, "the other handler is left alone: {stopped:#?}");

    let told = fixture.text(&["replay", "--type", "payout.*"]);
    assert!(told.contains("when the server starts"), "{told}");
    assert_eq!(fixture.state(&fixture.paid, "operated::paid"), "ready");
    let server = Server::from_command(&mut serving(&fixture.inbox), &[]);
    server.process.line_with(Stream::Stdout, &again);
    server.process.line_with(Stream::Stdout, &format!("paid: {} replay=true", fixture.paid));
    fixture.server = Some(server);
    until("both are done", || {
        ["operated::paid", "operated::booked"].iter().all(|of| fixture.state(&fixture.paid, of) == "done")
    });
}

#[test]
fn replay_says_what_it_cannot_do() {
    in_both_ways(|fixture| {
        let unknown =
            fixture.run(&["replay", &fixture.created, "evt_unknown", "--format", "json"]).with_code(1);
        assert!(unknown.stderr.contains("evt_unknown"), "{unknown:#?}");
        let report: Value = serde_json::from_str(&unknown.stdout).expect("it is JSON");
        assert_eq!(report["unknown"], json!(["evt_unknown"]));
        assert_eq!((&report["tasks"], &report["without_body"]), (&json!(0), &json!([fixture.created])));
        for (arguments, reason) in [
            (&["replay", &fixture.paid, "--handler", "operated::payd"][..], "did you mean `operated::paid`"),
            (&["replay", &fixture.paid, "--handler", "elsewhere"], "`handlers`"),
            (&["replay", "--type", "payout.payd"], "did you mean `payout.paid`"),
            (&["replay", "--since", "yesterday"], "2h"),
            (&["replay", "--since", "2020-01-31T10:00:00+02:00"], "a time in UTC"),
            (&["inbox", "list", "--handler", "operated::payd"], "did you mean `operated::paid`"),
            (&["inbox", "list", "evt_unknown"], "evt_unknown"),
            (&["inbox", "export", "evt_unknown"], "evt_unknown"),
            (&["inbox", "retry", "evt_unknown"], "evt_unknown"),
            (&["inbox", "skip", "evt_unknown", &fixture.paid], "evt_unknown"),
        ] {
            let refused = fixture.run(arguments);
            assert!(matches!(refused.code, Some(1 | 2)), "{arguments:?}: {refused:#?}");
            assert!(refused.stderr.contains(reason), "{arguments:?}: {refused:#?}");
        }
    });
}

#[test]
fn a_type_that_is_newer_than_the_catalog_can_be_named_once_it_is_stored() {
    let fixture = Fixture::new();
    let dry_run = |event_type| fixture.run(&["replay", "--type", event_type, "--dry-run"]);
    assert!(dry_run("gift.wrapped").with_code(1).stderr.contains("`gift.wrapped`"));
    let server = fixture.server.as_ref().expect("it runs");
    let body = event("customer.created").replace("customer.created", "gift.wrapped");
    let body = body.replacen(&fixture.created, "evt_newer", 1);
    assert_eq!(server.post(body.as_bytes()).status(), 200);
    for event_type in ["gift.wrapped", "gift.*"] {
        assert!(fixture.text(&["inbox", "export", "--type", event_type]).contains("evt_newer"));
        // No handler takes it.
        assert_eq!(dry_run(event_type).with_code(0).stdout, "0 of 0 events would be replayed\n");
    }
    for selection in [["--customer", "cus_of_refunded"], ["--object", &fixture.refunded_object]] {
        let told = fixture.text(&["replay", selection[0], selection[1], "--dry-run"]);
        assert!(told.contains(&fixture.refunded) && told.contains("1 of 1 events"), "{told}");
    }
    let named = fixture.text(&["replay", "evt_newer", "--dry-run"]);
    assert_eq!(named, "evt_newer  gift.wrapped  its body is not stored\n0 of 1 events would be replayed\n");
}

#[test]
fn prune_frees_what_was_kept_long_enough() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.json(&["inbox", "prune"])["bodies"], 0);
    fixture.stop();
    // Long done.
    Database::open(&fixture.inbox)
        .and_then(|database| {
            database.execute_batch(
                "UPDATE inbox_event SET received_ms = received_ms - 864000000;
                 UPDATE inbox_task SET finished_ms = finished_ms - 864000000",
            )
        })
        .expect("the inbox can be written");
    // The server's settings are in the environment: without it, its bodies are kept as long.
    let kept = run(command(&fixture.inbox)
        .args(["inbox", "prune", "--format", "json"])
        .env("WEBHOOK_KEEP_BODIES", "20days"));
    let kept: Value = serde_json::from_str(&kept.with_code(0).stdout).expect("it is JSON");
    assert_eq!(kept["bodies"], 0, "{kept}");
    let told = fixture.text(&["inbox", "prune"]);
    assert!(told.contains('1'), "{told}");
    let gone = fixture.run(&["inbox", "show", &fixture.paid, "--body"]).with_code(1);
    assert!(gone.stderr.contains("stored"), "{gone:#?}");
    assert_eq!(fixture.json(&["replay", &fixture.paid])["without_body"], json!([fixture.paid]));
}

#[test]
fn export_writes_a_line_for_each_event() {
    in_both_ways(|fixture| {
        let lines: Vec<Value> = fixture
            .text(&["inbox", "export"])
            .lines()
            .map(|line| serde_json::from_str(line).expect("each line is JSON"))
            .collect();
        assert_eq!(lines.len(), 4);
        let paid = lines.iter().find(|line| line["event"]["event_id"] == *fixture.paid).expect("it is there");
        let sent: Value = serde_json::from_str(&fixture.paid_body).expect("it is JSON");
        assert_eq!(paid["body"], sent);
        assert_eq!(rows(&paid["tasks"]).len(), 2);
        for filter in [
            &["--type", "charge.refunded"][..],
            &["--object", &fixture.refunded_object],
            &["--customer", "cus_of_refunded"],
            &["--account", "acct_of_refunded"],
            &["--handler", "operated::refunded"],
            &["--why", "asked"],
            &[&fixture.refunded],
        ] {
            let one = fixture.text(&[&["inbox", "export"], filter].concat());
            assert!(one.lines().count() == 1 && one.contains(&fixture.refunded), "{filter:?}: {one}");
        }
        assert_eq!(fixture.text(&["inbox", "export", "--type", "payout.*", "--why", "asked"]), "");

        let out = new_inbox().with_file_name("events.jsonl");
        let path = out.to_str().expect("it is text");
        fixture.text(&["inbox", "export", &fixture.paid, "--out", path]);
        let written = std::fs::read_to_string(&out).expect("it was written");
        assert!(written.lines().count() == 1 && written.ends_with('\n'), "{written}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&out).expect("it is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{mode:o}");
        }
    });
}

#[test]
fn an_inbox_that_cannot_be_reached_is_not_made() {
    let missing = new_inbox();
    let folder = missing.parent().expect("it is in a folder");
    for arguments in [&["inbox", "list"][..], &["inbox", "prune"], &["replay", "evt_1"], &["inbox", "stats"]]
    {
        let refused = run(command(&missing).args(arguments)).with_code(1);
        assert!(refused.stderr.contains("there is no inbox"), "{refused:#?}");
        assert_eq!(
            std::fs::read_dir(folder).expect("it is there").count(),
            0,
            "{arguments:?} made something"
        );
    }
    std::fs::write(&missing, "").expect("the folder is there");
    let empty = run(command(&missing).args(["inbox", "list"])).with_code(1);
    assert!(empty.stderr.contains("is not an inbox yet"), "{empty:#?}");
    assert_eq!(std::fs::metadata(&missing).expect("it is there").len(), 0, "it is left as it is");
    let memory = run(command(Path::new(":memory:")).args(["inbox", "list"])).with_code(1);
    assert!(memory.stderr.contains("in memory"), "{memory:#?}");
    let inline = run(command(&missing).args(["inbox", "list"]).env("OPERATED_INLINE", "1")).with_code(1);
    assert!(inline.stderr.contains("has no inbox"), "{inline:#?}");
}

#[test]
fn an_inbox_that_somebody_has_who_does_not_answer_is_named() {
    let fixture = Fixture::new();
    // As if it had not been able to make its socket.
    let mut socket = fixture.inbox.clone().into_os_string();
    socket.push("-control");
    std::fs::remove_file(&socket).expect("it is there");
    // Reading takes nothing away from whoever has it.
    assert_eq!(rows(&fixture.json(&["inbox", "list"])).len(), 4);
    let refused = fixture.run(&["inbox", "retry", "--all"]).with_code(1);
    for told in ["is in use by process", "no server answers"] {
        assert!(refused.stderr.contains(told), "{told}: {refused:#?}");
    }
}

#[test]
fn commands_wait_for_each_other() {
    let mut fixture = Fixture::new();
    fixture.stop();
    std::thread::scope(|scope| {
        let running: Vec<_> =
            (0..4).map(|_| scope.spawn(|| fixture.run(&["inbox", "prune"]).with_code(0))).collect();
        for one in running {
            one.join().expect("each has its turn");
        }
    });
}

#[test]
fn a_selection_over_many_tasks_is_gone_through_to_its_end() {
    let inbox = new_inbox();
    let server = Server::from_command(&mut serving(&inbox), &[]);
    let body = event("charge.refunded");
    let id = sample("charge.refunded").id();
    for number in 0..450 {
        assert_eq!(server.post(body.replace(&id, &format!("evt_{number}")).as_bytes()).status(), 200);
    }
    let fixture = Fixture {
        inbox,
        server: Some(server),
        paid: String::new(),
        paid_body: body,
        refunded: String::new(),
        refunded_object: String::new(),
        captured: String::new(),
        created: String::new(),
    };
    let parked = |wanted: u64| {
        let stats = fixture.json(&["inbox", "stats"]);
        rows(&stats["handlers"]).iter().any(|row| row["state"] == "parked" && row["tasks"] == wanted)
    };
    until("all are parked", || parked(450));
    assert_eq!(rows(&fixture.json(&["inbox", "list", "--limit", "1000"])).len(), 450);
    assert_eq!(fixture.text(&["inbox", "export"]).lines().count(), 450);
    assert_eq!(fixture.json(&["inbox", "retry", "--all"])["tasks"], 450);
    until("all are parked again", || parked(450));
    assert_eq!(fixture.json(&["inbox", "skip", "--handler", "operated::refunded"])["tasks"], 450);
    let replayed = fixture.json(&["replay", "--since", "1h"]);
    assert_eq!((&replayed["events"], &replayed["tasks"]), (&json!(450), &json!(450)));
}

/// What a terminal shows: without what colours it.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, coloured)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = coloured.split_once('m').expect("only colours are written").1;
    }
    plain + rest
}

#[test]
fn what_is_listed_fits_the_terminal() {
    let fixture = Fixture::new();
    let server = fixture.server.as_ref().expect("it runs");
    // As long as Stripe's names become, and an id of somebody else's making.
    let long = "evt_1PabcdefghijklmnopqrstUVwxyz0123456789";
    let body = event("charge.refunded").replace(&fixture.refunded, long);
    assert_eq!(server.post(body.as_bytes()).status(), 200);
    until("it is parked", || fixture.state(long, "operated::refunded") == "parked");
    for arguments in [
        &["inbox", "list"][..],
        &["inbox", "list", "--quarantine"],
        &["inbox", "show", long],
        &["inbox", "show", &fixture.paid],
        &["inbox", "stats"],
        &["inbox", "retry", "--all", "--dry-run"],
        &["replay", "--since", "1h", "--dry-run"],
        &["handlers"],
        &["events"],
        &["events", "--explain", "invoice.paid"],
        &["inbox", "list", "--help"],
        &["serve", "--help"],
    ] {
        for columns in [60, 80, 120] {
            let written = run_in_terminal(command(&fixture.inbox).args(arguments), columns);
            let shown = plain(&written);
            let widest = shown.lines().map(|line| line.chars().count()).max().expect("it writes something");
            assert!(widest <= usize::from(columns), "{arguments:?}: {widest} of {columns}:\n{shown}");
        }
    }
    let listed = run_in_terminal(command(&fixture.inbox).args(["inbox", "list"]), 80);
    let shown = plain(&listed);
    for told in [long, "who refunds", "received 20"] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    // The header, and each state in its colour.
    for painted in ["\u{1b}[1mSTATE", "\u{1b}[31mparked\u{1b}[0m", "\u{1b}[32mdone\u{1b}[0m"] {
        assert!(listed.contains(painted), "{painted:?}: {listed:?}");
    }
    let colourless =
        run_in_terminal(command(&fixture.inbox).args(["inbox", "list"]).env("NO_COLOR", "1"), 80);
    assert_eq!(colourless, shown);
    // A line for each row, as it is written into a file.
    let wide = plain(&run_in_terminal(command(&fixture.inbox).args(["inbox", "list", "--wide"]), 80));
    assert_eq!(wide, fixture.text(&["inbox", "list"]));
    assert!(
        wide.lines().count() == 6 && wide.lines().next().is_some_and(|header| header.ends_with("ERROR")),
        "{wide}"
    );
}

#[test]
fn events_of_versions_that_are_not_enabled_are_parked_if_so_set() {
    let inbox = new_inbox();
    let server = Server::from_command(&mut serving(&inbox), &["--unknown-version", "park"]);
    let (older, enabled) = ("evt_older", "evt_enabled");
    for (id, version) in [(older, "2022-11-15"), (enabled, "2026-10-28.endive")] {
        let mut event: Value = serde_json::from_str(&event("payout.paid")).expect("it is JSON");
        (event["id"], event["api_version"]) = (id.into(), version.into());
        assert_eq!(server.post(event.to_string().as_bytes()).status(), 200);
    }
    for handler in ["operated::paid", "operated::booked"] {
        server.process.line(Stream::Stderr, |line| {
            let is_of = line.contains("task parked") && line.contains(handler) && line.contains(older);
            (is_of && line.contains("2022-11-15") && line.contains("2026-10-28.endive")).then_some(())
        });
        server.process.line(Stream::Stderr, |line| {
            (line.contains("handler done") && line.contains(handler) && line.contains(enabled)).then_some(())
        });
    }
    server.stop();
    let shown = run(command(&inbox).args(["inbox", "show", older])).with_code(0).stdout;
    assert!(shown.contains("parked") && shown.contains("2022-11-15"), "{shown}");

    // A program that was told otherwise runs them.
    let server = Server::from_command(&mut serving(&inbox), &["--unknown-version", "warn"]);
    run(command(&inbox).args(["inbox", "retry", older])).with_code(0);
    for handler in ["paid", "booked"] {
        server.process.line_with(Stream::Stdout, &format!("{handler}: {older} replay=false"));
    }
    server.stop();
}
