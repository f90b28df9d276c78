//! `serve --check`: it says what a start would, shows no secret, and leaves nothing behind.

use std::fs;
use std::path::Path;
use std::process::Command;

use product_tests::{SECRET, Server, new_inbox, program, repository, run, run_in_terminal};
use serde_json::Value;

use super::{CANARY, outcomes, written};

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("it is there");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn good() -> Command {
    let mut command = outcomes();
    command.env("STRIPE_WEBHOOK_SECRET", SECRET);
    command
}

fn json(command: &mut Command) -> Value {
    let ended = run(command.args(["serve", "--check", "--format", "json"]));
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:#?}"))
}

#[test]
fn nothing_is_left_behind_and_a_running_server_keeps_its_inbox() {
    let inbox = new_inbox();
    let folder = inbox.parent().expect("it is in a folder");
    let check = || json(good().env("WEBHOOK_INBOX", &inbox))["inbox"].clone();
    let absent = check();
    assert_eq!((&absent["condition"], &absent["has_server"]), (&"a start creates it".into(), &false.into()));
    assert!(files(folder).is_empty(), "{:?}", files(folder));

    let server = Server::from_command(good().env("WEBHOOK_INBOX", &inbox), &[]);
    let open = check();
    assert_eq!((&open["condition"], &open["has_server"]), (&"can be opened".into(), &true.into()));
    // It listens where the server does, and would use the same inbox.
    let same = run(good()
        .env("WEBHOOK_INBOX", &inbox)
        .env("WEBHOOK_LISTEN", server.address.to_string())
        .args(["serve", "--check"]));
    assert!(same.with_code(0).stdout.contains("can be opened; a server has it open"));
    assert_eq!(server.post(b"{}").status(), 200, "it still has its inbox");
    server.stop();

    let before = files(folder);
    let closed = check();
    assert_eq!((&closed["condition"], &closed["has_server"]), (&"can be opened".into(), &false.into()));
    assert_eq!(files(folder), before);
}

/// The same list, the same code.
#[test]
fn what_a_start_refuses_is_what_the_check_refuses() {
    let damaged =
        written("inbox.db", "this is not a database, but it is long enough to be taken for one".repeat(20));
    let folder = new_inbox().parent().expect("it is in a folder").to_owned();
    for (name, value) in [
        ("STRIPE_WEBHOOK_SECRET", "whsec_..."),
        ("WEBHOOK_TOLERANCE", "0s"),
        ("WEBHOOK_TOLERANSE", "5m"),
        ("WEBHOOK_KEEP_IDS", "1day"),
        ("WEBHOOK_INBOX", "/nowhere/inbox.db"),
        ("WEBHOOK_INBOX", folder.to_str().expect("it is text")),
        ("WEBHOOK_INBOX", damaged.to_str().expect("it is text")),
        ("STRIPE_WEBHOOK_SECRET_FILE", "/nowhere"),
        ("WEBHOOK_CONFIG", "/nowhere"),
    ] {
        let started = run(good().arg("serve").env(name, value)).with_code(78);
        let checked = run(good().args(["serve", "--check"]).env(name, value)).with_code(78);
        let list = |text: &str| text.find("error: cannot start: ").map(|at| text[at..].to_owned());
        assert_eq!(list(&checked.stderr), list(&started.stderr), "{name}={value}");
        assert!(!checked.stdout.contains("Nothing is wrong"), "{checked:#?}");
        let listed = json(good().env(name, value));
        assert_eq!(listed["problems"].as_array().map(Vec::len), Some(1), "{name}={value}: {listed:#}");
    }
}

