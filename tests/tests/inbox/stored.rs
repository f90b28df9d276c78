//! With an inbox: what is stored is answered with 200, and handled in its own time.

use std::path::Path;
use std::sync::Barrier;

use product_tests::{
    Connection, Delivery, SECRET, Server, Stream, new_inbox, program, run, signed, unix_now, until,
};
use rusqlite::Connection as Database;
use webhook_core::Sample;

fn start(inbox: &Path, flags: &[&str]) -> Server {
    let mut command = program(env!("CARGO_BIN_EXE_outcomes"));
    command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("WEBHOOK_INBOX", inbox);
    // What is held is let go by a test, however long that takes.
    command.env("WEBHOOK_HANDLER_TIMEOUT", "10m");
    Server::from_command(&mut command, flags)
}

fn event(event_type: &str, seed: u64) -> String {
    let body = Sample::new(event_type, seed).expect("there is such a type").body(1_700_000_000);
    String::from_utf8(body).expect("JSON is UTF-8")
}

/// One number from the inbox of a server that was stopped.
#[track_caller]
fn number(inbox: &Path, sql: &str) -> i64 {
    let database = Database::open(inbox).expect("the inbox can be opened");
    database.query_row(sql, [], |row| row.get(0)).expect("the inbox can be read")
}

#[test]
fn how_handlers_end_changes_no_answer() {
    let inbox = new_inbox();
    let server = start(&inbox, &[]);
    for (event_type, level, logged) in [
        ("payment_intent.succeeded", "INFO", "handler done"),
        ("payment_intent.payment_failed", "WARN", "handler failed"),
        ("payment_intent.canceled", "WARN", "cause=\"panicked at tests/src/bin/outcomes.rs:"),
        ("payment_intent.processing", "WARN", "had not ended after 200ms"),
        ("charge.captured", "WARN", "cause=\"the stock is being counted\" again_in=\"1h\""),
        ("charge.failed", "INFO", "event skipped"),
        ("charge.refunded", "ERROR", "cause=\"who refunds this?\" why=\"the handler asked for it\""),
        ("customer.updated", "ERROR", "why=\"the event does not fit the handler's type\""),
        ("customer.created", "INFO", "tasks=0"),
    ] {
        let answer = server.post(event(event_type, 1).as_bytes());
        assert_eq!((answer.status(), &*answer.body), (200, "{\"received\":true}"), "{event_type}");
        let of_event = format!("event_type=\"{event_type}\"");
        server.process.line(Stream::Stderr, |line| {
            (line.contains(logged) && line.contains(level) && line.contains(&of_event)).then_some(())
        });
    }
    server.stop();
    assert_eq!(number(&inbox, "SELECT count(*) FROM inbox_event"), 9);
    assert_eq!(number(&inbox, "SELECT count(*) FROM inbox_event WHERE body IS NULL"), 1, "the unhandled one");
    for (state, tasks) in [(0, 4), (1, 0), (2, 0), (3, 1), (4, 1), (5, 2)] {
        let sql = format!("SELECT count(*) FROM inbox_task WHERE state = {state}");
        assert_eq!(number(&inbox, &sql), tasks, "state {state}");
    }
}

#[test]
fn fifty_deliveries_of_one_event_at_once_are_one_event() {
    let inbox = new_inbox();
    let server = start(&inbox, &[]);
    let (body, start) = (event("invoice.paid", 1), Barrier::new(50));
    std::thread::scope(|scope| {
        let deliveries: Vec<_> = (0..50)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    server.post(body.as_bytes()).status()
                })
            })
            .collect();
        for delivery in deliveries {
            assert_eq!(delivery.join().expect("it does not panic"), 200);
        }
    });
    // The handler beside it fails twice, and is parked: that is no matter of the good one's.
    server.process.line_with(Stream::Stderr, "why=\"the last attempt failed\"");
    let ended = server.stop();
    assert_eq!(ended.stdout.matches("good_beside_bad: ran").count(), 1, "{}", ended.stdout);
    assert_eq!(ended.stderr.matches("event stored event_id").count(), 1);
    assert_eq!(ended.stderr.matches("event was stored before").count(), 49);
    assert_eq!(number(&inbox, "SELECT count(*) FROM inbox_event WHERE deliveries = 50"), 1);
    let runs = "SELECT group_concat(handler || ' ' || state || ' ' || attempt) FROM \
                (SELECT handler, state, attempt FROM inbox_task ORDER BY handler)";
    let runs: String = Database::open(&inbox)
        .and_then(|database| database.query_row(runs, [], |row| row.get(0)))
        .expect("the inbox can be read");
    assert_eq!(runs, "outcomes::bad_beside_good 5 2,outcomes::good_beside_bad 3 1");
}

