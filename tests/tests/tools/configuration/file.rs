//! The configuration file: which source of a setting prevails, and what is said of a mistake in the file.

use std::path::Path;
use std::process::Command;

use product_tests::{
    Ended, Process, SECRET, Server, Stream, new_inbox, program, run, send, signed, unix_now,
};
use serde_json::Value;

use super::{CANARY, outcomes, written};

/// `serve --check` with a file of this text.
fn checked(text: &str) -> (Ended, String) {
    let file = written("shop.toml", text);
    let mut command = outcomes();
    command.env_remove("WEBHOOK_LISTEN").env_remove("WEBHOOK_INBOX").current_dir(folder(&file));
    let ended =
        run(command.args(["serve", "--check", "--config", "shop.toml"]).env("STRIPE_WEBHOOK_SECRET", SECRET));
    (ended, file.display().to_string())
}

fn folder(file: &Path) -> &Path {
    file.parent().expect("a file is in a folder")
}

/// The value of a setting, and what gave it.
fn setting(command: &mut Command, name: &str) -> [String; 2] {
    let ended = run(command.args(["--check", "--format", "json"]).env("STRIPE_WEBHOOK_SECRET", SECRET));
    let json: Value = serde_json::from_str(&ended.with_code(0).stdout).expect("it is JSON");
    let rows = json["settings"].as_array().expect("it lists settings");
    let row = rows.iter().find(|row| row["name"] == name).expect("it lists every setting");
    ["value", "from"].map(|key| row[key].as_str().map_or_else(|| row[key].to_string(), str::to_owned))
}

#[test]
fn a_flag_prevails_over_the_environment_over_the_file_over_the_default() {
    let file =
        written("shop.toml", "# Comment\nconcurrency = 0x1_0\n\nkeep-bodies = \"1h\"\nstrict = true\n");
    let path = file.to_str().expect("it is text");
    let with_file = |variables: &[(&str, &str)], flags: &[&str]| {
        let mut command = outcomes();
        command.args(["serve", "--config", path]).envs(variables.iter().copied()).args(flags);
        command
    };
    let place = |line: u32| format!("{path}:{line}");
    let variable = ("WEBHOOK_CONCURRENCY", "17");
    assert_eq!(setting(outcomes().arg("serve"), "concurrency"), ["32", "default"]);
    assert_eq!(setting(&mut with_file(&[], &[]), "concurrency"), ["16".to_owned(), place(2)]);
    let by_variable = setting(&mut with_file(&[variable], &[]), "concurrency");
    assert_eq!(by_variable, ["17", "WEBHOOK_CONCURRENCY"]);
    let by_flag = setting(&mut with_file(&[variable], &["--concurrency", "18"]), "concurrency");
    assert_eq!(by_flag, ["18", "--concurrency"]);
    assert_eq!(setting(&mut with_file(&[], &[]), "keep-bodies"), ["3600".to_owned(), place(4)]);
    assert_eq!(setting(&mut with_file(&[], &[]), "strict"), ["true".to_owned(), place(5)]);
    // So it is with the file itself.
    let other = written("other.toml", "");
    let other = ("WEBHOOK_CONFIG", other.to_str().expect("it is text"));
    assert_eq!(setting(&mut with_file(&[other], &[]), "config"), [path, "--config"]);
    assert_eq!(setting(outcomes().arg("serve").envs([other]), "config"), [other.1, "WEBHOOK_CONFIG"]);
}

