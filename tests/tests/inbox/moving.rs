//! `inbox move`: an inbox grows from a file into a database, and nothing is lost on the way, wherever that ends.

use std::path::Path;
use std::process::Command;

use product_tests::{
    Client, Delivery, Ended, Files, Postgres, Server, random_below, run, run_in_terminal, until,
};

const DURABLE: &str = env!("CARGO_BIN_EXE_durable");

/// How many events a server gets before it is killed: more than one batch of what is moved.
const EVENTS: u64 = 700;

/// A file that a server was killed on while it handled events.
fn killed_at_work(name: &str) -> Files {
    let files = Files::fresh(name);
    let server = Server::from_command(&mut files.command(DURABLE), &["--concurrency", "4"]);
    let mut client = Client::default();
    for number in 0..EVENTS {
        let delivery = match number {
            // These are running, or wait for a slot, when the server dies.
            _ if number > EVENTS - 20 => Delivery::new("charge.refunded", number, number, 0),
            // These fail, and wait for their next attempts.
            _ if number % 50 == 0 => Delivery::new("charge.dispute.created", number, number, 0),
            _ => Delivery::random(number, 40),
        };
        let told = client.post(server.address, delivery.body.as_bytes()).expect("it lives");
        assert_eq!(told.status, 200);
    }
    assert_eq!(client.post(server.address, b"no event").expect("it lives").status, 200);
    until("something runs", || {
        let running = "SELECT count(*) FROM inbox_task WHERE state = 1";
        files.look().query_row(running, [], |row| row.get::<_, u64>(0)).expect("it can be read") > 0
    });
    server.process.signal("KILL");
    server.process.wait();
    files
}

/// The command, on a file and a database.
fn moving(files: &Files, database: &Postgres) -> Command {
    let mut command = files.command(DURABLE);
    command.env("RUST_LOG", "info").args(["inbox", "move", "--from"]).arg(files.inbox());
    command.args(["--to", &database.url()]);
    command
}

/// The numbers of all that the file has, in the order of [`in_database`].
fn in_file(inbox: &Path) -> String {
    let db = rusqlite::Connection::open(inbox).expect("it is there");
    let counts =
        "SELECT (SELECT count(*) || '|' || sum(seq) || '|' || sum(deliveries) FROM inbox_event) || '|' ||
        (SELECT count(*) || '|' || sum(id) || '|' || sum(id * fence) FROM inbox_task) || '|' ||
        (SELECT count(*) || '|' || sum(task * attempt) FROM inbox_attempt) || '|' ||
        (SELECT count(*) || '|' || sum(deliveries) FROM inbox_quarantine)";
    db.query_row(counts, [], |row| row.get(0)).expect("it can be read")
}

fn in_database(database: &Postgres) -> String {
    database.query(
        "WITH t AS (SELECT id, fence FROM webhook.task UNION ALL SELECT id, fence FROM webhook.ended)
         SELECT (SELECT count(*) || '|' || sum(seq) || '|' || sum(deliveries) FROM webhook.event) || '|' ||
                (SELECT count(*) || '|' || sum(id) || '|' || sum(id * fence) FROM t) || '|' ||
                (SELECT count(*) || '|' || sum(task * attempt) FROM webhook.attempt) || '|' ||
                (SELECT count(*) || '|' || sum(deliveries) FROM webhook.quarantine)",
    )
}

/// Whether nothing is there, or not even the tables.
fn is_empty(database: &Postgres) -> bool {
    database.query("SELECT count(*) FROM pg_namespace WHERE nspname = 'webhook'") == "0"
        || database.query("SELECT (SELECT count(*) FROM webhook.event) + (SELECT count(*) FROM webhook.task)")
            == "0"
}