#[test]
fn a_duplicate_with_another_body_is_counted_and_the_first_kept() {
    let inbox = new_inbox();
    let server = start(&inbox, &[]);
    let body = event("payment_intent.succeeded", 1);
    for body in [&body, &body.replace("\"pending_webhooks\": 1", "\"pending_webhooks\": 0"), &body] {
        assert_eq!(server.post(body.as_bytes()).status(), 200);
    }
    server.stop();
    assert_eq!(number(&inbox, "SELECT deliveries * 10 + changed_bodies FROM inbox_event"), 31);
    let kept: Vec<u8> = Database::open(&inbox)
        .and_then(|database| database.query_row("SELECT body FROM inbox_event", [], |row| row.get(0)))
        .expect("the inbox can be read");
    assert_eq!(kept, body.as_bytes());
}

#[test]
fn what_is_signed_and_is_no_event_is_kept_in_quarantine() {
    let inbox = new_inbox();
    let server = start(&inbox, &[]);
    let good = event("payment_intent.succeeded", 1);
    let bodies = [
        String::new(),
        "[\"evt_1\"]".to_owned(),
        "{ nothing".to_owned(),
        good.replace("\"type\"", "\"typ\""),
        good.replace("evt_", "evt\\n"),
        r#"{"id": "evt_1", "object": "v2.core.event", "type": "v1.charge.succeeded", "related_object": {}}"#
            .to_owned(),
    ];
    for body in &bodies {
        let answer = server.post(body.as_bytes());
        assert_eq!((answer.status(), &*answer.body), (200, "{\"received\":true}"), "{body:?}");
        assert_eq!(server.post(body.as_bytes()).status(), 200, "again: {body:?}");
    }
    let log = server.stop().stderr;
    assert_eq!(log.matches("ERROR verified, but kept in quarantine").count(), 12, "{log}");
    assert!(log.contains("`livemode` is missing"), "{log}");
    assert_eq!(number(&inbox, "SELECT sum(deliveries) * 100 + count(*) FROM inbox_quarantine"), 1206);
    assert_eq!(number(&inbox, "SELECT count(*) FROM inbox_event"), 0);
}

#[test]
fn a_handler_that_replies_is_waited_for() {
    let inbox = new_inbox();
    let mut server = start(&inbox, &[]);
    let decision = server.post(event("issuing_authorization.request", 1).as_bytes());
    assert_eq!((decision.status(), &*decision.body), (200, "{\"approved\":true}"));
    assert_eq!(decision.header("stripe-version"), Some(webhook_core::catalog::newest().name()));
    assert_eq!(decision.header("content-type"), Some("application/json"));
    let mut trigger = program(env!("CARGO_BIN_EXE_outcomes"));
    trigger.args(["trigger", "issuing_authorization.request", "--set", "id=iauth_3", "--to", &server.url]);
    let shown = run(trigger.env("STRIPE_WEBHOOK_SECRET", SECRET)).with_code(0).stdout;
    assert!(shown.lines().any(|line| line.ends_with("  {\"approved\":true}")), "{shown}");

    // One that does not decide in time: the answer comes before Stripe stops waiting, and nothing is tried again.
    let live = event("issuing_authorization.request", 2).replace("\"livemode\": false", "\"livemode\": true");
    let undecided = server.post(live.as_bytes());
    assert_eq!((undecided.status(), &*undecided.body), (200, "{\"received\":true}"));
    server.process.line_with(Stream::Stderr, "had not ended after 1s");
    server.process.line_with(Stream::Stderr, "why=\"the last attempt failed\"");

    // The customer is redirected when the order is there.
    let body = event("checkout.session.completed", 3);
    let mut connection = Connection::open(server.address);
    let signature = signed(&[SECRET], unix_now(), body.as_bytes());
    let head = format!("POST /webhook HTTP/1.1\r\nHost: a\r\nStripe-Signature: {signature}\r\n");
    connection.send(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()));
    server.process.line_with(Stream::Stdout, "redirect: evt_");
    // A second delivery does not wait for the run of the first.
    assert_eq!(server.post(body.as_bytes()).status(), 200);
    server.process.tell("open");
    assert_eq!(connection.answer().status(), 200);
    let ended = server.stop();
    assert_eq!(ended.stdout.matches("redirected: ").count(), 1, "{}", ended.stdout);
}