#[test]
fn it_shows_labels_and_sources_and_no_secret() {
    let secret = format!("whsec_{CANARY}0123456789");
    let file = written("secrets", format!("new {secret}a\nold {secret}b\n"));
    let checked =
        run(outcomes().args(["serve", "--check"]).env("STRIPE_WEBHOOK_SECRET_FILE", &file)).with_code(0);
    for label in ["new", "old"] {
        // With the fingerprint.
        let label = format!(" {label} (");
        let line = checked.stdout.lines().find(|line| line.starts_with("secret ") && line.contains(&label));
        assert!(line.is_some_and(|line| line.ends_with(&*file.to_string_lossy())), "{label}: {checked:#?}");
    }
    assert!(!format!("{checked:?}").contains(CANARY), "{checked:#?}");
    let json = json(outcomes().env("STRIPE_WEBHOOK_SECRET", format!("new {secret}a")));
    assert_eq!(json["endpoints"][0]["secrets"][0]["label"], "new");
    assert_eq!(json["endpoints"][0]["secrets"][0]["fingerprint"].as_str().map(str::len), Some(8));
    assert_eq!(json["endpoints"][0]["secrets"][0]["from"], "STRIPE_WEBHOOK_SECRET");
    assert!(!json.to_string().contains(CANARY), "{json:#}");
}

/// The guide's table has a row for each setting, with its default.
#[test]
fn the_guide_lists_all_settings() {
    let mut command = outcomes();
    for variable in ["WEBHOOK_LISTEN", "WEBHOOK_INBOX", "WEBHOOK_ADMIN"] {
        command.env_remove(variable);
    }
    command.env("STRIPE_WEBHOOK_SECRET", SECRET);
    let listed = run(command.args(["serve", "--check", "--wide"])).with_code(0).stdout;
    let guide = fs::read_to_string(repository().join("docs/configuration.md")).expect("it is there");
    let rows = listed.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut rows: Vec<_> = rows.take_while(|row| !row.is_empty()).collect();
    rows.push(vec!["path", "/webhook", "default"]);
    assert!(rows.len() > 15, "{listed}");
    for row in rows {
        let (name, value) = match row[..] {
            [name, _] => (name, String::new()),
            [name, value, _] => (name, format!("`{value}` ")),
            _ => panic!("{row:?} is not a setting"),
        };
        let begin = format!("| `{name}` | {value}|");
        assert!(guide.contains(&begin), "the guide has no row {begin}");
    }
}