#[test]
fn an_inbox_grows_from_a_file_into_a_database() {
    let (files, database) = (killed_at_work("moved"), Postgres::start());
    let died = |ended: &Ended| assert_eq!(ended.code, None, "it should have aborted: {ended:#?}");
    for at in ["mid-migration", "mid-move", "mid-move:3", "mid-move:6", "before-move-commit"] {
        died(&run(moving(&files, &database).env("DURABLE_FAILPOINT", at)));
        assert!(is_empty(&database), "{at}");
    }
    died(&run(moving(&files, &database).env("DURABLE_FAILPOINT", "after-move-commit")));
    let moved = run(&mut moving(&files, &database)).with_code(0);
    assert!(moved.stdout.contains("was moved to"), "{moved:#?}");
    assert!(moved.stdout.contains("verified: both have the same rows, SHA-256\n"), "{moved:#?}");
    assert_eq!(in_file(&files.inbox()), in_database(&database));
    assert_eq!(database.query("SELECT count(*) FROM webhook.event"), EVENTS.to_string());
    assert_eq!(database.query("SELECT count(*) FROM webhook.task WHERE state = 1"), "0");
    assert_ne!(database.query("SELECT count(*) FROM webhook.task WHERE suspect = 1"), "0");
    // Two instances go on with it.
    let instance = || {
        let mut command = files.command(DURABLE);
        Server::from_command(command.env("WEBHOOK_INBOX", database.url()), &[])
    };
    let fleet = [instance(), instance()];
    // What was stored is known, and what is new gets new numbers.
    for number in [1, EVENTS + random_below(1000)] {
        let delivery = Delivery::new("payment_intent.succeeded", number, number, 0);
        let told = Client::default().post(fleet[1].address, delivery.body.as_bytes());
        assert_eq!(told.expect("it lives").status, 200);
    }
    until("no task is open, except those that fail for days", || {
        let open = "SELECT count(*) FROM webhook.task
                    WHERE handler NOT IN ('durable::never_returns', 'durable::fails_unspeakably')";
        database.query(open) == "0"
    });
    let odd = "SELECT count(*) FROM webhook.event e WHERE type LIKE 'payment%' AND NOT EXISTS (
                   SELECT 1 FROM webhook.ended t WHERE t.event_seq = e.seq AND t.state = 3)";
    assert_eq!(database.query(odd), "0");
    for server in fleet {
        server.stop();
    }
    // An inbox that has gone on is not overwritten.
    let refused = run(&mut moving(&files, &database)).with_code(1);
    assert!(refused.stderr.contains("the database holds another inbox: name another schema"), "{refused:#?}");
}

#[test]
fn a_move_is_refused_while_either_side_is_used() {
    let (files, database) = (Files::fresh("moved-in-use"), Postgres::start());
    let refused = run(&mut moving(&files, &database)).with_code(1);
    assert!(refused.stderr.contains("there is no inbox at"), "{refused:#?}");
    assert!(!files.inbox().exists());
    let server = Server::from_command(&mut files.command(DURABLE), &[]);
    let refused = run(&mut moving(&files, &database)).with_code(1);
    let told = format!("is in use by process {}", server.process.id());
    assert!(refused.stderr.contains(&told), "{told}: {refused:#?}");
    server.stop();
    let mut command = files.command(DURABLE);
    let server = Server::from_command(command.env("WEBHOOK_INBOX", database.url()), &[]);
    let refused = run(&mut moving(&files, &database)).with_code(1);
    let told = format!(":{}: stop them first", server.process.id());
    assert!(refused.stderr.contains(&told), "{told}: {refused:#?}");
    server.stop();
    // The URL may be that of the setting.
    let mut command = files.command(DURABLE);
    command.env("WEBHOOK_INBOX", database.url()).args(["inbox", "move", "--from"]).arg(files.inbox());
    let shown = run_in_terminal(&mut command, 80);
    assert!(shown.contains("0 events, 0 open and 0 closed tasks"), "{shown}");
    assert!(shown.lines().all(|line| line.len() <= 80 || line.contains('/')), "{shown}");
    let file = run(files.command(DURABLE).args(["inbox", "move", "--from", "a.db", "--to", "b.db"]));
    assert!(file.with_code(1).stderr.contains("name the database with --to"));
    let secret = "postgres://shop:secret@localhost/shop";
    let refused = run(files.command(DURABLE).args(["inbox", "move", "--from", "a.db", "--to", secret]));
    let refused = refused.with_code(78);
    assert!(refused.stderr.contains("--to has a password on the command line"), "{refused:#?}");
}