#[test]
fn a_handler_with_a_long_queue_leaves_slots_to_the_others() {
    let inbox = new_inbox();
    let mut server = start(&inbox, &["--concurrency", "4", "--handler-timeout", "10m"]);
    let payouts: Vec<Delivery> =
        (0..8).map(|number| Delivery::new("payout.paid", number, number, 0)).collect();
    for payout in &payouts {
        assert_eq!(server.post(payout.body.as_bytes()).status(), 200);
    }
    // Its neighbours have the one that is left, when the event comes and for the second attempt.
    assert_eq!(server.post(event("invoice.paid", 1).as_bytes()).status(), 200);
    server.process.line_with(Stream::Stdout, "good_beside_bad: ran");
    server.process.line_with(Stream::Stderr, "why=\"the last attempt failed\"");

    // One after the other takes the place of one that has ended.
    for next in &payouts[3..] {
        server.process.tell("open");
        server.process.line_with(Stream::Stdout, &format!("held: {}", next.id));
    }
    (0..3).for_each(|_| server.process.tell("open"));
    for payout in &payouts {
        server.process.line_with(Stream::Stdout, &format!("released: {}", payout.id));
    }
    let ended = server.stop();
    let (mut running, mut most) = (0, 0);
    for line in ended.stdout.lines() {
        running += i32::from(line.starts_with("held: ")) - i32::from(line.starts_with("released: "));
        most = most.max(running);
    }
    assert_eq!((running, most), (0, 3), "{}", ended.stdout);
    assert_eq!(number(&inbox, "SELECT count(*) FROM inbox_task WHERE state = 3"), 9);
}

#[test]
fn a_shutdown_gives_back_what_it_cannot_finish() {
    let inbox = new_inbox();
    let server = start(&inbox, &["--drain-timeout", "0s"]);
    assert_eq!(server.post(event("payout.paid", 1).as_bytes()).status(), 200);
    server.process.line_with(Stream::Stdout, "held: ");
    let ended = server.stop();
    assert!(ended.stderr.contains("it will run again"), "{}", ended.stderr);
    assert_eq!(number(&inbox, "SELECT state * 10 + attempt FROM inbox_task"), 0, "ready, and not counted");

    let mut server = start(&inbox, &[]);
    server.process.line_with(Stream::Stdout, "held: ");
    server.process.tell("open");
    server.process.line_with(Stream::Stderr, "handler done");
    server.stop();
    assert_eq!(number(&inbox, "SELECT state * 10 + attempt FROM inbox_task"), 31);
}

#[test]
fn an_inbox_in_memory_says_so() {
    let server = start(Path::new(":memory:"), &[]);
    server.process.line_with(Stream::Stderr, "kept in memory");
    assert_eq!(server.post(event("payment_intent.succeeded", 1).as_bytes()).status(), 200);
    assert_eq!(server.post(event("payment_intent.succeeded", 1).as_bytes()).status(), 200);
    let log = server.stop().stderr;
    assert_eq!(log.matches("handler done").count(), 1, "{log}");
}

#[test]
fn a_program_without_an_inbox_takes_none() {
    let mut command = program(env!("CARGO_BIN_EXE_outcomes"));
    command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("OUTCOMES_INLINE", "1");
    let refused = run(command.arg("serve")).with_code(78);
    assert!(refused.stderr.contains("has no inbox"), "{}", refused.stderr);
}

#[test]
fn a_second_signal_ends_the_program_at_once_and_loses_nothing() {
    let inbox = new_inbox();
    let server = start(&inbox, &[]);
    assert_eq!(server.post(event("payout.paid", 1).as_bytes()).status(), 200);
    server.process.line_with(Stream::Stdout, "held: ");
    server.process.signal("TERM");
    server.process.line_with(Stream::Stderr, "stopping: ");
    server.process.signal("TERM");
    server.process.wait().with_code(1);
    assert_eq!(number(&inbox, "SELECT state FROM inbox_task"), 1, "it was running");
    let server = start(&inbox, &[]);
    server.process.line_with(Stream::Stdout, "held: ");
}

