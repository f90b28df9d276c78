//! Several endpoints of one server: each has its own path and its own secrets.

use std::fs;
use std::path::Path;
use std::process::Command;

use product_tests::{
    Disk, Ended, Files, OTHER_SECRET, Process, SECRET, Server, Stream, exchange, new_inbox, program,
    repository, run, scratch, signed, tool, unix_now, until,
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
            .map(|line| line.split_whitespace().take(4).collect())
            .collect();
        let names: Vec<&[&str]> = rows.iter().map(|row| &row[..2]).collect();
        assert_eq!(names, [["/stripe", "new"], ["/stripe", "old"], ["connect", "new"]], "{stats}");
        assert_eq!((rows[0][2], rows[0][3]), (rows[2][2], "never"), "the same secret, unused here: {stats}");
        assert!(rows[1][3].len() == "2026-11-27T11:05Z".len(), "to the minute: {stats}");
        let stats: Value =
            serde_json::from_str(&command(&["inbox", "stats", "--format", "json"])).expect("JSON");
        let secrets = stats["secrets"].as_array().expect("it is a list");
        let is_used: Vec<bool> = secrets.iter().map(|row| row["last_used_ms"].is_u64()).collect();
        assert_eq!(is_used, [false, true, true], "{stats}");
        assert!(secrets[0]["last_used_ms"].is_null() && secrets[0].get("last_used_ms").is_some(), "{stats}");
        assert!(secrets.iter().all(|row| row["last_configured_ms"].is_u64()), "{stats}");
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

/// The file system of one endpoint's secrets hangs, as a network's may: requests are received, the other endpoint's secrets
/// are reloaded, and the server can stop.
#[test]
fn a_secret_file_that_hangs_is_told_and_holds_up_nothing_else() {
    tool("python3", "Python 3.9 or newer");
    let files = Files::fresh("hanging-secrets");
    let [own, connect, gate, config] =
        ["own", "connect", "gate", "config.toml"].map(|name| files.folder().join(name));
    let write = |file: &Path, text: &str| {
        let new = file.with_extension("new");
        fs::write(&new, text).expect("the folder is ours");
        fs::rename(new, file).expect("both are in one folder");
    };
    write(&own, SECRET);
    write(&connect, SECRET);
    let mount = format!(
        "exec python3 '{}' \"$1\" '{}' '{}'",
        repository().join("tests/fixtures/fuse.py").display(),
        own.display(),
        gate.display()
    );
    let disk = Disk::mount_with(&files, &mount);
    let on_disk = disk.mounted_at().join("own");
    let sections = [("/stripe", &on_disk), ("connect", &connect)]
        .map(|(name, file)| format!("[endpoint.\"{name}\"]\nsecret-file = \"{}\"\n", file.display()));
    write(&config, &sections.concat());
    let mut command = disk.command(&files, env!("CARGO_BIN_EXE_endpoints"));
    command.env("WEBHOOK_CONFIG", &config).env("WEBHOOK_INBOX", new_inbox());
    let server = Server::from_command(&mut command, &[]);
    let told = |words: &str| server.process.line_with(Stream::Stderr, words);
    let mut seeds = 0..;
    let mut check = |path: &str, secret: &str| {
        post(&server, path, secret, &live("account.updated", seeds.next().expect("there are more")));
    };
    check("/stripe", SECRET);

    fs::write(&gate, "").expect("the folder is ours");
    let line = told("reading the file hangs: ");
    assert!(line.contains("ERROR") && line.contains(&*on_disk.to_string_lossy()), "{line}");
    check("/stripe", SECRET);
    write(&connect, OTHER_SECRET);
    told("signing secrets reloaded endpoint=\"connect\"");
    check("/stripe/connect", OTHER_SECRET);
    server.process.signal("HUP");
    told("signing secrets: not reloaded, because reading the file hangs endpoint=\"/stripe\"");

    write(&own, OTHER_SECRET);
    fs::remove_file(&gate).expect("it is there");
    told("the file can be read again");
    told("signing secrets reloaded endpoint=\"/stripe\"");
    check("/stripe", OTHER_SECRET);

    fs::write(&gate, "").expect("the folder is ours");
    let is_told = || server.process.seen(Stream::Stderr).matches("reading the file hangs: ").count() == 2;
    until("it is told again", is_told);
    server.stop();
    fs::remove_file(&gate).expect("it is there");
    disk.unmount();
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
    let listed = run(endpoints().args(["events", "payout.paid"])).with_code(0).stdout;
    assert!(listed.contains("endpoints::paid_out (endpoint connect)"), "{listed}");
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
    // What it says how to send another event works, with secrets of this run and with given ones.
    for (endpoint, told) in [("/stripe", "updated"), ("connect", "paid out")] {
        for is_given in [false, true] {
            let program = || {
                let mut command = endpoints();
                if !is_given {
                    command.env_remove("STRIPE_OWN_SECRET").env_remove("STRIPE_CONNECT_SECRET");
                }
                command
            };
            let waiting = ["dev", "--endpoint", endpoint, "--listen", "127.0.0.1:0"];
            let dev = Process::start(program().args(waiting));
            dev.line_with(Stream::Stdout, "Still listening");
            let line = dev.line_with(Stream::Stdout, " trigger ");
            assert_eq!(line.contains("_SECRET=whsec_"), !is_given, "{line}");
            let mut shell = Command::new("sh");
            shell.args(["-c", line.trim()]).env_clear();
            shell.envs(program().get_envs().filter_map(|(name, value)| Some((name, value?))));
            run(&mut shell).with_code(0);
            dev.line_with(Stream::Stdout, &format!("{told} through {endpoint}"));
            dev.signal("INT");
            dev.wait().with_code(0);
        }
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

/// Runs `trigger`, which finds the server at its address.
fn trigger(server: &Server, words: &[&str]) -> Ended {
    run(endpoints().env("WEBHOOK_LISTEN", server.address.to_string()).arg("trigger").args(words))
}

#[test]
fn trigger_says_what_runs_at_the_endpoint_that_it_sends_to() {
    let server = Server::from_command(&mut endpoints(), &[]);
    let folder = scratch("trigger-endpoints");
    let file = |name: &str, body: &str| {
        let file = folder.join(name);
        std::fs::write(&file, body).expect("the target folder can be written to");
        file.display().to_string()
    };
    let recorded =
        r#"{"id":"evt_r","object":"event","type":"payout.paid","livemode":false,"data":{"object":{}}}"#;
    let (recorded, list) = (file("recorded.json", recorded), file("list.json", "[]"));
    let nowhere = format!("http://{}/stripe/connect", server.address);
    for (words, told) in [
        (&["account.updated"][..], &["     runs endpoints::updated at endpoint `/stripe`\n"][..]),
        (
            &["account.updated", "--endpoint", "connect", "--livemode"],
            &["runs endpoints::updated at endpoint `connect`"],
        ),
        // The endpoint takes live events only.
        (
            &["account.updated", "--endpoint", "connect"],
            &[
                "no handler runs: endpoint `connect` takes live events only. To run endpoints::updated, add --livemode",
            ],
        ),
        // A handler for the rest, and the type's own at another endpoint.
        (
            &["payout.paid"],
            &[
                "runs endpoints::rest at endpoint `/stripe`",
                "Endpoint `connect` runs endpoints::paid_out: use --endpoint connect and add --livemode",
            ],
        ),
        (
            &["payout.failed", "--endpoint", "connect"],
            &["no handler runs: none takes payout.failed at `connect`. \
                 Endpoint `/stripe` runs endpoints::rest: use --endpoint /stripe\n"],
        ),
        // The flag in the advice is one that fits the others.
        (
            &["payout.failed", "--livemode", "--to", &nowhere],
            &["Endpoint `/stripe` runs endpoints::rest: use --to http://127.0.0.1:", "/stripe\n"],
        ),
        (
            &["--file", &recorded],
            &[
                "runs endpoints::rest at endpoint `/stripe`, unless the inbox has this event already",
                "use --endpoint connect and set `livemode` to true in the file",
            ],
        ),
        (&["--file", &list], &["no handler runs: the body is not a snapshot event: the body is JSON, but"]),
    ] {
        let sent = trigger(&server, words).with_code(0);
        for told in told {
            assert!(sent.stdout.contains(told), "{words:?}: {told}: {sent:#?}");
        }
        assert_eq!(sent.stderr, "", "{words:?}");
    }
    let answers =
        trigger(&server, &["payout.paid", "account.updated", "--format", "json"]).with_code(0).stdout;
    let answers: Value = serde_json::from_str(&answers).expect("it is JSON");
    for (at, handler, has_note) in [(0, "endpoints::rest", true), (1, "endpoints::updated", false)] {
        assert_eq!(answers[at]["handlers"], json!([handler]), "{answers}");
        assert_eq!(answers[at]["endpoint"], "/stripe", "{answers}");
        assert_eq!(answers[at]["note"].is_string(), has_note, "{answers}");
    }
    // What it said is true.
    let ended = server.stop();
    let ran = |line: &str| ended.stdout.lines().filter(|found| *found == line).count();
    assert_eq!(
        ["updated through /stripe", "updated through connect", "paid out through connect"].map(ran),
        [2, 1, 0],
        "{ended:#?}"
    );
    assert_eq!(ran("rest through /stripe"), 3, "{ended:#?}");
}

#[test]
fn trigger_sends_to_an_endpoint_of_a_server() {
    let server = Server::from_command(&mut endpoints(), &[]);
    let url = |path: &str| format!("http://{}{path}", server.address);
    let (root, stripe, connect, other) =
        (url(""), url("/stripe"), url("/stripe/connect"), url("/hooks/stripe"));
    let live = ["account.updated", "--livemode"];
    for (flags, code, told) in [
        (&["--endpoint", "connect"][..], 0, "at endpoint `connect`"),
        // The URL says where the server is; the endpoint has the path and the secret.
        (&["--to", &root], 0, "at endpoint `/stripe`"),
        (&["--to", &root, "--endpoint", "connect"], 0, "at endpoint `connect`"),
        (&["--to", &format!("{root}/"), "--endpoint", "connect"], 0, "at endpoint `connect`"),
        (&["--to", &connect], 0, "at endpoint `connect`"),
        (&["--to", &connect, "--endpoint", "connect"], 0, "at endpoint `connect`"),
        (
            &["--to", &stripe, "--endpoint", "connect"],
            1,
            "--to has the path `/stripe`, which is that of endpoint `/stripe`",
        ),
        // A proxy may change the path: then only the name tells the secret.
        (&["--to", &other], 1, "no endpoint at `/hooks/stripe`; it has `/stripe` and `/stripe/connect`"),
        (
            &["--to", &other, "--endpoint", "connect"],
            1,
            "404 to account.updated: there is no endpoint at this path; this",
        ),
        (&["--endpoint", "conect"], 1, "did you mean `connect`?"),
        (&["--to", "localhost:1/stripe"], 2, "and name a host, such as http://localhost:1/stripe"),
        (&["--to", "/stripe"], 2, "must begin with `http://` or `https://` and name a host\n"),
    ] {
        let sent = trigger(&server, &[&live, flags].concat()).with_code(code);
        let written = if code == 0 { &sent.stdout } else { &sent.stderr };
        assert!(written.contains(told), "{flags:?}: {sent:#?}");
    }
    server.stop();
}

#[test]
fn trigger_says_which_secret_it_has_signed_with() {
    let server = Server::from_command(&mut endpoints(), &[]);
    let trigger = |own: Option<&str>, shared: Option<&str>| {
        let mut command = endpoints();
        command.env("WEBHOOK_LISTEN", server.address.to_string()).env_remove("STRIPE_OWN_SECRET");
        command.envs(own.map(|secret| ("STRIPE_OWN_SECRET", secret)));
        command.envs(shared.map(|secret| ("STRIPE_WEBHOOK_SECRET", secret)));
        run(command.args(["trigger", "account.updated"]))
    };
    let other = format!("old {OTHER_SECRET}");
    for (own, shared, code, told) in [
        (Some(SECRET), Some(OTHER_SECRET), 0, ""),
        // The Stripe CLI's, which takes the place of each endpoint's own.
        (None, Some(SECRET), 0, ""),
        (Some(&*other), None, 1, "This one is from STRIPE_OWN_SECRET (old)."),
        (None, Some(&*other), 1, "from STRIPE_WEBHOOK_SECRET (old), because STRIPE_OWN_SECRET is not set."),
        (None, None, 78, "no signing secret for endpoint `/stripe`"),
    ] {
        let sent = trigger(own, shared).with_code(code);
        assert!(sent.stderr.contains(told), "{told}: {sent:#?}");
        assert!(!sent.stderr.contains(&OTHER_SECRET[6..]), "{sent:#?}");
    }
    server.stop();
}

#[test]
fn dev_uses_the_secrets_of_each_endpoint_that_are_set() {
    let file = scratch("dev-endpoints").join("secret");
    std::fs::write(&file, format!("file {SECRET}")).expect("the target folder can be written to");
    let file = file.display().to_string();
    let (own, connect, shared) = ("STRIPE_OWN_SECRET", "STRIPE_CONNECT_SECRET", "STRIPE_WEBHOOK_SECRET");
    let (a, b) = (format!("a {SECRET}"), format!("b {OTHER_SECRET}"));
    for (set, flags, told, is_generated) in [
        (&[][..], &[][..], "", true),
        (
            &[(own, &a), (connect, &b)],
            &[],
            "Signing secrets:\n  /stripe  from STRIPE_OWN_SECRET (a)\n  connect  from STRIPE_CONNECT_SECRET (b)\n",
            false,
        ),
        (
            &[(own, &a)],
            &[],
            "Signing secrets:\n  /stripe  from STRIPE_OWN_SECRET (a)\n  connect  the secret of this run, because \
             STRIPE_CONNECT_SECRET is not set\n",
            true,
        ),
        // The Stripe CLI has one secret for everything that it forwards.
        (&[(shared, &b)], &[], "Signing secret of all endpoints: from STRIPE_WEBHOOK_SECRET (b)\n", false),
        (
            &[(shared, &b), (own, &a)],
            &[],
            "  /stripe  from STRIPE_OWN_SECRET (a)\n  connect  from STRIPE_WEBHOOK_SECRET (b), because \
             STRIPE_CONNECT_SECRET is not set\n",
            false,
        ),
        (
            &[(own, &b), (connect, &b)],
            &["--secret-file", &file],
            "Signing secret of all endpoints: from ",
            false,
        ),
    ] {
        let mut command = endpoints();
        command.env_remove(own).env_remove(connect).envs(set.iter().copied());
        let shown = run(command.args(["dev", "--once", "--listen", "127.0.0.1:0"]).args(flags)).with_code(0);
        assert!(shown.stdout.contains(told), "{set:?}: {told}: {shown:#?}");
        assert_eq!(shown.stdout.contains("Signing secret of this run: whsec_"), is_generated, "{shown:#?}");
        for handled in ["updated through /stripe", "paid out through connect", "rest through /stripe"] {
            assert!(shown.stdout.contains(handled), "{set:?}: {handled}: {shown:#?}");
        }
        for secret in [SECRET, OTHER_SECRET] {
            assert!(!shown.stdout.contains(&secret[6..]), "a secret that is given is not shown: {shown:#?}");
        }
    }
    // A secret of another endpoint is refused, and the line says where.
    let mut command = endpoints();
    let dev = Process::start(command.args(["dev", "--no-samples", "--listen", "127.0.0.1:0"]));
    let at = |line: &str| Some(line.strip_prefix("Listening on ")?.strip_suffix("/stripe")?.to_owned());
    let url = dev.line(Stream::Stdout, at);
    dev.line_with(Stream::Stdout, "Still listening");
    let trigger = |endpoint: &str, secret: &str| {
        let words = ["trigger", "account.updated", "--to", &url, "--endpoint", endpoint, "--livemode"];
        run(endpoints().args(words).env(own, secret).env(connect, secret))
    };
    for (endpoint, secret, code) in [
        ("/stripe", SECRET, 0),
        ("connect", OTHER_SECRET, 0),
        ("/stripe", OTHER_SECRET, 1),
        ("connect", SECRET, 1),
    ] {
        trigger(endpoint, secret).with_code(code);
    }
    dev.line_with(Stream::Stdout, "  400  request refused at `/stripe`: ");
    dev.line_with(Stream::Stdout, "  400  request refused at `connect`: ");
    dev.signal("INT");
    dev.wait().with_code(0);
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
