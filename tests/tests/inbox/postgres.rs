//! An inbox in PostgreSQL, from outside: a database that is away, and a schema that a person makes.

use std::process::Command;

use product_tests::{Client, Delivery, Postgres, SECRET, Server, Stream, program, run, until};

const DURABLE: &str = env!("CARGO_BIN_EXE_durable");

/// The program, with its inbox in a database.
fn durable(database: &Postgres) -> Command {
    let mut command = program(DURABLE);
    command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("WEBHOOK_INBOX", database.url());
    command
}

/// Delivers an event, and returns the status.
#[track_caller]
fn deliver(server: &Server, number: u64) -> u16 {
    let delivery = Delivery::new("payment_intent.succeeded", number, number, 0);
    Client::default().post(server.address, delivery.body.as_bytes()).expect("it lives and answers").status
}

/// What the log says when an outage begins, and when it has ended.
const UNREADABLE: &str = "WARN the due tasks could not be read from the inbox";
const READABLE: &str = "INFO the due tasks can be read from the inbox again";

#[test]
fn a_server_waits_for_its_database() {
    let mut database = Postgres::start();
    database.stop();
    let server = Server::from_command(&mut durable(&database), &[]);
    assert_eq!(deliver(&server, 1), 503);
    let seen = |text: &str| server.process.seen(Stream::Stderr).matches(text).count();
    for (round, number) in (1..=2).zip([10, 40]) {
        database.restart();
        until("it answers 200", || deliver(&server, number) == 200);
        until("no task is open", || database.query("SELECT count(*) FROM webhook.task") == "0");
        until("it looks for tasks again", || seen(READABLE) == round - 1);
        database.stop();
        // Each delivery that cannot be stored makes the server look for due tasks.
        for more in 1..=20 {
            assert_eq!(deliver(&server, number + more), 503);
        }
        until("it says that it cannot look for tasks", || seen(UNREADABLE) == round);
    }
    database.restart();
    until("it answers 200", || deliver(&server, 70) == 200);
    until("it looks for tasks again", || seen(READABLE) == 2);
    let ended = server.stop();
    assert!(ended.stderr.contains("the inbox's database is away"), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches(UNREADABLE).count(), 2, "once an outage: {}", ended.stderr);
}

#[test]
fn a_command_says_that_the_database_is_away() {
    let mut database = Postgres::start();
    run(durable(&database).args(["inbox", "migrate"])).with_code(0);
    let commands = [
        &["inbox", "list"][..],
        &["inbox", "show", "evt_1"],
        &["inbox", "stats"],
        &["inbox", "instances"],
        &["inbox", "bury", "a"],
        &["inbox", "retry", "--all"],
        &["inbox", "prune"],
        &["inbox", "export"],
        &["inbox", "migrate"],
        &["replay", "--since", "1h"],
    ];
    database.stop();
    for arguments in commands {
        let failed = run(durable(&database).args(arguments)).with_code(1);
        // In one sentence, which is not about deliveries.
        for (told, times) in [
            ("in PostgreSQL (", 1),
            (") is away: ", 1),
            ("see whether its server runs", 1),
            ("cannot be used", 0),
            ("503", 0),
            ("WARN", 0),
        ] {
            assert_eq!(failed.stderr.matches(told).count(), times, "{told}: {arguments:?}: {failed:#?}");
        }
    }
}

/// What was meant is not known then, and so not what else may be wrong with it.
#[test]
fn an_inbox_that_cannot_be_read_is_the_only_problem() {
    for arguments in [&["serve"][..], &["serve", "--check"]] {
        let mut transactional = program(env!("CARGO_BIN_EXE_transactional"));
        transactional.env("STRIPE_WEBHOOK_SECRET", SECRET).env("WEBHOOK_INBOX", "postgres:/shop");
        transactional.env("TRANSACTIONS_URL", "postgres://127.0.0.1:1/shop");
        let refused = run(transactional.args(arguments)).with_code(78);
        assert!(refused.stderr.contains("cannot start: 1 problem\n"), "{refused:#?}");
        assert!(refused.stderr.contains("WEBHOOK_INBOX is"), "{refused:#?}");
    }
}