#[test]
fn what_cannot_be_stored_is_refused_until_it_can() {
    let inbox = new_inbox();
    let server = start(&inbox, &[]);
    assert_eq!(server.post(event("payment_intent.succeeded", 1).as_bytes()).status(), 200);
    // As a shell in which somebody forgot a transaction.
    let other = Database::open(&inbox).expect("the inbox can be opened");
    other.execute_batch("BEGIN IMMEDIATE").expect("nothing else writes now");
    let refused = server.post(event("payment_intent.succeeded", 2).as_bytes());
    assert_eq!(refused.status(), 503);
    let again_in: u64 = refused.header("retry-after").and_then(|text| text.parse().ok()).expect("a number");
    assert!((5..=60).contains(&again_in), "{again_in}");
    other.execute_batch("ROLLBACK").expect("it was begun");
    let answered =
        (0..60).any(|_| server.post(event("payment_intent.succeeded", 2).as_bytes()).status() == 200);
    assert!(answered, "it does not recover");
    let log = server.stop().stderr;
    assert!(log.contains("not stored: the inbox"), "{log}");
    assert_eq!(number(&inbox, "SELECT count(*) FROM inbox_task WHERE state = 3"), 2);
}

/// After a crash, what was running then runs again one after the other. Nothing else waits for it.
#[test]
fn after_a_crash_what_was_running_holds_up_nothing_else() {
    let inbox = new_inbox();
    let server = start(&inbox, &[]);
    for seed in 0..24 {
        assert_eq!(server.post(event("payout.paid", seed).as_bytes()).status(), 200);
    }
    until("all run", || number(&inbox, "SELECT count(*) FROM inbox_task WHERE state = 1") == 24);
    server.process.signal("KILL");
    server.process.wait();

    let mut server = start(&inbox, &[]);
    server.process.line_with(Stream::Stdout, "held: evt_");
    for seed in 0..60 {
        let decision = server.post(event("issuing_authorization.request", seed).as_bytes());
        assert_eq!(
            (decision.status(), &*decision.body),
            (200, "{\"approved\":true}"),
            "authorization {seed}"
        );
    }
    assert_eq!(server.post(event("payment_intent.succeeded", 1).as_bytes()).status(), 200);
    server.process.line(Stream::Stderr, |line| {
        (line.contains("handler done") && line.contains("payment_intent.succeeded")).then_some(())
    });
    assert_eq!(number(&inbox, "SELECT count(*) FROM inbox_task WHERE suspect = 1 AND state = 1"), 1);
    assert_eq!(number(&inbox, "SELECT count(*) FROM inbox_task WHERE suspect = 1 AND state = 0"), 23);
    (0..24).for_each(|_| server.process.tell("open"));
    until("all are done", || number(&inbox, "SELECT count(*) FROM inbox_task WHERE state <> 3") == 0);
    server.stop();
}

/// Test consoles send events of every type under one id. What is answered with 200 is stored and handled all the same.
#[test]
fn an_id_of_an_event_of_another_type_is_no_duplicate() {
    let inbox = new_inbox();
    let server = start(&inbox, &[]);
    let of_console = |event_type| {
        let body = event(event_type, 1);
        let id = body.split('"').nth(3).expect("it begins with its id").to_owned();
        body.replace(&id, "evt_00000000000000")
    };
    for (event_type, logged) in [
        ("payment_intent.succeeded", "handler done"),
        ("charge.failed", "event skipped"),
        ("charge.refunded", "task parked"),
    ] {
        let body = of_console(event_type);
        assert!(body.contains(r#""id": "evt_00000000000000""#), "{body}");
        assert_eq!(server.post(body.as_bytes()).status(), 200);
        let of_event = format!("event_type=\"{event_type}\"");
        server
            .process
            .line(Stream::Stderr, |line| (line.contains(logged) && line.contains(&of_event)).then_some(()));
        assert_eq!(server.post(body.as_bytes()).status(), 200, "again");
    }
    let log = server.stop().stderr;
    assert_eq!(log.matches("WARN an event of another type or object has the same id").count(), 2, "{log}");
    assert_eq!(number(&inbox, "SELECT count(*) * 100 + sum(deliveries) FROM inbox_event"), 306);
    assert_eq!(number(&inbox, "SELECT count(*) FROM inbox_task WHERE state >= 3"), 3);
}
