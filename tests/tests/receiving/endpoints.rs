//! Several endpoints of one server: each has its own path and its own secrets.

use std::process::Command;

use product_tests::{
    OTHER_SECRET, Process, SECRET, Server, Stream, exchange, new_inbox, program, run, signed, unix_now,
};
use serde_json::{Value, json};
use webhook_core::Sample;

/// The program, in an environment with the secrets of both endpoints.
fn endpoints() -> Command {
    let mut command = program(env!("CARGO_BIN_EXE_endpoints"));
    command.env("STRIPE_OWN_SECRET", SECRET).env("STRIPE_CONNECT_SECRET", format!("new {OTHER_SECRET}"));
    command.env("WEBHOOK_INBOX", new_inbox());
    command
}

#[test]
fn each_endpoint_has_its_own_secrets_and_the_log_names_the_one_that_signed() {
    let server = Server::from_command(&mut endpoints(), &[]);
    let sample = |seed| Sample::new("account.updated", seed).expect("there is such a type");
    let (test, live) = (sample(1).body(1_700_000_000), sample(2).livemode(true).body(1_700_000_000));
    let post = |path: &str, secret: &str, body: &[u8]| {
        let signature = signed(&[secret], unix_now(), body);
        exchange(server.address, "POST", path, &[("Stripe-Signature", signature.as_bytes())], body).status()
    };
    for (name, path, secret, body, status) in [
        ("the secret of the other endpoint", "/stripe", OTHER_SECRET, &test, 400),
        ("the same, the other way round", "/stripe/connect", SECRET, &live, 400),
        ("its own", "/stripe", SECRET, &test, 200),
        ("a test event, live events alone", "/stripe/connect", OTHER_SECRET, &test, 200),
        ("one more, which is counted", "/stripe/connect", OTHER_SECRET, &test, 200),
        ("a live event", "/stripe/connect", OTHER_SECRET, &live, 200),
        ("the same through the other endpoint", "/stripe", SECRET, &live, 200),
        ("no endpoint", "/webhook", SECRET, &test, 404),
    ] {
        assert_eq!(post(path, secret, body), status, "{name}");
    }
    for through in ["/stripe", "connect"] {
        server.process.line_with(Stream::Stdout, &format!("updated through {through}"));
    }
    let ended = server.stop();
    assert_eq!(ended.stdout.lines().count(), 2, "each event is handled once: {ended:#?}");
    for told in [
        "endpoint=\"connect\" secret=\"new\" status=200 tasks=1",
        "event of the other mode: answered with 200, and not handled",
        "more events of the other mode: answered with 200, and not handled livemode=false count=1",
        "event was stored before",
        "only at `/stripe`, `/stripe/connect`",
    ] {
        assert!(ended.stderr.contains(told), "{told}: {ended:#?}");
    }
    assert!(!ended.stderr.contains(&SECRET[6..]) && !ended.stderr.contains(&OTHER_SECRET[6..]), "{ended:#?}");
}

/// An event of live mode.
fn live(event_type: &str, seed: u64) -> Vec<u8> {
    let sample = Sample::new(event_type, seed).expect("there is such a type");
    sample.livemode(true).body(1_700_000_000)
}

/// Posts a body to the endpoint at a path. The answer is the same whether the event is new or known.
#[track_caller]
fn post(server: &Server, path: &str, secret: &str, body: &[u8]) {
    let signature = signed(&[secret], unix_now(), body);
    let answer = exchange(server.address, "POST", path, &[("Stripe-Signature", signature.as_bytes())], body);
    assert_eq!(answer.status(), 200, "{path}");
}

#[test]
fn a_handler_of_one_endpoint_runs_on_what_comes_through_it_and_once() {
    let inbox = new_inbox();
    let mut command = endpoints();
    let server = Server::from_command(command.env("WEBHOOK_INBOX", &inbox), &[]);
    let (payout, own) = (live("payout.paid", 1), live("payout.paid", 2));
    let told = |line: &str| server.process.line_with(Stream::Stdout, line);
    // First through the endpoint whose handler takes everything else, then through its own.
    post(&server, "/stripe", SECRET, &payout);
    told("rest through /stripe");
    post(&server, "/stripe/connect", OTHER_SECRET, &payout);
    told("paid out through connect");
    for _ in 0..2 {
        post(&server, "/stripe/connect", OTHER_SECRET, &payout);
        post(&server, "/stripe", SECRET, &payout);
    }
    // What does not come through it does not reach it.
    post(&server, "/stripe", SECRET, &own);
    told("rest through /stripe");
    let command =
        |words: &[&str]| run(endpoints().env("WEBHOOK_INBOX", &inbox).args(words)).with_code(0).stdout;
    let id = |body: &[u8]| {
        let event: Value = serde_json::from_slice(body).expect("it is JSON");
        event["id"].as_str().expect("it has an id").to_owned()
    };
    // A replay runs each event's own handlers.
    assert!(command(&["replay", &id(&payout)]).starts_with("2 tasks run now"));
    assert!(command(&["replay", &id(&own)]).starts_with("1 tasks run now"));
    assert!(
        command(&["replay", &id(&own), "--handler", "endpoints::paid_out"]).starts_with("0 tasks run now")
    );
    let ended = server.stop();
    let count = |line: &str| ended.stdout.lines().filter(|found| *found == line).count();
    assert_eq!(
        (count("rest through /stripe"), count("paid out through connect")),
        (4, 2),
        "each ran once, and was replayed once: {ended:#?}"
    );
    let added = ended.stderr.lines().filter(|line| line.contains("event was stored before"));
    assert_eq!(added.filter(|line| line.contains("tasks=1")).count(), 1, "{ended:#?}");
}

