//! The disk fails at one call or at several: the server lives, promises nothing that is not on the disk, and takes
//! events again as soon as the disk does.

use std::fs;
use std::process::Command;

use product_tests::{Client, Delivery, Files, History, Server, tool, until};

const DURABLE: &str = env!("CARGO_BIN_EXE_durable");

/// How many events each server is sent.
const EVENTS: u64 = 15;

const SYNC: &str = "fsync,fdatasync";
const WRITE: &str = "pwrite64";
const READ: &str = "pread64";

/// What fails: which calls, with which error, and which one of each thread, or from which one to which.
type Fault<'f> = (&'f str, &'f str, &'f str);

#[test]
fn whatever_call_fails_nothing_acknowledged_is_lost() {
    let mut refused = 0;
    for (call, error, all_when) in [
        (SYNC, "EIO", &["1", "2", "3", "4", "5..8", "3..20"][..]),
        (WRITE, "EIO", &["1", "2", "3", "4", "5", "6", "7", "11", "5..30"]),
        (WRITE, "ENOSPC", &["3", "5..30"]),
        (READ, "EIO", &["2", "5", "8", "10..30"]),
    ] {
        for when in all_when {
            refused += meet((call, error, when));
        }
    }
    assert!(refused > 0, "whoever sends should feel it");
}

/// Sends events to a server that meets a fault, each until it is taken, and compares what it leaves behind with what
/// it promised. Returns how often an event, or the start, was refused: not at all if what failed was the end of a run.
#[track_caller]
fn meet(fault: Fault<'_>) -> u32 {
    let (files, mut history) = (Files::fresh("io-errors"), History::default());
    // The first start has more to write than any other.
    Server::from_command(&mut files.command(DURABLE), &[]).stop();
    let mut refused = 0;
    let log = match Server::try_from_command(&mut faulty(&files, fault), &[]) {
        Ok(server) => {
            for number in 0..EVENTS {
                refused += send(&server, &mut history, number);
            }
            kill(&files);
            server.process.wait().stderr
        }
        Err(ended) => {
            refused += 1;
            let told = ended.with_code(78).stderr;
            assert!(told.contains("1 problem") && told.contains("/inbox.db cannot be "), "{fault:?}: {told}");
            told
        }
    };
    let calls = fs::read_to_string(files.folder().join("calls")).expect("strace has written it");
    assert!(calls.contains("(INJECTED)"), "{fault:?} was not met: {calls}");

    let server = Server::from_command(&mut files.command(DURABLE), &[]);
    until("nothing is open", || files.open_tasks() == 0);
    history.assert_agrees(&files, &[log, server.stop().stderr]);
    refused
}

/// Sends an event again and again, as Stripe does. Returns how often it was refused.
#[track_caller]
fn send(server: &Server, history: &mut History, number: u64) -> u32 {
    let delivery = Delivery::new("payment_intent.succeeded", number, number % 3, 0);
    history.send(&delivery);
    let mut client = Client::default();
    let mut refused = 0;
    until("it is taken", || {
        let told = client.post(server.address, delivery.body.as_bytes()).expect("it lives and answers");
        assert!(matches!(told.status, 200 | 503), "{told:?}");
        refused += u32::from(told.status == 503);
        told.status == 200
    });
    history.ack(&delivery);
    refused
}

/// A program that meets a fault in the inbox's files.
#[track_caller]
fn faulty(files: &Files, (calls, error, when): Fault<'_>) -> Command {
    tool("strace", "the package strace");
    let mut command = files.command("strace");
    command.args(["-f", "-o"]).arg(files.folder().join("calls"));
    for ending in ["", "-wal"] {
        command.arg("-P").arg(files.folder().join(format!("inbox.db{ending}")));
    }
    command.args(["-e", &format!("trace={calls}")]);
    command.args(["-e", &format!("inject={calls}:error={error}:when={when}")]).arg(DURABLE);
    command
}

/// Ends a server whose parent is strace.
#[track_caller]
fn kill(files: &Files) {
    let server = fs::read_to_string(files.folder().join("inbox.db-lock")).expect("it runs");
    let killed = Command::new("sh").args(["-c", &format!("kill -KILL {server}")]).status();
    assert!(killed.is_ok_and(|status| status.success()));
}