#[test]
fn each_mistake_is_told_with_its_line_and_what_is_right() {
    for (text, told) in [
        ("body_limit = 5", "shop.toml:1: there is no setting `body_limit`: did you mean `body-limit`?"),
        ("\ntoleranse = \"5m\"", "shop.toml:2: there is no setting `toleranse`: did you mean `tolerance`?"),
        ("port = 4242", "shop.toml:1: there is no setting `port`: did you mean `listen`?"),
        ("colour = \"red\"", "there is no setting `colour`\n       the settings are strict, listen, "),
        ("config = \"x\"", "shop.toml:1: there is no setting `config`"),
        (
            "[server]\nlisten = \"x\"",
            "shop.toml:1: there is no section `server`: the only sections are `[endpoint.NAME]`",
        ),
        (
            "[endpoints.x]\nmode = \"live\"",
            "shop.toml:1: there is no section `endpoints`: did you mean `endpoint`?",
        ),
        ("endpoint = \"/x\"", "shop.toml:1: `endpoint` is not a setting: write a section `[endpoint.NAME]`"),
        ("[endpoint]\nx = 5", "shop.toml:2: `x` is not a section: write `[endpoint.NAME]`, then its keys"),
        ("[endpoint.x]", "shop.toml:1: this program declares no endpoints: set `path`"),
        (
            "tolerance = 300",
            "shop.toml:1: `tolerance` is 300: it must be a number and its unit, such as 500ms, 30s or 2m, in quotes",
        ),
        ("tolerance = \"300\"", "shop.toml:1: `tolerance` is \"300\": it must be a number and its unit"),
        ("tolerance = \"2h\"", "shop.toml:1: `tolerance` is 2h: it must be from 1s to 1h"),
        (
            "body-limit = \"1 MiB\"",
            "shop.toml:1: `body-limit` is \"1 MiB\": it must be a number of bytes, without quotes",
        ),
        ("body-limit = 1.5", "shop.toml:1: `body-limit` is 1.5: it must be a number of bytes"),
        ("body-limit = -5", "shop.toml:1: `body-limit` is \"-5\": it must be a number of bytes"),
        (
            "body-limit = 67108865",
            "shop.toml:1: `body-limit` is 67108865 bytes: it must be from 1 to 67108864",
        ),
        ("body-limit = 340282366920938463463374607431768211456", "it must be a number of bytes"),
        ("strict = \"true\"", "shop.toml:1: `strict` is \"true\": it must be true or false"),
        ("strict = 1", "shop.toml:1: `strict` is 1: it must be true or false"),
        ("listen = [\"a\", \"b\"]", "shop.toml:1: `listen` is a list: it must be an address and a port"),
        ("listen = { ip = \"a\" }", "shop.toml:1: `listen` is a section: it must be"),
        ("secret-file = true", "shop.toml:1: `secret-file` is true: it must be a file's name, in quotes"),
        ("tolerance = \"5m", "shop.toml:1:16: the closing quote is missing"),
        (
            "path = /webhook",
            "shop.toml:1:8: `path` is /webhook: it must be in quotes, as in `path = \"/webhook\"`",
        ),
        ("strict = true\nstrict = false", "shop.toml:2:1: `strict` is set twice, first in line 1"),
        // The keys of the second section are not told, too.
        (
            "[endpoint.x]\nmode = \"any\"\n[endpoint.x]\nmode = \"any\"",
            "shop.toml:3:1: there are two sections `[endpoint.x]`, first in line 1: make one of them",
        ),
        ("listen", "shop.toml:1:7: `listen` has no value"),
        ("\u{feff}# Windows\r\nlisten: \"x\"\r\n", "shop.toml:2:1: write `=` in place of `:`"),
        ("\u{feff}path = /x", "shop.toml:1:8: `path` is /x: it must be in quotes"),
        ("<<<<<<< ours", "shop.toml:1:1: two versions of this file were merged"),
        // What could steer a terminal.
        ("\"\\u001b[2J\" = 5", "there is no setting `\u{fffd}[2J`"),
    ] {
        let (refused, _) = checked(text);
        let refused = refused.with_code(78);
        assert!(refused.stderr.contains(told), "{text}: {told}: {refused:#?}");
        assert!(refused.stderr.contains("cannot start: 1 problem\n"), "{text}: {refused:#?}");
    }
}

