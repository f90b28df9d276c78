//! The server dies while a known event gets the tasks of a further endpoint.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use product_tests::{
    OTHER_SECRET, SECRET, Server, Stream, exchange, new_inbox, program, run, signed, unix_now,
};
use serde_json::Value;
use webhook_core::Sample;

fn endpoints(inbox: &Path) -> Command {
    let mut command = program(env!("CARGO_BIN_EXE_endpoints"));
    command
        .env("STRIPE_OWN_SECRET", SECRET)
        .env("STRIPE_CONNECT_SECRET", OTHER_SECRET)
        .env("WEBHOOK_INBOX", inbox);
    command
}

/// Stores an event through the first endpoint, and lets the next server die at a failpoint when it comes through the
/// second. Returns the inbox, the event's id and its body.
fn dies_at(failpoint: &str) -> (PathBuf, String, Vec<u8>) {
    let inbox = new_inbox();
    let sample = Sample::new("payout.paid", 1).expect("there is such a type").livemode(true);
    let (id, body) = (sample.id(), sample.body(1_700_000_000));
    let server = Server::from_command(&mut endpoints(&inbox), &[]);
    deliver(&server, "/stripe", SECRET, &body);
    server.process.line_with(Stream::Stdout, "rest through /stripe");
    server.stop();
    let server = Server::from_command(endpoints(&inbox).env("DURABLE_FAILPOINT", failpoint), &[]);
    let (signature, length) = (signed(&[OTHER_SECRET], unix_now(), &body), body.len());
    let head = format!(
        "POST /stripe/connect HTTP/1.1\r\nHost: a\r\nStripe-Signature: {signature}\r\nContent-Length: {length}\r\n\r\n"
    );
    let mut stream = TcpStream::connect(server.address).expect("it listens");
    stream.write_all(&[head.as_bytes(), &body].concat()).expect("it reads");
    // Whether there is an answer depends on the failpoint.
    let _ = stream.read(&mut [0]);
    let ended = server.process.wait();
    assert_eq!(ended.code, None, "it should have aborted: {ended:#?}");
    (inbox, id, body)
}

#[track_caller]
fn deliver(server: &Server, path: &str, secret: &str, body: &[u8]) {
    let signature = signed(&[secret], unix_now(), body);
    let answer = exchange(server.address, "POST", path, &[("Stripe-Signature", signature.as_bytes())], body);
    assert_eq!(answer.status(), 200, "{path}");
}

/// The endpoints that the event came through, and its handlers with the states of their tasks.
fn shown(inbox: &Path, id: &str) -> (usize, Vec<(String, String)>) {
    let shown = run(endpoints(inbox).args(["inbox", "show", id, "--format", "json"])).with_code(0).stdout;
    let shown: Value = serde_json::from_str(&shown).expect("it is JSON");
    let text = |row: &Value, name: &str| row[name].as_str().expect("it is a text").to_owned();
    let tasks = shown["tasks"].as_array().expect("it is a list").iter();
    let endpoints = shown["event"]["endpoints"].as_array().expect("it is a list").len();
    (endpoints, tasks.map(|row| (text(row, "handler"), text(row, "state"))).collect())
}

/// Delivers it again through both endpoints, and expects that the second one's handler runs once with this server.
fn recovers(inbox: &Path, id: &str, body: &[u8]) {
    let server = Server::from_command(&mut endpoints(inbox), &[]);
    deliver(&server, "/stripe/connect", OTHER_SECRET, body);
    server.process.line_with(Stream::Stdout, "paid out through connect");
    deliver(&server, "/stripe/connect", OTHER_SECRET, body);
    deliver(&server, "/stripe", SECRET, body);
    let ended = server.stop();
    assert_eq!(ended.stdout.lines().collect::<Vec<_>>(), ["paid out through connect"], "{ended:#?}");
    let done = |handler: &str| (handler.to_owned(), "done".to_owned());
    assert_eq!(shown(inbox, id), (2, vec![done("endpoints::rest"), done("endpoints::paid_out")]));
}

#[test]
fn tasks_that_were_added_and_not_committed_are_not_there_and_come_with_the_next_delivery() {
    let (inbox, id, body) = dies_at("after-insert");
    assert_eq!(shown(&inbox, &id), (1, vec![("endpoints::rest".to_owned(), "done".to_owned())]));
    recovers(&inbox, &id, &body);
}

#[test]
fn a_task_that_was_added_and_started_runs_again_after_a_crash() {
    let (inbox, id, body) = dies_at("after-effect");
    let (endpoints, tasks) = shown(&inbox, &id);
    assert_eq!((endpoints, &*tasks[1].0, &*tasks[1].1), (2, "endpoints::paid_out", "running"));
    recovers(&inbox, &id, &body);
}