#[test]
fn the_inbox_shows_which_secret_signed_and_when_each_was_last_used() {
    let inbox = new_inbox();
    let mut serving = endpoints();
    serving.env("WEBHOOK_INBOX", &inbox).env("STRIPE_OWN_SECRET", format!("new {OTHER_SECRET},old {SECRET}"));
    let server = Server::from_command(&mut serving, &[]);
    let event = live("payout.paid", 1);
    post(&server, "/stripe", SECRET, &event);
    post(&server, "/stripe/connect", OTHER_SECRET, &event);
    let command =
        |words: &[&str]| run(endpoints().env("WEBHOOK_INBOX", &inbox).args(words)).with_code(0).stdout;
    let look = || {
        let parsed: Value = serde_json::from_slice(&event).expect("it is JSON");
        let id = parsed["id"].as_str().expect("it has an id");
        let shown = command(&["inbox", "show", id]);
        assert!(shown.contains("/stripe (secret old), connect (secret new)"), "{shown}");
        let shown: Value =
            serde_json::from_str(&command(&["inbox", "show", id, "--format", "json"])).expect("JSON");
        let came_by = |at: usize| {
            let row = &shown["event"]["endpoints"][at];
            assert!(row["received_ms"].is_u64(), "{row}");
            (row["endpoint"].clone(), row["secret"].clone())
        };
        assert_eq!(came_by(0), (json!("/stripe"), json!("old")));
        assert_eq!(came_by(1), (json!("connect"), json!("new")));
        let stats = command(&["inbox", "stats"]);
        let rows: Vec<Vec<&str>> = stats
            .lines()
            .skip_while(|line| !line.contains("LAST USED"))
            .skip(1)
            .map(|line| line.split_whitespace().take(2).collect())
            .collect();
        assert_eq!(rows, [["/stripe", "old"], ["connect", "new"]], "{stats}");
        let stats: Value =
            serde_json::from_str(&command(&["inbox", "stats", "--format", "json"])).expect("JSON");
        let secrets = stats["secrets"].as_array().expect("it is a list");
        assert_eq!(secrets.len(), 2, "{stats}");
        assert!(secrets.iter().all(|row| row["last_used_ms"].is_u64()), "{stats}");
        format!("{shown} {stats}")
    };
    // Through the server, and then without one.
    let through_server = look();
    server.stop();
    let directly = look();
    for shown in [through_server, directly] {
        assert!(!shown.contains(&SECRET[6..]) && !shown.contains(&OTHER_SECRET[6..]), "{shown}");
    }
    let file = std::fs::read(&inbox).expect("it is there");
    for secret in [SECRET, OTHER_SECRET] {
        let is_in = file.windows(secret.len() - 6).any(|part| part == &secret.as_bytes()[6..]);
        assert!(!is_in, "the inbox holds no secret");
    }
}

#[test]
fn a_handler_of_an_endpoint_that_there_is_not_stops_the_start() {
    let refused = Server::try_from_command(endpoints().env("CONNECT", "conect"), &["--tolerance", "0s"]);
    let Err(refused) = refused else { panic!("it starts") };
    let refused = refused.with_code(78).stderr;
    assert!(refused.contains("2 problems"), "{refused}");
    let told = "handler `endpoints::paid_out` (tests/src/bin/endpoints.rs:12) takes events of the endpoint `connect`, \
                but the application has no such endpoint: did you mean `conect`?";
    assert!(refused.contains(told), "{refused}");
}

