//! What happens, as it happens: `inbox tail`, and the streams of the admin pages.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use product_tests::{Connection, Process, SECRET, Server, Stream, exchange, new_inbox, program, run, until};
use serde_json::Value;

/// A server whose handlers end in every way.
struct Watched {
    server: Server,
    admin: SocketAddr,
    inbox: PathBuf,
}

fn outcomes(inbox: &Path) -> Command {
    let mut command = program(env!("CARGO_BIN_EXE_outcomes"));
    command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("WEBHOOK_INBOX", inbox);
    command
}

impl Watched {
    fn start() -> Self {
        Self::with_inbox(new_inbox())
    }

    fn with_inbox(inbox: PathBuf) -> Self {
        let (server, admin) = Server::with_admin(&mut outcomes(&inbox), &[]);
        Self { server, admin, inbox }
    }

    fn receives(&self, id: &str, event_type: &str) {
        let body = format!(
            r#"{{"id":"{id}","object":"event","type":"{event_type}","created":1790000000,"livemode":false,
            "api_version":"2026-10-28.endive","data":{{"object":{{"object":"invoice","id":"in_1"}}}}}}"#
        );
        assert_eq!(self.server.post(body.as_bytes()).status(), 200);
    }

    /// Follows the inbox with a command.
    fn tail(&self, arguments: &[&str]) -> Process {
        Process::start(outcomes(&self.inbox).args(["inbox", "tail"]).args(arguments))
    }

    /// Opens a stream.
    fn stream(&self, path: &str) -> Connection {
        let mut connection = Connection::open(self.admin);
        connection.send(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.admin));
        connection
    }

    fn stop(self) {
        self.server.stop();
    }
}

#[test]
fn an_operator_sees_a_task_from_its_arrival_to_its_end() {
    let watched = Watched::start();
    watched.receives("evt_0", "payment_intent.succeeded");
    let tail = watched.tail(&["--last", "1"]);
    tail.line_with(Stream::Stdout, "evt_0");
    watched.receives("evt_1", "invoice.paid");
    let received = tail.line_with(Stream::Stdout, "evt_1");
    assert!(received.contains("in_1") && received.ends_with("received"), "{received}");
    watched.receives("evt_2", "charge.captured");
    let again = tail.line_with(Stream::Stdout, "the stock is being counted");
    assert!(again.contains("ready, attempt 1: the stock is being counted, again in "), "{again}");
    let last = tail.line_with(Stream::Stdout, "parked");
    assert!(last.contains("attempt 2, the last attempt failed: the ledger is torn"), "{last}");
    let seen = tail.seen(Stream::Stdout);
    assert!(seen.contains("good_beside_bad") && seen.contains("done after"), "{seen}");
    tail.signal("INT");
    tail.wait().with_code(0);
    watched.stop();
}

#[test]
fn each_line_is_an_object_for_programs() {
    let watched = Watched::start();
    let tail =
        watched.tail(&["--json", "--handler", "outcomes::park", "--state", "parked", "--type", "charge.*"]);
    watched.receives("evt_1", "charge.refunded");
    watched.receives("evt_2", "payment_intent.succeeded");
    watched.receives("evt_3", "charge.refunded");
    tail.lines(Stream::Stdout, 2);
    tail.signal("INT");
    let ended = tail.wait().with_code(0);
    let lines: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
    let of =
        |line: &Value| [&line["change"], &line["task"]["event_id"], &line["task"]["state"]].map(Value::clone);
    assert_eq!(
        lines.iter().map(of).collect::<Vec<_>>(),
        [["task", "evt_1", "parked"].map(Value::from), ["task", "evt_3", "parked"].map(Value::from),]
    );
    watched.stop();
}

#[test]
fn a_tail_goes_on_when_the_server_is_started_again() {
    let watched = Watched::start();
    let inbox = watched.inbox.clone();
    let tail = watched.tail(&[]);
    watched.receives("evt_1", "payment_intent.succeeded");
    tail.line_with(Stream::Stdout, "evt_1");
    watched.stop();
    let watched = Watched::with_inbox(inbox);
    watched.receives("evt_2", "payment_intent.succeeded");
    tail.line_with(Stream::Stdout, "evt_2");
    watched.stop();
    tail.signal("INT");
    tail.wait().with_code(0);
}

