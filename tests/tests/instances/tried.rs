//! `dev` runs handlers whose effects are in transactions of the application's database. Its own inbox is in memory, as it may
//! not be for `serve`.

use std::process::Command;

use product_tests::{EFFECT_TABLE, Ended, Postgres, SECRET, program, run, scratch};

/// A program with its pool in the database of this URL, and its inbox nowhere yet.
fn transactional(url: &str) -> Command {
    let mut command = program(env!("CARGO_BIN_EXE_transactional"));
    command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("TRANSACTIONS_URL", url);
    command
}

/// Sends each handler of `transactional` its samples.
fn dev(database: &Postgres) -> Ended {
    run(transactional(&database.url()).args(["dev", "--once", "--listen", "127.0.0.1:0"]))
}

#[test]
fn dev_runs_handlers_with_transactions() {
    let database = Postgres::start();
    let failed = dev(&database).with_code(1);
    assert!(failed.stderr.contains("3 runs did not succeed"), "{}", failed.stderr);

    let _ = database.query(EFFECT_TABLE);
    let shown = dev(&database).with_code(0).stdout;
    let line = "Transactions: `dev` records the end of a task right after the commit. `serve` commits both together.";
    assert!(shown.lines().any(|shown| shown == line), "{shown}");
    assert_eq!(database.query("SELECT count(*), count(DISTINCT event_id) FROM effect"), "3|3");
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'webhook%'";
    assert_eq!(database.query(schemas), "0", "`dev` made an inbox in the application's database");
}

#[test]
fn serve_refuses_them_without_an_inbox_in_postgresql() {
    let file = scratch("tried").join("inbox.db");
    for inbox in [file.to_str().expect("it is text"), ":memory:"] {
        for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["serve", "--check"]] {
            // Nothing connects to it.
            let mut command = transactional("postgres://localhost/nowhere");
            let error = run(command.args(arguments).args(["--inbox", inbox])).with_code(78).stderr;
            for part in ["1 problem", "`transactional::effect` (", "the inbox is not in PostgreSQL", "`dev`"]
            {
                assert!(error.contains(part), "{part:?} is not in what {arguments:?} says:\n{error}");
            }
        }
    }
    assert!(!file.exists(), "a start that is refused creates no file");
}
