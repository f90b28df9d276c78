//! What happens at single calls on the inbox's files. A disk that fails: the server lives, promises nothing that is not
//! on the disk, and takes events again as soon as the disk does. A kill in the middle of a commit, or of copying the log
//! into the database: the next start has everything.

use std::fs;
use std::process::Command;

use product_tests::{Client, Delivery, Files, History, Server, tool, until};

const DURABLE: &str = env!("CARGO_BIN_EXE_durable");

/// How many events each server is sent.
const EVENTS: u64 = 15;

const SYNC: &str = "fsync,fdatasync";
const WRITE: &str = "pwrite64";
const READ: &str = "pread64";

/// What happens to a server: at which calls, what, and at which one of each thread, or from which one to which.
type Fault<'f> = (&'f str, &'f str, &'f str);

const DATABASE: &str = "inbox.db";
const LOG: &str = "inbox.db-wal";

#[test]
fn whatever_call_fails_nothing_acknowledged_is_lost() {
    let mut refused = 0;
    for (call, what, all_when) in [
        (SYNC, "error=EIO", &["1", "2", "3", "4", "5..8", "3..20"][..]),
        (WRITE, "error=EIO", &["1", "2", "3", "4", "5", "6", "7", "11", "5..30"]),
        (WRITE, "error=ENOSPC", &["3", "5..30"]),
        (READ, "error=EIO", &["2", "5", "8", "10..30"]),
    ] {
        for when in all_when {
            refused += meet((call, what, when));
        }
    }
    assert!(refused > 0, "whoever sends should feel it");
}

/// Sends events to a server that meets a fault, each until it is taken, and compares what it leaves behind with what
/// it promised. Returns how often an event, or the start, was refused: not at all if what failed was the end of a run.
#[track_caller]
fn meet(fault: Fault<'_>) -> u32 {
    let (files, mut history) = (Files::fresh("io-errors"), History::default());
    let mut refused = 0;
    let log = match Server::try_from_command(&mut faulty(&files, &[DATABASE, LOG], fault), &[]) {
        Ok(server) => {
            for number in 0..EVENTS {
                refused += send(&server, &mut history, number);
            }
            signal(&files, "KILL");
            server.process.wait().stderr
        }
        Err(ended) => {
            refused += 1;
            let told = ended.with_code(78).stderr;
            assert!(told.contains("1 problem") && told.contains("/inbox.db "), "{fault:?}: {told}");
            told
        }
    };
    let calls = fs::read_to_string(files.folder().join("calls")).expect("strace has written it");
    assert!(calls.contains("(INJECTED)"), "{fault:?} was not met: {calls}");
    check(&files, &history, log);
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

/// Has another server end what is open, and compares the files with the history.
#[track_caller]
fn check(files: &Files, history: &History, log: String) {
    let server = Server::from_command(&mut files.command(DURABLE), &[]);
    until("nothing is open", || files.open_tasks() == 0);
    history.assert_agrees(files, &[log, server.stop().stderr]);
}

#[test]
fn a_kill_in_the_middle_of_a_write_loses_nothing_acknowledged() {
    for (file, call, all_when) in [
        (LOG, WRITE, &["4", "5", "6", "7", "8", "9", "20"][..]),
        (LOG, SYNC, &["2", "3", "4"]),
        // Nothing but a checkpoint writes here: the one at the end.
        (DATABASE, WRITE, &["1", "2", "3", "5", "8"]),
        (DATABASE, SYNC, &["1"]),
    ] {
        for when in all_when {
            die(file, (call, "signal=KILL", when));
        }
    }
}

/// Sends events to a server until it is killed, or ends and is killed at that, and compares what it leaves behind with
/// what it promised.
#[track_caller]
fn die(file: &str, fault: Fault<'_>) {
    let (files, mut history) = (Files::fresh("io-kills"), History::default());
    let ended = match Server::try_from_command(&mut faulty(&files, &[file], fault), &[]) {
        Ok(server) => {
            send_all(&server, &mut history);
            if history.acked.len() as u64 == EVENTS {
                signal(&files, "TERM");
            }
            server.process.wait()
        }
        // In the middle of the start.
        Err(ended) => ended,
    };
    assert_eq!(ended.code, None, "{file} {fault:?}: it was killed: {ended:#?}");
    check(&files, &history, ended.stderr);
}

/// Sends events for as long as they are answered.
fn send_all(server: &Server, history: &mut History) {
    let mut client = Client::default();
    for number in 0..EVENTS {
        let delivery = Delivery::new("payment_intent.succeeded", number, number % 3, 0);
        history.send(&delivery);
        let Ok(told) = client.post(server.address, delivery.body.as_bytes()) else { return };
        assert_eq!(told.status, 200);
        history.ack(&delivery);
    }
}

/// A server to which something happens at calls on its files. It is not its first start, which has more to write than
/// any other.
#[track_caller]
fn faulty(files: &Files, on: &[&str], (calls, what, when): Fault<'_>) -> Command {
    tool("strace", "the package strace");
    Server::from_command(&mut files.command(DURABLE), &[]).stop();
    let mut command = files.command("strace");
    command.args(["-f", "-o"]).arg(files.folder().join("calls"));
    for name in on {
        command.arg("-P").arg(files.folder().join(name));
    }
    command.args(["-e", &format!("trace={calls}"), "-e", &format!("inject={calls}:{what}:when={when}")]);
    command.arg(DURABLE);
    command
}

/// Sends a signal to a server whose parent is strace.
#[track_caller]
fn signal(files: &Files, name: &str) {
    let server = fs::read_to_string(files.folder().join("inbox.db-lock")).expect("it runs");
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {server}")]).status();
    assert!(sent.is_ok_and(|status| status.success()));
}