#[test]
fn a_tail_without_a_reader_ends() {
    let watched = Watched::start();
    let mut command = outcomes(&watched.inbox);
    command.args(["inbox", "tail"]);
    let mut tail = command.stdout(Stdio::piped()).spawn().expect("it starts");
    drop(tail.stdout.take());
    assert_eq!(tail.wait().expect("it ends").code(), Some(0), "though nothing happens");
    watched.stop();
}

#[test]
fn what_is_misspelt_is_said() {
    let watched = Watched::start();
    for (flags, told) in [
        (["--type", "invoice.pade"], "did you mean `invoice.paid`?"),
        (["--handler", "outcomes::parc"], "did you mean `outcomes::park`?"),
        (["--since", "yesterday"], "how long ago"),
    ] {
        let ended = run(outcomes(&watched.inbox).args(["inbox", "tail"]).args(flags)).with_code(1);
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
    }
    watched.stop();
}

#[test]
fn a_page_hears_of_events_and_goes_on_where_it_was() {
    let watched = Watched::start();
    watched.receives("evt_1", "payment_intent.succeeded");
    until("its task is done", || {
        let event = exchange(watched.admin, "GET", "/event?id=evt_1", &[], b"");
        !event.body.contains("data-stream=\"")
    });
    let page = exchange(watched.admin, "GET", "/live", &[], b"");
    assert!(
        page.header("content-security-policy").is_some_and(|policy| policy.ends_with("; connect-src 'self'"))
    );
    let (_, stream) = page.body.split_once("data-stream=\"").expect("the page names its stream");
    let stream = stream.split('"').next().expect("it ends").replace("&#38;", "&");
    let mut first = watched.stream(&stream);
    watched.receives("evt_2", "invoice.paid");
    let seen = first.read_until("id=evt_2");
    assert!(seen.contains("\r\ncontent-type: text/event-stream\r\n") && !seen.contains("evt_1"), "{seen}");
    first.read_until("the ledger is torn");
    let id = first.read_until("\nid: ") + &first.read_until("\n");
    let id = id.rsplit("id: ").next().expect("it has an id").trim().to_owned();
    drop(first);
    watched.receives("evt_3", "payment_intent.succeeded");
    let mut connection = Connection::open(watched.admin);
    connection
        .send(format!("GET {stream} HTTP/1.1\r\nHost: {}\r\nLast-Event-ID: {id}\r\n\r\n", watched.admin));
    let seen = connection.read_until("id=evt_3");
    assert!(seen.contains("id=evt_2"), "it has open tasks: {seen}");
    watched.stop();
}

#[test]
fn the_page_of_an_event_hears_of_its_runs() {
    let watched = Watched::start();
    watched.receives("evt_1", "invoice.paid");
    let event = exchange(watched.admin, "GET", "/event?id=evt_1&cursor=1", &[], b"");
    assert!(event.body.contains("data-stream=\"/event/stream?id=evt_1&#38;cursor=1\""), "{}", event.body);
    let mut stream = watched.stream("/event/stream?id=evt_1&cursor=1");
    stream.read_until("the last attempt failed");
    stream.read_until("event: end");
    let event = exchange(watched.admin, "GET", "/event?id=evt_1&cursor=1", &[], b"");
    assert!(!event.body.contains("data-stream=\""), "nothing is open: {}", event.body);
    watched.stop();
}

#[test]
fn streams_are_few_and_end_with_the_server() {
    let watched = Watched::start();
    let stream = || watched.stream("/live/stream?cursor=0");
    let mut streams: Vec<_> = (0..8).map(|_| stream()).collect();
    streams.iter_mut().for_each(|stream| drop(stream.read_until("retry: 500\n\n")));
    let one_more = exchange(watched.admin, "GET", "/live/stream?cursor=0", &[], b"");
    assert_eq!(one_more.status(), 503, "{}", one_more.body);
    drop(streams.pop());
    until("the place of a browser that has left is free", || {
        let mut one_more = stream();
        one_more.read_until(" ");
        one_more.read_until(" ").trim() == "200"
    });
    watched.server.process.signal("TERM");
    for stream in &mut streams {
        let _ = stream.read_rest(&mut Vec::new());
    }
    watched.server.process.wait().with_code(0);
}