#[test]
fn it_fits_into_80_columns() {
    let file = written(
        "a-file-with-a-name-that-is-longer-than-a-column.toml",
        "tolerance = \"4m\"\nkeep-bodies = \"1h\"\n",
    );
    let mut command = good();
    command.args(["serve", "--check", "--config"]).arg(&file);
    let shown = run_in_terminal(&mut command, 80);
    assert!(shown.contains("handlers"), "{shown}");
    // The header is bold.
    let shown = shown.replace("\u{1b}[1m", "").replace("\u{1b}[0m", "");
    let wide: Vec<&str> = shown.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{wide:#?}");
}

#[test]
fn warnings_are_listed_and_refused_if_that_is_wanted() {
    let few = |arguments: &str| {
        let program = env!("CARGO_BIN_EXE_outcomes");
        let mut command = program_of("sh");
        command.args(["-c", &format!("ulimit -n 200 && exec {program} serve --check {arguments}")]);
        run(&mut command)
    };
    let told = "so few files that the server accepts 136 connections at once";
    let checked = few("").with_code(0);
    assert!(checked.stdout.contains(told) && checked.stdout.contains("Nothing is wrong"), "{checked:#?}");
    let refused = few("--strict").with_code(78);
    assert!(
        refused.stderr.contains(told) && refused.stderr.contains("refused because of `strict`"),
        "{refused:#?}"
    );
}

#[test]
fn endpoints_with_the_same_secret_are_warned_of() {
    let other = "whsec_0123456789+/=_-abcDEF";
    let check = |connect: &str, flags: &[&str]| {
        let mut command = program(env!("CARGO_BIN_EXE_endpoints"));
        command.env("STRIPE_OWN_SECRET", SECRET).env("STRIPE_CONNECT_SECRET", connect);
        run(command.args(["serve", "--check"]).args(flags))
    };
    let told = "the endpoints `/stripe` and `connect` have a signing secret in common (";
    let same = check(&format!("{other},same {SECRET}"), &[]).with_code(0);
    assert!(same.stdout.contains(&format!("warning: {told}")), "{same:#?}");
    assert!(!format!("{same:?}").contains(SECRET), "{same:#?}");
    assert!(check(SECRET, &["--strict"]).with_code(78).stderr.contains(told));
    assert!(!check(other, &[]).with_code(0).stdout.contains(told));
}

fn program_of(path: &str) -> Command {
    let mut command = program(path);
    command.env("STRIPE_WEBHOOK_SECRET", SECRET);
    command
}

#[test]
fn an_application_with_a_server_of_its_own_is_checked_too() {
    let mut command = program_of(env!("CARGO_BIN_EXE_mounted"));
    command.env_remove("WEBHOOK_LISTEN").env("MOUNTED", "axum");
    let checked = run(command.args(["serve", "--check"])).with_code(0).stdout;
    let has = |name: &str| checked.lines().any(|line| line.split(' ').next() == Some(name));
    assert!(has("inbox") && has("tolerance") && has("secret"), "{checked}");
    assert!(!has("listen") && !has("path"), "its own server decides them: {checked}");
    assert!(!checked.contains("serving"), "the application does not run: {checked}");
    let refused = run(command.env("WEBHOOK_LISTEN", "127.0.0.1:0")).with_code(78);
    assert!(refused.stderr.contains("WEBHOOK_LISTEN is set, but this program receives"), "{refused:#?}");
}

#[test]
fn for_programs_values_have_their_types() {
    let file = written("shop.toml", "tolerance = \"10m\"\nhandler-timeout = \"500ms\"\nstrict = true\n");
    let mut command = good();
    let checked = json(command.env("WEBHOOK_CONFIG", &file).env("WEBHOOK_INBOX", ":memory:"));
    let row = |name: &str| {
        let rows = checked["settings"].as_array().expect("it lists settings");
        let row = rows.iter().find(|row| row["name"] == name).expect("it lists every setting");
        (row["value"].clone(), row["unit"].clone())
    };
    for (name, value, unit) in [
        ("strict", Value::from(true), Value::Null),
        ("tolerance", 600.into(), "seconds".into()),
        ("handler-timeout", 0.5.into(), "seconds".into()),
        ("keep-bodies", (7 * 24 * 60 * 60).into(), "seconds".into()),
        ("body-limit", 1_048_576.into(), "bytes".into()),
        ("concurrency", 32.into(), Value::Null),
        ("inbox", ":memory:".into(), Value::Null),
        ("tls-key", Value::Null, Value::Null),
    ] {
        assert_eq!(row(name), (value, unit), "{name}");
    }
    let endpoint = &checked["endpoints"][0]["settings"];
    let own: Vec<_> = endpoint.as_array().expect("it has some").iter().map(|row| &row["value"]).collect();
    assert_eq!(
        own,
        ["/webhook".into(), "any".into(), Value::from(600), 300.into()].iter().collect::<Vec<_>>()
    );
    assert_eq!(checked["can_start"], true, "{checked:#}");
    let wrong = json(good().env("WEBHOOK_TOLERANCE", "0s"));
    assert_eq!(wrong["can_start"], false, "{wrong:#}");
}

/// A pipe can be read only once; a second time would wait for ever.
#[test]
fn a_secret_from_a_pipe_is_read_once() {
    let pipe = new_inbox().with_file_name("pipe");
    let script = format!(
        "mkfifo {0} && {{ echo {SECRET} > {0} & exec timeout 20 {1} serve --check --secret-file {0}; }}",
        pipe.display(),
        env!("CARGO_BIN_EXE_outcomes")
    );
    let checked = run(program("sh").args(["-c", &script])).with_code(0).stdout;
    assert!(checked.lines().any(|line| line.starts_with("secret ")), "{checked}");
}

#[test]
fn the_formats_belong_to_the_check() {
    for arguments in [&["serve", "--format", "json"][..], &["serve", "--wide"]] {
        let refused = run(good().args(arguments)).with_code(2);
        assert!(refused.stderr.contains("--check"), "{refused:#?}");
    }
    // Without a command, it is `serve`.
    run(good().arg("--check")).with_code(0);
}
