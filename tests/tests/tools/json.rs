//! What commands print for programs is what `docs/json.md` says: every key, and what it holds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use product_tests::{Postgres, Process, SECRET, Server, Stream, new_inbox, program, run, until};
use serde_json::Value;
use webhook_core::Sample;

const PROGRAM: &str = env!("CARGO_BIN_EXE_operated");

/// For each heading: the keys, what each may hold, and whether it may be absent.
type Documented = BTreeMap<String, BTreeMap<String, Key>>;

#[derive(Debug)]
struct Key {
    holds: Vec<String>,
    may_be_absent: bool,
}

fn documented() -> Documented {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/json.md");
    let text = std::fs::read_to_string(path).expect("the document can be read");
    let (mut documented, mut heading) = (Documented::new(), String::new());
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            heading = title.trim_matches('`').to_owned();
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let ["", key, holds, means, ""] = &cells[..]
            && let Some(key) = key.strip_prefix('`').and_then(|key| key.strip_suffix('`'))
        {
            let holds = holds.split(" or ").map(str::to_owned).collect();
            let row = Key { holds, may_be_absent: means.contains("may be absent") };
            let known = documented.entry(heading.clone()).or_default().insert(key.to_owned(), row);
            assert!(known.is_none(), "{heading}: {key} is there twice");
        }
    }
    documented
}

/// What is known of one command: which keys were seen, each with a value that is not null.
#[derive(Default)]
struct Seen(BTreeMap<String, BTreeSet<String>>);

impl Seen {
    /// Compares what a command printed with the document.
    fn check(&mut self, documented: &Documented, heading: &str, text: &str) {
        let keys = documented.get(heading).unwrap_or_else(|| panic!("the document has no `{heading}`"));
        let parsed: Vec<Value> = serde_json::Deserializer::from_str(text)
            .into_iter()
            .collect::<Result<_, _>>()
            .unwrap_or_else(|error| panic!("{heading}: {error}: {text}"));
        assert!(!parsed.is_empty(), "{heading} printed nothing");
        let seen = self.0.entry(heading.to_owned()).or_default();
        for value in &parsed {
            walk(heading, keys, "", value, seen);
        }
    }

    /// Fails if a documented key was never printed.
    fn all(self, documented: &Documented) {
        for (heading, keys) in documented {
            let seen = self.0.get(heading).unwrap_or_else(|| panic!("`{heading}` was not tried"));
            let missing: Vec<_> = keys.keys().filter(|key| !seen.contains(*key)).collect();
            assert_eq!(missing, Vec::<&String>::new(), "{heading} does not print these");
        }
    }
}

fn walk(heading: &str, keys: &BTreeMap<String, Key>, path: &str, value: &Value, seen: &mut BTreeSet<String>) {
    let inside = |prefix: &str| keys.keys().any(|key| key.starts_with(prefix));
    let key = keys.get(path);
    if let Some(key) = key {
        seen.insert(path.to_owned());
        let is = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "text",
            Value::Array(_) => "list",
            Value::Object(_) => "object",
        };
        let fits = key.holds.iter().any(|holds| holds == is || holds == "JSON");
        assert!(fits, "{heading}: {path} is {is}, and the document says {}", key.holds.join(" or "));
    }
    match value {
        Value::Array(values) if inside(&format!("{path}[]")) => {
            values.iter().for_each(|value| walk(heading, keys, &format!("{path}[]"), value, seen));
        }
        Value::Object(fields) if path.is_empty() || inside(&format!("{path}.")) => {
            let prefix = if path.is_empty() { String::new() } else { format!("{path}.") };
            for (name, value) in fields {
                walk(heading, keys, &format!("{prefix}{name}"), value, seen);
            }
            let direct = keys.iter().filter(|(key, row)| {
                key.strip_prefix(&*prefix).is_some_and(|rest| !rest.contains(['.', '[']))
                    && !row.may_be_absent
            });
            for (key, _) in direct {
                assert!(fields.contains_key(&key[prefix.len()..]), "{heading} has no {key}: {value}");
            }
        }
        _ => assert!(key.is_some() || path.is_empty(), "{heading} prints {path}, and the document lacks it"),
    }
}

fn command(inbox: &str, arguments: &[&str]) -> Command {
    let mut command = program(PROGRAM);
    command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("WEBHOOK_INBOX", inbox).args(arguments);
    command
}

/// What a command prints as JSON.
fn printed(inbox: &str, arguments: &[&str]) -> String {
    run(command(inbox, arguments).arg("--json")).with_code(0).stdout
}

#[test]
fn programs_get_what_is_documented() {
    let (documented, mut seen) = (documented(), Seen::default());
    let path = new_inbox().display().to_string();
    let server = Server::from_command(&mut command(&path, &[]), &[]);
    let tail =
        Process::start(command(&path, &["inbox", "tail", "--json", "--last", "0"]).args::<_, &str>([]));
    let mut ids = Vec::new();
    for event_type in ["payout.paid", "charge.refunded", "charge.captured", "customer.created"] {
        let sample = Sample::new(event_type, 7).expect("it is known").account("acct_1");
        ids.push(sample.id());
        let body = sample.body(1_790_000_000);
        for _ in 0..2 {
            assert_eq!(server.post(&body).status(), 200);
        }
    }
    assert_eq!(server.post(b"no event").status(), 200);
    let mut get = |heading: &str, arguments: &[&str]| {
        seen.check(&documented, heading, &printed(&path, arguments));
    };
    let state = |state: &str| printed(&path, &["inbox", "list", "--state", state]);
    until("the tasks have run", || state("parked").contains("refunded") && state("done").contains("booked"));
    until("one waits", || state("ready").contains("being counted"));
    for (heading, arguments) in [
        ("handlers", &["handlers"][..]),
        ("events", &["events"]),
        ("events", &["events", "--thin"]),
        ("events --explain", &["events", "--explain", "invoice.upcoming"]),
        ("events --explain", &["events", "--explain", "subscription"]),
        ("trigger", &["trigger", "payout.paid", "customer.created", "--to", &server.url]),
        ("inbox list", &["inbox", "list"]),
        ("inbox list", &["inbox", "retry", "--all", "--dry-run"]),
        ("inbox list --quarantine", &["inbox", "list", "--quarantine"]),
        ("inbox show", &["inbox", "show", &ids[0]]),
        ("inbox show", &["inbox", "show", &ids[2]]),
        ("inbox show", &["inbox", "show", &ids[3]]),
        ("inbox stats", &["inbox", "stats"]),
        ("inbox retry", &["inbox", "retry", &ids[1]]),
        ("inbox retry", &["inbox", "skip", &ids[2]]),
        ("inbox prune", &["inbox", "prune"]),
        ("replay", &["replay", &ids[0]]),
        ("serve --check", &["serve", "--check"]),
    ] {
        get(heading, arguments);
    }
    let exported = run(&mut command(&path, &["inbox", "export"])).with_code(0).stdout;
    seen.check(&documented, "inbox show", &exported);
    tail.line_with(Stream::Stdout, "\"task\"");
    tail.signal("INT");
    let tailed = tail.wait().with_code(0).stdout;
    // What is left out takes more events than a test should send.
    let left_out = "{\"change\":\"left_out\",\"events\":7,\"is_more\":true}";
    seen.check(&documented, "inbox tail", &format!("{tailed}{left_out}"));
    server.stop();

    let database = Postgres::start();
    let server = Server::from_command(&mut command(&database.url(), &[]), &[]);
    seen.check(&documented, "inbox instances", &printed(&database.url(), &["inbox", "instances"]));
    server.stop();
    seen.all(&documented);
}