#[test]
fn the_commands_show_the_endpoint_of_a_handler_and_dev_sends_to_each() {
    let handlers = run(endpoints().args(["handlers", "--wide"])).with_code(0).stdout;
    assert!(handlers.contains("(endpoint connect)") && handlers.contains("(endpoint /stripe)"), "{handlers}");
    let rows = run(endpoints().args(["handlers", "--format", "json"])).with_code(0).stdout;
    let rows: Value = serde_json::from_str(&rows).expect("it is JSON");
    let endpoint = |id: &str| {
        let row = rows.as_array().expect("a list").iter().find(|row| row["id"] == id).expect("it is there");
        row["endpoint"].clone()
    };
    assert_eq!(endpoint("endpoints::paid_out"), json!("connect"));
    assert_eq!(endpoint("endpoints::updated"), Value::Null);
    let enabled = |flags: &[&str]| run(endpoints().args(["events", "--enabled"]).args(flags));
    assert_eq!(enabled(&[]).with_code(0).stdout, "account.updated\npayout.paid\n");
    assert_eq!(enabled(&["--endpoint", "connect"]).with_code(0).stdout, "account.updated\npayout.paid\n");
    assert_eq!(enabled(&["--endpoint", "/stripe"]).with_code(0).stdout, "account.updated\n");
    assert!(enabled(&["--endpoint", "conect"]).with_code(1).stderr.contains("did you mean `connect`?"));
    let dev =
        |flags: &[&str]| run(endpoints().args(["dev", "--once", "--listen", "127.0.0.1:0"]).args(flags));
    let all = dev(&[]).with_code(0).stdout;
    for told in [
        "updated through /stripe",
        "paid out through connect",
        "rest through /stripe",
        "/stripe/connect (connect)",
    ] {
        assert!(all.contains(told), "{told}: {all}");
    }
    let one = dev(&["--endpoint", "connect"]).with_code(0).stdout;
    assert!(one.contains("updated through connect") && one.contains("paid out through connect"), "{one}");
    assert!(!one.contains("through /stripe"), "{one}");
    // What it says how to send another event works.
    for (endpoint, variable, told) in
        [("/stripe", "STRIPE_OWN_SECRET", "updated"), ("connect", "STRIPE_CONNECT_SECRET", "paid out")]
    {
        let waiting = ["dev", "--endpoint", endpoint, "--listen", "127.0.0.1:0"];
        let dev = Process::start(endpoints().args(waiting));
        dev.line_with(Stream::Stdout, "Still listening");
        let line = dev.line_with(Stream::Stdout, &format!("{variable}=whsec_"));
        let mut shell = program("sh");
        shell.args(["-c", line.trim()]);
        run(&mut shell).with_code(0);
        dev.line_with(Stream::Stdout, &format!("{told} through {endpoint}"));
        dev.signal("INT");
        dev.wait().with_code(0);
    }
    let unknown = dev(&["--endpoint", "elsewhere"]).with_code(1).stderr;
    assert!(unknown.contains("no endpoint `elsewhere`: it has `/stripe`, `connect`"), "{unknown}");
}

#[test]
fn a_variable_that_another_endpoint_reads_is_not_taken_for_a_missing_secret() {
    let file = new_inbox().with_file_name("shop.toml");
    std::fs::write(&file, "[endpoint.\"/stripe\"]\nsecret-env = \"STRIPE_WEBHOOK_SECRET\"\n")
        .expect("it can");
    let mut command = program(env!("CARGO_BIN_EXE_endpoints"));
    command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("STRIPE_ENDPOINT_SECRET", SECRET);
    let refused = run(command.args(["serve", "--config"]).arg(file)).with_code(78).stderr;
    assert!(refused.contains("set STRIPE_CONNECT_SECRET"), "{refused}");
    assert!(refused.contains("STRIPE_ENDPOINT_SECRET is set, but is not read"), "{refused}");
    assert!(!refused.contains("STRIPE_WEBHOOK_SECRET is set"), "{refused}");
}

#[test]
fn trigger_signs_with_the_secret_of_the_endpoint_that_it_sends_to() {
    let mut command = endpoints();
    let server = Server::from_command(&mut command, &[]);
    let listen = server.address.to_string();
    let trigger = |flags: &[&str]| {
        let mut command = endpoints();
        run(command
            .env("WEBHOOK_LISTEN", &listen)
            .args(["trigger", "account.updated", "--livemode"])
            .args(flags))
    };
    trigger(&[]).with_code(0);
    trigger(&["--endpoint", "connect"]).with_code(0);
    let unknown = trigger(&["--endpoint", "conect"]).with_code(1);
    assert!(unknown.stderr.contains("did you mean `connect`?"), "{unknown:#?}");
    server.stop();
}

#[test]
fn what_is_wrong_with_an_endpoint_stops_the_start() {
    for (flags, name, value, told) in [
        (&[][..], "STRIPE_CONNECT_SECRET", "", "STRIPE_CONNECT_SECRET: "),
        (&[], "STRIPE_CONNECT_SECRET", "sk_live_0123456789abcdef", "STRIPE_CONNECT_SECRET: it is an API key"),
        (&["--path", "/x"], "X", "x", "--path is set, but this program declares its endpoints"),
        (&["--secret-file", "/x"], "X", "x", "--secret-file is set, but this program declares its endpoints"),
    ] {
        let refused = Server::try_from_command(endpoints().env(name, value), flags);
        let Err(refused) = refused else { panic!("{flags:?} {name}: it starts") };
        let refused = refused.with_code(78);
        assert!(refused.stderr.contains(told), "{told}: {refused:#?}");
    }
    let refused = Server::try_from_command(endpoints().env_remove("STRIPE_OWN_SECRET"), &[]);
    let Err(refused) = refused else { panic!("it starts") };
    let refused = refused.with_code(78).stderr;
    assert!(
        refused.contains("no signing secret for endpoint `/stripe`")
            && refused.contains("set STRIPE_OWN_SECRET")
    );
}