#[test]
fn a_person_may_make_the_schema() {
    let database = Postgres::start();
    let refused = run(durable(&database).args(["serve", "--listen", "127.0.0.1:0", "--inbox-migrate=false"]));
    let refused = refused.with_code(78);
    assert!(refused.stderr.contains("is not an inbox yet: run `inbox migrate`"), "{refused:#?}");
    let script = run(durable(&database).args(["inbox", "migrate", "--print"])).with_code(0).stdout;
    assert!(script.starts_with("BEGIN;\n") && script.contains("CREATE SCHEMA \"webhook\""), "{script}");
    assert!(script.contains("ALTER ROLE … SET statement_timeout"), "{script}");
    let made = run(durable(&database).args(["inbox", "migrate"])).with_code(0);
    assert_eq!(made.stderr, "the schema is up to date now\n");
    let made = run(durable(&database).args(["inbox", "migrate"])).with_code(0);
    assert_eq!(made.stderr, "nothing was missing\n");
    // A role with the rights that the script names, and no others.
    assert_eq!(database.query("CREATE ROLE narrow LOGIN"), "");
    let grants: Vec<_> = script.lines().filter_map(|line| line.strip_prefix("-- GRANT ")).collect();
    assert_eq!(grants.len(), 3, "{script}");
    for grant in grants {
        assert_eq!(database.query(&format!("GRANT {}", grant.replace('…', "narrow"))), "");
    }
    let mut narrow = durable(&database);
    narrow.env("WEBHOOK_INBOX", format!("{}&user=narrow", database.url()));
    let server = Server::from_command(&mut narrow, &["--inbox-migrate=false"]);
    assert_eq!(deliver(&server, 1), 200);
    // Operators need no socket.
    until("it is done", || {
        let listed = run(durable(&database).args(["inbox", "list", "--state", "done"])).with_code(0);
        listed.stdout.contains("payment_intent.succeeded")
    });
    // It shows the server, and not itself.
    let instances = || run(durable(&database).args(["inbox", "instances"])).with_code(0).stdout;
    let shown = instances();
    assert!(shown.contains(&format!(":{}", server.process.id())) && shown.contains("0 of 32"), "{shown}");
    server.stop();
}

/// A person may mend the database while the server answers 503.
#[test]
fn a_server_outlives_a_database_that_it_cannot_use() {
    let mut database = Postgres::start();
    run(durable(&database).args(["inbox", "migrate"])).with_code(0);
    assert_eq!(database.query("UPDATE webhook.meta SET readable_from = 99"), "");
    database.stop();
    // What it will find is not known at the start.
    let mut command = durable(&database);
    command.env("WEBHOOK_INBOX_LEASE", "3s");
    let server = Server::from_command(&mut command, &[]);
    database.restart();
    server.process.line_with(Stream::Stderr, "nothing is accepted until the database is mended");
    assert_eq!(deliver(&server, 1), 503);
    assert_eq!(database.query("UPDATE webhook.meta SET readable_from = 1"), "");
    until("it answers 200", || deliver(&server, 1) == 200);
    until("it is done", || database.query("SELECT count(*) FROM webhook.task") == "0");
    // And later: it cannot renew its lease, and loses it.
    assert_eq!(database.query("ALTER TABLE webhook.instance RENAME TO hidden"), "");
    server.process.line_with(Stream::Stderr, "this instance lost its lease");
    assert_eq!(deliver(&server, 2), 503);
    assert_eq!(
        database.query("ALTER TABLE webhook.hidden RENAME TO instance; DELETE FROM webhook.instance"),
        ""
    );
    until("it answers 200", || deliver(&server, 2) == 200);
    until("it has joined again, and it is done", || {
        database.query("SELECT count(*) FROM webhook.ended WHERE state = 3") == "4"
    });
    let log = server.stop().stderr;
    for told in [
        "ERROR nothing is accepted until the database is mended",
        "WARN the lease could not be renewed yet",
        "ERROR this instance lost its lease",
        "INFO this instance has its lease again",
    ] {
        assert_eq!(log.matches(told).count(), 1, "{told}: {log}");
    }
}

/// What a start would ask the pools of handlers' transactions, a check asks them, too.
#[test]
fn a_check_asks_the_pools_of_transactions() {
    let database = Postgres::start();
    run(durable(&database).args(["inbox", "migrate"])).with_code(0);
    assert_eq!(database.query("CREATE DATABASE other"), "");
    let transactional = |pool: &str| {
        let mut command = program(env!("CARGO_BIN_EXE_transactional"));
        command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("WEBHOOK_INBOX", database.url());
        command.env("TRANSACTIONS_URL", pool);
        command
    };
    run(transactional(&database.url()).args(["serve", "--check"])).with_code(0);
    let elsewhere = database.url().replace("/postgres?", "/other?");
    let checked = run(transactional(&elsewhere).args(["serve", "--check"])).with_code(78);
    assert!(checked.stderr.contains("cannot complete runs"), "{checked:#?}");
    assert_eq!(database.query("SELECT count(*) FROM webhook.instance"), "0", "a check does not join");
    let handlers = run(transactional(&database.url()).args(["handlers", "--wide"])).with_code(0);
    assert!(handlers.stdout.contains("in a transaction"), "{handlers:#?}");
    let handlers = run(transactional(&database.url()).args(["handlers", "--format", "json"])).with_code(0);
    assert!(handlers.stdout.contains("deadpool_postgres::Manager"), "{handlers:#?}");
}
