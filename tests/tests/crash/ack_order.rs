//! No event is answered with 200 before it is on the disk: the system's own record of what the server asked of it says
//! in which order it happened.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use product_tests::{Client, Delivery, Files, Server, tool};

/// How many threads send, and how many events each.
const SENDERS: u64 = 5;
const EVENTS: u64 = 10;

/// A system call of the server.
#[derive(Debug)]
struct Call {
    name: String,
    /// The file or socket, as strace names it.
    on: String,
    /// Everything from the opening parenthesis, with the result.
    rest: String,
    /// The lines of the record at which it began and ended.
    began: usize,
    ended: usize,
}

#[test]
fn no_200_is_sent_before_the_event_is_synced() {
    tool("strace", "the package strace");
    let files = Files::fresh("ack-order");
    let record = files.folder().join("calls");
    let mut command = files.command("strace");
    // `-s`: an event's id is found in what is read, and in the page that is written.
    command.args(["-f", "-y", "-s", "20000", "-e"]);
    command.arg("trace=fsync,fdatasync,read,recvfrom,write,writev,sendto,pwrite64").arg("-ttt");
    command.arg("-o").arg(&record).arg(env!("CARGO_BIN_EXE_durable"));
    let server = Server::from_command(&mut command, &[]);

    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let address = server.address;
            scope.spawn(move || {
                let mut client = Client::default();
                for event in 0..EVENTS {
                    let number = sender * EVENTS + event;
                    let delivery = Delivery::new("payment_intent.succeeded", number, number, 0);
                    let told = client.post(address, delivery.body.as_bytes()).expect("an answer");
                    assert_eq!(told.status, 200);
                }
            });
        }
    });
    // Signals to strace do not reach the server; who holds the lock is the server.
    let server_id = std::fs::read_to_string(files.folder().join("inbox.db-lock")).expect("it runs");
    let killed = Command::new("sh").args(["-c", &format!("kill -TERM {server_id}")]).status();
    assert!(killed.is_ok_and(|status| status.success()));
    server.process.wait().with_code(0);

    let record = std::fs::read_to_string(&record).expect("strace has written it");
    let acknowledged = check(&calls(&record));
    let all = (0..SENDERS * EVENTS).map(|number| Delivery::new("payment_intent.succeeded", number, 0, 0).id);
    assert_eq!(acknowledged, all.collect::<BTreeSet<_>>(), "each event has its 200");
}

/// Expects before each 200 a sync of the log that began when the event had been written there. Returns the events that
/// were answered.
#[track_caller]
fn check(calls: &[Call]) -> BTreeSet<String> {
    let in_log = |call: &&Call| call.on.ends_with("/inbox.db-wal");
    let writes: Vec<_> = calls.iter().filter(in_log).filter(|call| call.name == "pwrite64").collect();
    let syncs: Vec<_> = calls.iter().filter(in_log).filter(|call| call.name.ends_with("sync")).collect();
    // What has been read from a socket since the last answer on it.
    let mut read: BTreeMap<&str, String> = BTreeMap::new();
    let mut acknowledged = BTreeSet::new();
    for call in calls {
        match &*call.name {
            "read" | "recvfrom" => read.entry(&call.on).or_default().push_str(&call.rest),
            "write" | "writev" | "sendto" if call.rest.contains("HTTP/1.1 200") => {
                let request = read.remove(&*call.on).unwrap_or_default();
                let at = request.find("evt_Made").unwrap_or_else(|| panic!("no event before {call:#?}"));
                let id = &request[at..at + "evt_Made000000000000".len()];
                let written = writes.iter().find(|write| write.rest.contains(id));
                let written = written.unwrap_or_else(|| panic!("{id} is not in the log"));
                let is_between = |sync: &&&Call| {
                    sync.rest.ends_with(" = 0") && sync.began > written.ended && sync.ended < call.began
                };
                assert!(
                    syncs.iter().any(|sync| is_between(&sync)),
                    "{id} was answered before it was synced: {call:#?}\n{syncs:#?}"
                );
                assert!(acknowledged.insert(id.to_owned()), "{id} was answered twice");
            }
            _ => {}
        }
    }
    acknowledged
}

/// The calls on files and sockets, in the order in which they ended.
fn calls(record: &str) -> Vec<Call> {
    // By thread: what it began, and at which line.
    let mut unfinished: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    let mut calls = Vec::new();
    for (number, line) in record.lines().enumerate() {
        // `4711  1700000000.000000 fsync(9</path>) = 0`; the thread's number is padded.
        let mut words = line.trim_start().splitn(2, ' ');
        let (Some(thread), Some(rest)) = (words.next(), words.next()) else { continue };
        let Some((_time, what)) = rest.trim_start().split_once(' ') else { continue };
        if let Some(beginning) = what.strip_suffix(" <unfinished ...>") {
            unfinished.insert(thread, (number, beginning));
        } else if let Some(resumed) = what.strip_prefix("<... ") {
            let Some((_, rest)) = resumed.split_once(" resumed>") else { continue };
            let Some((began, beginning)) = unfinished.remove(thread) else { continue };
            calls.extend(call(&format!("{beginning}{rest}"), began, number));
        } else {
            calls.extend(call(what, number, number));
        }
    }
    calls
}

fn call(text: &str, began: usize, ended: usize) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    let (on, _) = rest.split_once('>')?;
    Some(Call { name: name.to_owned(), on: on.to_owned(), rest: rest.to_owned(), began, ended })
}