#[test]
fn a_secret_in_the_environment_overrides_the_files() {
    let file = written("shop.toml", "secret-file = \"/nowhere\"");
    let mut check = outcomes();
    check.args(["serve", "--check", "--config"]).arg(file);
    let refused = run(&mut check).with_code(78);
    assert!(refused.stderr.contains("the secret file /nowhere cannot be read"), "{refused:#?}");
    let good = run(check.env("STRIPE_WEBHOOK_SECRET", SECRET)).with_code(0);
    assert!(good.stdout.contains("STRIPE_WEBHOOK_SECRET") && !good.stdout.contains("/nowhere"), "{good:#?}");
}

#[test]
fn everything_that_is_wrong_is_one_list() {
    let text = "tolerance = \"0s\"\nbody_limit = 5\npath = /x\n\n[endpoint.x]\nmode = \"live\"\n";
    let file = written("shop.toml", text);
    let mut command = outcomes();
    command.args(["serve", "--concurrency", "0", "--config"]).arg(file).env("WEBHOOK_BODY_TIMEOUT", "0s");
    command.env("WEBHOOK_TOLERANSE", "1s");
    let refused = run(&mut command).with_code(78);
    for told in [
        "cannot start: 8 problems",
        "WEBHOOK_TOLERANSE is set",
        "shop.toml:2: there is no setting `body_limit`",
        "shop.toml:3:8: `path` is /x: it must be in quotes",
        "shop.toml:5: this program declares no endpoints",
        "no signing secret",
        "shop.toml:1: `tolerance` is 0s",
        "WEBHOOK_BODY_TIMEOUT is 0s",
        "--concurrency is 0",
    ] {
        assert!(refused.stderr.contains(told), "{told}: {refused:#?}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named_by_what_named_it() {
    let folder = new_inbox().parent().expect("it is in a folder").display().to_string();
    let binary = written("shop.toml", b"listen = \"\xff\"").display().to_string();
    for (file, told) in [
        ("/nowhere/shop.toml", "No such file"),
        ("", "No such file"),
        (&*folder, "directory"),
        (&*binary, "it is not UTF-8"),
    ] {
        let by_flag = run(outcomes().args(["serve", "--config", file]).env("STRIPE_WEBHOOK_SECRET", SECRET));
        let by_variable =
            run(outcomes().arg("serve").env("WEBHOOK_CONFIG", file).env("STRIPE_WEBHOOK_SECRET", SECRET));
        for (ended, name) in [(by_flag, "--config"), (by_variable, "WEBHOOK_CONFIG")] {
            let ended = ended.with_code(78);
            let names = ended
                .stderr
                .contains(&format!("{name} is {file:?}: the configuration file cannot be read: "));
            assert!(names && ended.stderr.contains(told), "{file}: {ended:#?}");
        }
    }
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_shown() {
    let secret = format!("whsec_{CANARY}0123456789");
    let key = format!("sk_live_{CANARY}0123456789");
    for (name, text, line) in [
        ("a key", format!("secret = \"{secret}\""), 1),
        ("a key of a setting", format!("\nlisten = \"{secret}\""), 2),
        ("the place of its file", format!("secret-file = \"{secret}\""), 1),
        ("an API key", format!("api-key = \"{key}\""), 1),
        ("without quotes", format!("secret = {secret}"), 1),
        ("in a comment", format!("strict = true # {secret}"), 1),
        ("in a list", format!("secrets = [\n\"{secret}\",\n]"), 2),
        ("in several lines", format!("inbox = \"\"\"\n{secret}\"\"\""), 2),
        ("in a section", format!("[endpoint.x]\nsecret = \"{secret}\""), 2),
        ("as a key", format!("{secret} = 1"), 1),
        ("as an endpoint", format!("[endpoint.{secret}]\nmode = \"any\""), 1),
    ] {
        let (refused, file) = checked(&text);
        let refused = refused.with_code(78);
        let what = match text.contains("sk_") {
            true => "an API key\n       a configuration file is copied",
            false => "a signing secret\n       a configuration file is copied",
        };
        let told = format!("shop.toml:{line}: this line holds {what}");
        assert!(refused.stderr.contains(&told), "{name}: {refused:#?}");
        assert!(!format!("{refused:?}{file}").contains(CANARY), "{name}: {refused:#?}");
    }
    // Nothing secret, but the place where one would be written.
    for text in ["secret = \"\"", "signing-secret = \"x\"", "secret-env = \"STRIPE_SECRET\""] {
        let (refused, _) = checked(text);
        let refused = refused.with_code(78);
        assert!(
            refused.stderr.contains("is not a setting\n       a configuration file is copied"),
            "{text}: {refused:#?}"
        );
        assert!(refused.stderr.contains("name that file as `secret-file`"), "{text}: {refused:#?}");
    }
    // The word that every secret begins with is not one.
    checked("# The secret (whsec_…) is in /run/secrets.\n").0.with_code(0);
}

#[test]
fn every_command_that_takes_settings_reads_the_file() {
    let inbox = new_inbox();
    let secret = written("secret", SECRET);
    let text = format!("inbox = {inbox:?}\nsecret-file = {secret:?}\nconcurrency = 2\n");
    let command = |listen: &str| {
        let mut command = outcomes();
        command.env_remove("WEBHOOK_INBOX").env_remove("WEBHOOK_LISTEN");
        command.env("WEBHOOK_CONFIG", written("shop.toml", format!("{text}listen = {listen:?}\n")));
        command
    };
    let server = Process::start(command("127.0.0.1:0").arg("serve"));
    let url = server.line(Stream::Stderr, product_tests::url_in);
    let listen = url.split('/').nth(2).expect("a URL has an address");
    let sent = run(command(listen).args(["trigger", "payment_intent.succeeded"])).with_code(0);
    assert!(sent.stdout.starts_with("200 "), "{sent:#?}");
    for arguments in [&["inbox", "list"][..], &["inbox", "stats"], &["inbox", "prune"], &["inbox", "export"]]
    {
        run(command(listen).args(arguments)).with_code(0);
    }
    let listed = run(command(listen).args(["inbox", "list"])).with_code(0);
    assert!(listed.stdout.contains("outcomes::succeed"), "{listed:#?}");
    server.signal("TERM");
    server.wait().with_code(0);
    // `dev` keeps its inbox in memory, and takes the secret.
    let dev = Process::start(command("127.0.0.1:0").args(["dev", "--no-samples"]));
    dev.line_with(Stream::Stdout, &format!("Signing secret: from {}", secret.display()));
    dev.line_with(Stream::Stdout, "Still listening");
    dev.signal("INT");
    dev.wait().with_code(0);
    // A mistake in it stops each of them.
    for arguments in [
        &["serve"][..],
        &["dev", "--once"],
        &["trigger", "payout.paid"],
        &["inbox", "list"],
        &["inbox", "prune"],
        &["replay", "evt_1"],
    ] {
        let mut wrong = outcomes();
        wrong.args(arguments).env("WEBHOOK_CONFIG", written("shop.toml", "tolerence = \"1s\""));
        let refused = run(wrong.env("STRIPE_WEBHOOK_SECRET", SECRET)).with_code(78);
        assert!(refused.stderr.contains("did you mean `tolerance`?"), "{arguments:?}: {refused:#?}");
    }
}

#[test]
fn a_file_that_is_not_named_is_not_read() {
    for name in ["webhook.toml", "config.toml", "shop.toml"] {
        let file = written(name, "no TOML");
        let mut command = outcomes();
        command.current_dir(folder(&file)).args(["serve", "--check"]).env("STRIPE_WEBHOOK_SECRET", SECRET);
        run(&mut command).with_code(0);
    }
}

#[test]
fn an_application_without_a_command_line_reads_the_file() {
    for (how, code, lead) in [("hyper", 1, ""), ("axum", 78, "")] {
        let text = "listen = \"127.0.0.1:0\"\nbody-limit = 0\nkeep-bodies = 5\n";
        let file = written("shop.toml", text);
        let mut command = program(env!("CARGO_BIN_EXE_mounted"));
        command.env_remove("WEBHOOK_LISTEN").env("MOUNTED", how).env("WEBHOOK_CONFIG", file);
        let refused = run(command.env("STRIPE_WEBHOOK_SECRET", SECRET)).with_code(code);
        for told in [
            "cannot start: 3 problems",
            "shop.toml:1: `listen` is set, but this program receives events through its own server",
            "shop.toml:2: `body-limit` is 0 bytes: it must be from 1 to 67108864",
            "shop.toml:3: `keep-bodies` is 5: it must be a number and its unit",
        ] {
            assert!(refused.stderr.contains(told), "{how}{lead}: {told}: {refused:#?}");
        }
    }
}

#[test]
fn a_section_changes_an_endpoint_that_the_program_declares() {
    let other = "whsec_0123456789+/=_-abcDEF";
    let secret = written("connect", format!("rolled {other}"));
    let file = written(
        "shop.toml",
        format!(
            "tolerance = \"10m\"\n[endpoint.connect]\nsecret-file = {secret:?}\nmode = \"any\"\ntolerance = \"1m\"\n\
             [endpoint.\"/stripe\"]\nfuture-tolerance = \"2m\"\n"
        ),
    );
    let mut command = program(env!("CARGO_BIN_EXE_endpoints"));
    command.env("STRIPE_OWN_SECRET", SECRET).env("WEBHOOK_CONFIG", &file);
    let place = |line: u32| format!("{}:{line}", file.display());
    let checked = run(command.args(["serve", "--check", "--wide"])).with_code(0).stdout;
    let rows: Vec<Vec<&str>> = checked.lines().map(|line| line.split_whitespace().collect()).collect();
    let at = rows.iter().position(|row| row[..] == ["endpoint", "connect"]).expect("it is listed");
    let expected = [
        ["path", "/stripe/connect", "program"].map(str::to_owned),
        ["mode".to_owned(), "any".to_owned(), place(4)],
        ["tolerance".to_owned(), "1m".to_owned(), place(5)],
        ["future-tolerance", "5m", "default"].map(str::to_owned),
    ];
    assert_eq!(rows[at + 1..at + 5], expected, "{checked}");
    let from = secret.display().to_string();
    let fingerprint = rows[at + 5][2];
    assert_eq!(rows[at + 5], ["secret", "rolled", fingerprint, &from], "{checked}");
    let own = rows.iter().position(|row| row[..] == ["endpoint", "/stripe"]).expect("it is listed");
    let expected = [
        ["tolerance".to_owned(), "10m".to_owned(), place(1)],
        ["future-tolerance".to_owned(), "2m".to_owned(), place(7)],
    ];
    assert_eq!(rows[own + 3..own + 5], expected, "{checked}");

    // What is checked is what is served: the program's own variable is not needed, and not read.
    let mut command = program(env!("CARGO_BIN_EXE_endpoints"));
    command
        .env("STRIPE_OWN_SECRET", SECRET)
        .env("STRIPE_CONNECT_SECRET", SECRET)
        .env("WEBHOOK_CONFIG", &file);
    let server = Server::from_command(&mut command, &[]);
    let post = |path: &str, secret: &str, age: u64| {
        let signature = signed(&[secret], unix_now() - age, b"{}");
        product_tests::exchange(
            server.address,
            "POST",
            path,
            &[("Stripe-Signature", signature.as_bytes())],
            b"{}",
        )
        .status()
    };
    assert_eq!(post("/stripe/connect", other, 0), 200);
    assert_eq!(post("/stripe/connect", SECRET, 0), 400, "the program's variable is not read any more");
    assert_eq!(post("/stripe/connect", other, 120), 400, "older than its tolerance");
    assert_eq!(post("/stripe", SECRET, 400), 200, "within the tolerance of the others");
    server.stop();
}

#[test]
fn a_mistake_in_a_section_is_told_with_its_line() {
    for (text, told) in [
        (
            "[endpoint.conect]",
            "shop.toml:1: the application has no endpoint `conect`: did you mean `connect`?",
        ),
        (
            "[endpoint.other]",
            "shop.toml:1: the application has no endpoint `other`: it has `/stripe`, `connect`",
        ),
        (
            "[endpoint.connect]\nmod = \"live\"",
            "shop.toml:2: an endpoint has no setting `mod`: did you mean `mode`?",
        ),
        (
            "[endpoint.connect]\ncolour = \"x\"",
            "shop.toml:2: an endpoint has no setting `colour`: there are ",
        ),
        (
            "[endpoint.connect]\nmode = \"prod\"",
            "shop.toml:2: `mode` is \"prod\": it must be \"live\", \"test\" or \"any\"",
        ),
        (
            "[endpoint.connect]\nmode = true",
            "shop.toml:2: `mode` is true: it must be \"live\", \"test\" or \"any\"",
        ),
        (
            "[endpoint.connect]\ntolerance = \"2h\"",
            "shop.toml:2: endpoint `connect`: its tolerance for the past is 2h: it must be from 1s to 1h",
        ),
        (
            "[endpoint.connect]\nfuture-tolerance = \"0s\"",
            "shop.toml:2: endpoint `connect`: its tolerance for the future is 0s",
        ),
        (
            "[endpoint.connect]\ntolerance = \"5\"",
            "shop.toml:2: `tolerance` is \"5\": it must be a number and its unit",
        ),
        (
            "[endpoint.connect]\nlisten = \"x\"",
            "shop.toml:2: `listen` is not a setting of an endpoint, but of the server: move it above",
        ),
        ("[endpoint.connect]\npath = \"/x\"", "shop.toml:2: `path` cannot be changed in the file"),
        (
            "[endpoint.connect]\nsecret = \"x\"",
            "shop.toml:2: `secret` is not a setting\n       a configuration file is copied",
        ),
        (
            "[endpoint.connect]\nsecret-env = \"STRIPE_NOWHERE\"",
            "shop.toml:2: no signing secret for endpoint `connect`",
        ),
        (
            "[endpoint.connect]\nmode = \"any\"\nsecret-file = \"/nowhere/secret\"",
            "shop.toml:3: the secret file /nowhere/secret cannot be read: No such file",
        ),
        (
            "[endpoint.connect]\nsecret-env = \"WRONG_SECRET\"",
            "shop.toml:2: WRONG_SECRET: it does not begin with `whsec_`",
        ),
        (
            "[endpoint.\"/stripe/connect\"]\nmode = \"any\"",
            "shop.toml:1: the endpoint at the path `/stripe/connect` is named `connect`: use its name",
        ),
        (
            "secret-file = \"/x\"",
            "shop.toml:1: `secret-file` is set, but this program declares its endpoints",
        ),
        ("path = \"/x\"", "shop.toml:1: `path` is set, but this program declares its endpoints"),
    ] {
        let file = written("shop.toml", text);
        let mut command = program(env!("CARGO_BIN_EXE_endpoints"));
        command.env("STRIPE_OWN_SECRET", SECRET).env("STRIPE_CONNECT_SECRET", SECRET);
        command.env("WRONG_SECRET", CANARY);
        let refused = run(command.args(["serve", "--config"]).arg(file)).with_code(78);
        assert!(refused.stderr.contains(told), "{text}: {told}: {refused:#?}");
        assert!(refused.stderr.contains("cannot start: 1 problem\n"), "{text}: {refused:#?}");
    }
}

/// Used by the other tests of this file, and by itself worth a look: the answer of a server that read a file.
#[test]
fn a_server_works_with_the_values_of_its_file() {
    let file = written("shop.toml", "body-limit = 1000\npath = \"/hook\"\n");
    let mut command = outcomes();
    let server =
        Server::from_command(command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("WEBHOOK_CONFIG", file), &[]);
    assert!(server.url.ends_with("/hook"), "{}", server.url);
    assert_eq!(send(server.address, "x", b"{}").status(), 404);
    let body = vec![b' '; 1001];
    let signature = signed(&[SECRET], unix_now(), &body);
    let headers = [("Stripe-Signature", signature.as_bytes())];
    assert_eq!(product_tests::exchange(server.address, "POST", "/hook", &headers, &body).status(), 413);
    server.stop();
}
