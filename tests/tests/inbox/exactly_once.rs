//! The example of that name keeps its word.

use std::fs;

use product_tests::{Profile, SECRET, Server, Stream, build_workspace, new_inbox, program};
use rusqlite::Connection;
use webhook_core::Sample;

#[test]
fn a_payment_is_booked_once() {
    let built = build_workspace(&["exactly-once"], Profile::Debug);
    let inbox = new_inbox();
    let folder = inbox.parent().expect("an inbox is in a folder");
    let start = || {
        let mut command = program(&built["exactly-once"]);
        command.current_dir(folder).env("WEBHOOK_INBOX", &inbox).env("STRIPE_WEBHOOK_SECRET", SECRET);
        Server::from_command(&mut command, &[])
    };
    let mut sample = Sample::new("payment_intent.succeeded", 1).expect("there is such a type");
    sample.set("amount_received", "4200").expect("there is such a field");
    let body = sample.body(1_700_000_000);
    for _ in 0..2 {
        let server = start();
        assert_eq!(server.post(&body).status(), 200);
        assert_eq!(server.post(&body).status(), 200);
        server.process.line_with(Stream::Stderr, "event was stored before");
        server.stop();
    }
    // Even if the inbox is lost, and Stripe is asked to send the event again.
    for ending in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{ending}", inbox.display()));
    }
    let server = start();
    assert_eq!(server.post(&body).status(), 200);
    server.process.line_with(Stream::Stderr, "handler done");
    server.stop();

    let books = Connection::open(folder.join("books.db")).expect("the example made it");
    let booked: (i64, i64) = books
        .query_row("SELECT count(*), sum(amount) FROM booking", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("the example made the table");
    assert_eq!(booked, (1, 4200));
}
