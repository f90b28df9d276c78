//! Wrong secrets and variables, and what the start says of each: exit code 78, the cure, and never the value.

mod check;
mod file;

use std::fs;
use std::path::PathBuf;

use product_tests::{
    Ended, Profile, SECRET, Server, build_fixtures, new_inbox, program, run, run_in_terminal, send, signed,
    unix_now,
};

/// Stands in every wrong secret, and in no message.
const CANARY: &str = "Do8Not9Show7This";

fn outcomes() -> std::process::Command {
    program(env!("CARGO_BIN_EXE_outcomes"))
}

/// A file of this text, in a folder of its own.
fn written(name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let file = new_inbox().with_file_name(name);
    fs::write(&file, text).expect("the target folder can be written to");
    file
}

/// Starts with a text as the secret, in the environment or in a file.
fn start(text: &[u8], in_file: bool) -> Result<Server, Ended> {
    let mut command = outcomes();
    command.env("WEBHOOK_INBOX", ":memory:");
    if in_file {
        command.env("STRIPE_WEBHOOK_SECRET_FILE", written("secret", text));
    } else {
        command.env("STRIPE_WEBHOOK_SECRET", str::from_utf8(text).expect("it is text"));
    }
    Server::try_from_command(&mut command, &[])
}

#[test]
fn what_cannot_be_a_secret_stops_the_start_and_the_cure_is_named() {
    let secret = format!("whsec_{CANARY}0123456789");
    let base64_of_it = "d2hzZWNfRG84Tm90OVNob3c3VGhpczAxMjM0NTY3ODk=";
    let nine = (0..9).map(|number| format!("{secret}{number}")).collect::<Vec<_>>().join(",");
    for (name, text, told) in [
        ("nothing", String::new(), "empty"),
        ("blanks", "  \t".to_owned(), "blank"),
        ("a no-break space", "\u{a0}".to_owned(), "blank"),
        ("a blank before it", format!(" {secret}"), "white space"),
        ("a blank behind it", format!("{secret} "), "white space"),
        ("two line breaks behind it", format!("{secret}\n\n"), "the extra comma or line break"),
        ("a carriage return behind it", format!("{secret}\r"), "white space"),
        ("a comma behind it", format!("{secret},"), "the extra comma or line break"),
        ("a comma before it", format!(",{secret}"), "the extra comma or line break"),
        ("a blank in it", format!("{secret} {secret}"), "it contains a space"),
        ("a byte order mark", format!("\u{feff}{secret}"), "byte order mark"),
        ("double quotes", format!("\"{secret}\""), "quotes"),
        ("single quotes", format!("'{secret}'"), "quotes"),
        ("typographic quotes", format!("“{secret}”"), "quotes"),
        ("quotes around two", format!("\"{secret},{secret}1\""), "quotes"),
        ("a quote at its end", format!("{secret}\""), "quotes"),
        ("its name", format!("STRIPE_WEBHOOK_SECRET={secret}"), "NAME=whsec_…"),
        ("an export", format!("export KEY={secret}"), "NAME=whsec_…"),
        ("YAML", format!("key: {secret}"), "NAME=whsec_…"),
        ("a reference", "${STRIPE_WEBHOOK_SECRET}".to_owned(), "a reference"),
        ("a command", "$(pass stripe)".to_owned(), "a reference"),
        ("a template", "{{ stripe.secret }}".to_owned(), "a reference"),
        ("a reference on Windows", "%STRIPE_SECRET%".to_owned(), "a reference"),
        ("an address", "op://vault/stripe/secret".to_owned(), "the address of a secret"),
        ("angle brackets", "<your-signing-secret>".to_owned(), "placeholder"),
        ("dots", "whsec_...".to_owned(), "placeholder"),
        ("an ellipsis", "whsec_…".to_owned(), "placeholder"),
        ("x", "whsec_xxxxxxxxxxxxxxxxxxxxxxxx".to_owned(), "placeholder"),
        ("a few x", "whsec_xxxx".to_owned(), "placeholder"),
        ("capital X", "whsec_XXXXXXXXXXXX".to_owned(), "placeholder"),
        ("words", "whsec_your_signing_secret".to_owned(), "placeholder"),
        ("capital words", "whsec_REPLACE_ME_SOON".to_owned(), "placeholder"),
        ("stars", "whsec_**********".to_owned(), "reveal it"),
        ("JSON", format!("[\"{secret}\"]"), "it is JSON"),
        ("a JSON object", format!("{{\"secret\":\"{secret}\"}}"), "it is JSON"),
        ("base64", base64_of_it.to_owned(), "base64 --decode"),
        ("the endpoint's id", format!("we_1{CANARY}01234567"), "the endpoint's id"),
        ("a secret key", format!("sk_live_{CANARY}01234567"), "roll it in the Dashboard"),
        ("a restricted key", format!("rk_live_{CANARY}01234567"), "roll it in the Dashboard"),
        ("a publishable key", format!("pk_live_{CANARY}01234567"), "an API key"),
        ("a percent sign at the end", format!("{secret}%"), "ends with `%`"),
        ("a semicolon at the end", format!("{secret};"), "punctuation mark"),
        ("a line break in words", format!("{secret}\\n"), "the two characters `\\n`"),
        ("another character", format!("whsec_{CANARY}!0123456789"), "its character 23"),
        ("capitals", format!("WHSEC_{CANARY}0123456789"), "in capitals"),
        ("another beginning", format!("{CANARY}0123456789"), "does not begin with `whsec_`"),
        ("a part of it", format!("sec_{CANARY}0123456789"), "does not begin with `whsec_`"),
        ("one behind the other", format!("{secret}{secret}"), "several secrets in one"),
        ("too short", "whsec_123".to_owned(), "9 characters"),
        ("the same twice", format!("{secret},{secret}"), "secret 2: it is the same as"),
        ("the same twice in lines", format!("{secret}\n{secret}"), "secret 2: it is the same as"),
        ("nine", nine, "9 secrets"),
    ] {
        for (in_file, place) in [(false, "STRIPE_WEBHOOK_SECRET"), (true, "the secret file ")] {
            let Err(refused) = start(text.as_bytes(), in_file) else { panic!("{name}: it starts") };
            let refused = refused.with_code(78);
            assert!(refused.stderr.contains(told), "{name}: {refused:#?}");
            assert!(refused.stderr.contains(place), "{name}: {refused:#?}");
            for part in [CANARY, base64_of_it, "0123456"] {
                assert!(
                    !refused.stderr.contains(part) && !refused.stdout.contains(part),
                    "{name}: {refused:#?}"
                );
            }
        }
    }
}

#[test]
fn a_mistake_in_quotes_or_brackets_is_told_once() {
    for text in
        ["\"whsec_0123456789abc,whsec_0123456789abd\"", "[\"whsec_0123456789abc\",\"whsec_0123456789abd\"]"]
    {
        let Err(refused) = start(text.as_bytes(), false) else { panic!("{text}: it starts") };
        assert!(refused.with_code(78).stderr.contains("cannot start: 1 problem\n"), "{text}");
    }
}

#[test]
fn a_secret_file_may_end_with_the_line_break_that_editors_write() {
    let other = "whsec_0123456789+/=_-abcDEF";
    for (name, text, secrets) in [
        ("one", SECRET.to_owned(), &[SECRET][..]),
        ("a line", format!("{SECRET}\n"), &[SECRET]),
        ("a line of Windows", format!("{SECRET}\r\n"), &[SECRET]),
        ("two lines", format!("{other}\n{SECRET}\n"), &[SECRET, other]),
        ("two lines of Windows", format!("{SECRET}\r\n{other}\r\n"), &[SECRET, other]),
        ("two in a line", format!("{SECRET},{other}\n"), &[SECRET, other]),
    ] {
        let server = start(text.as_bytes(), true).unwrap_or_else(|refused| panic!("{name}: {refused:#?}"));
        for secret in secrets {
            let answer = send(server.address, &signed(&[secret], unix_now(), b"{}"), b"{}");
            assert_eq!(answer.status(), 200, "{name}: verified, and kept in quarantine");
        }
        server.stop();
    }
    // In a variable, nothing puts one there.
    for text in [format!("{SECRET}\n"), format!("{SECRET}\r\n")] {
        let Err(refused) = start(text.as_bytes(), false) else { panic!("it starts") };
        refused.with_code(78);
    }
    for (text, told) in [
        (&b"\xff\xfew\0h\0s\0"[..], "it is not UTF-8"),
        (&[b'x'; 70_000][..], "too large for a file of secrets"),
    ] {
        let Err(refused) = start(text, true) else { panic!("it starts") };
        assert!(refused.with_code(78).stderr.contains(told), "{told}");
    }
}

#[test]
fn a_secret_or_an_api_key_in_place_of_its_files_name_is_not_shown() {
    for (value, told) in [
        (
            format!("whsec_{CANARY}0123"),
            "the secret itself was given where the name of the secret's file belongs",
        ),
        (format!("sk_live_{CANARY}0123"), "an API key was given where the name of the secret's file belongs"),
    ] {
        let by_flag = run(outcomes().args(["serve", "--secret-file", &value]));
        let by_variable = run(outcomes().arg("serve").env("STRIPE_WEBHOOK_SECRET_FILE", &value));
        for (ended, name) in [(by_flag, "--secret-file"), (by_variable, "STRIPE_WEBHOOK_SECRET_FILE")] {
            let ended = ended.with_code(78);
            assert!(ended.stderr.contains(&format!("  1. {name}: {told}\n")), "{ended:#?}");
            assert!(!ended.stderr.contains(CANARY), "{ended:#?}");
            assert_eq!(ended.stderr.contains("the list of processes"), name == "--secret-file", "{ended:#?}");
        }
    }
}

#[test]
fn problems_fit_the_terminal_and_what_can_be_copied_stays_whole() {
    let wrong = || {
        let mut command = outcomes();
        command.args(["serve", "--tolerance", "0s"]).env("WEBHOOK_COLOUR", "red");
        command.env("WEBHOOK_KEEP_IDS", "1day");
        command.env("WEBHOOK_CONFIG", written("shop.toml", format!("secret = \"sk_live_{CANARY}\"\n")));
        command
    };
    let shown = run_in_terminal(&mut wrong(), 80);
    let wide: Vec<&str> = shown.lines().filter(|line| line.chars().count() > 80).collect();
    // The path of the file is one word.
    assert!(wide.iter().all(|line| line.contains("shop.toml:1:")), "{wide:#?}");
    for told in [
        "cannot start: 5 problems",
        "       the settings are WEBHOOK_ACCEPT_UNDECODABLE,",
        "\n       - the Stripe CLI: `stripe listen --print-secret`",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    // In a pipe, lines are not broken.
    let piped = run(&mut wrong()).with_code(78).stderr;
    assert!(piped.lines().any(|line| line.chars().count() > 120), "{piped}");
}

#[test]
fn a_variable_that_nothing_reads_stops_each_command_that_reads_settings() {
    for (name, value, told) in [
        ("WEBHOOK_TOLERANSE", "300s", "did you mean WEBHOOK_TOLERANCE?"),
        ("WEBHOOK_BODYLIMIT", "5", "did you mean WEBHOOK_BODY_LIMIT?"),
        ("WEBHOOK_KEEP_BODYS", "5days", "did you mean WEBHOOK_KEEP_BODIES?"),
        ("webhook_listen", "127.0.0.1:0", "did you mean WEBHOOK_LISTEN?"),
        ("WEBHOOK_PORT", "4242", "did you mean WEBHOOK_LISTEN?"),
        ("WEBHOOK_SECRET", SECRET, "did you mean STRIPE_WEBHOOK_SECRET?"),
        ("WEBHOOK_DATABASE", "x.db", "did you mean WEBHOOK_INBOX?"),
        ("WEBHOOK_", "", "the settings are "),
        ("WEBHOOK_COLOUR", "red", "must not begin with WEBHOOK_"),
        ("WEBHOOK_INBOX", " inbox.db", "WEBHOOK_INBOX is \" inbox.db\": it begins or ends with white space"),
    ] {
        for arguments in [
            &["serve"][..],
            &["dev", "--once"],
            &["trigger", "payout.paid"],
            &["inbox", "list"],
            &["replay", "evt_1"],
        ] {
            let refused =
                run(outcomes().args(arguments).env("STRIPE_WEBHOOK_SECRET", SECRET).env(name, value));
            let refused = refused.with_code(78);
            assert!(refused.stderr.contains(told), "{name}, {arguments:?}: {refused:#?}");
            assert!(!refused.stderr.contains(SECRET), "{name}: {refused:#?}");
        }
    }
    // What reads no setting is not in the way of finding out.
    run(outcomes().arg("handlers").env("WEBHOOK_TOLERANSE", "1")).with_code(0);
}

#[test]
fn a_value_that_is_empty_or_stands_between_blanks_is_shown_as_it_is() {
    for (name, value, told) in [
        ("WEBHOOK_LISTEN", "", "WEBHOOK_LISTEN is \"\""),
        ("WEBHOOK_TOLERANCE", "", "WEBHOOK_TOLERANCE is \"\""),
        ("WEBHOOK_INBOX", "", "WEBHOOK_INBOX is \"\""),
        ("WEBHOOK_TLS_KEY", "", "WEBHOOK_TLS_KEY is \"\""),
        ("WEBHOOK_BODY_LIMIT", "5 ", "WEBHOOK_BODY_LIMIT is \"5 \""),
        ("WEBHOOK_PATH", "/webhook ", "WEBHOOK_PATH is \"/webhook \""),
        ("STRIPE_WEBHOOK_SECRET_FILE", "secret ", "STRIPE_WEBHOOK_SECRET_FILE is \"secret \""),
    ] {
        let refused = run(outcomes().arg("serve").env("STRIPE_WEBHOOK_SECRET", SECRET).env(name, value));
        let refused = refused.with_code(78);
        assert!(refused.stderr.contains(told), "{name}: {refused:#?}");
    }
}

#[test]
fn a_secret_under_another_name_is_pointed_at() {
    for name in [
        "STRIPE_WEBHOOK_SECRETS",
        "STRIPE_ENDPOINT_SECRET",
        "STRIPE_WEBHOOK_SIGNING_SECRET",
        "stripe_webhook_secret",
    ] {
        let refused = run(outcomes().arg("serve").env(name, SECRET)).with_code(78);
        let told = format!("{name} is set, but is not read");
        assert!(refused.stderr.contains(&told) && !refused.stderr.contains(SECRET), "{name}: {refused:#?}");
    }
    let refused = run(outcomes().arg("serve").env("STRIPE_SECRET_KEY", "sk_test_x")).with_code(78);
    assert!(!refused.stderr.contains("is not read"), "{refused:#?}");
}

/// Sets a file's mode.
#[cfg(unix)]
fn set_mode(file: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;

    fs::set_permissions(file, fs::Permissions::from_mode(mode)).expect("it is ours");
}

#[cfg(unix)]
#[test]
fn a_secret_file_that_every_user_can_read_is_warned_of_and_refused_if_that_is_wanted() {
    let warning = "every user of this machine can read the secret file ";
    for (mode, is_open) in [(0o600, false), (0o640, false), (0o644, true), (0o604, true)] {
        let file = written("secret", SECRET);
        set_mode(&file, mode);
        let started = |flags: &[&str]| {
            let mut command = outcomes();
            command.env("STRIPE_WEBHOOK_SECRET_FILE", &file).env("WEBHOOK_INBOX", ":memory:");
            Server::try_from_command(&mut command, flags)
        };
        let stopped = started(&[]).unwrap_or_else(|refused| panic!("{refused:#?}")).stop();
        assert_eq!(stopped.stderr.contains(warning), is_open, "{mode:o}: {stopped:#?}");
        match started(&["--strict"]) {
            Ok(server) => {
                assert!(!is_open, "{mode:o}: it starts");
                server.stop();
            }
            Err(refused) => {
                let refused = refused.with_code(78);
                assert!(is_open && refused.stderr.contains(warning), "{mode:o}: {refused:#?}");
                assert!(refused.stderr.contains("chmod o-r"), "{refused:#?}");
            }
        }
    }
}

#[test]
fn a_value_out_of_range_is_refused_with_the_range_and_with_what_gave_it() {
    for (name, value, told) in [
        ("tolerance", "0s", "is 0s: it must be from 1s to 1h"),
        ("tolerance", "3601s", "is 1h 1s: it must be from 1s to 1h"),
        ("future-tolerance", "0s", "is 0s: it must be from 1s to 1h"),
        ("future-tolerance", "2h", "is 2h: it must be from 1s to 1h"),
        ("body-limit", "0", "is 0 bytes: it must be from 1 to 67108864"),
        ("body-limit", "67108865", "is 67108865 bytes: it must be from 1 to 67108864"),
        ("body-timeout", "999ms", "is 999ms: it must be from 1s to 10m"),
        ("body-timeout", "11m", "is 11m: it must be from 1s to 10m"),
        ("handler-timeout", "0s", "is 0s: it must be from 1ms to 10m"),
        ("handler-timeout", "11m", "is 11m: it must be from 1ms to 10m"),
        ("drain-timeout", "11m", "is 11m: it must be from 0s to 10m"),
        ("concurrency", "0", "is 0: it must be from 1 to 4096"),
        ("concurrency", "4097", "is 4097: it must be from 1 to 4096"),
        ("keep-bodies", "4000days", "is 4000days: it must be from 0s to 3660days"),
        (
            "keep-ids",
            "1day",
            "is 1day: it must be from 7days to 3660days\n       the range depends on `keep-bodies`, which is 7days (by \
             default)",
        ),
        (
            "keep-parked",
            "34days",
            "is 34days: it must be from 35days to 3660days\n       the range depends on `keep-ids`, which is 35days (by default)",
        ),
        ("path", "webhook", "is \"webhook\": it must be a `/`"),
        ("path", "/a?b=c", "is \"/a?b=c\": it must be a `/`"),
        // What cannot be read at all.
        ("listen", "localhost:4242", "is \"localhost:4242\": it must be an address and a port"),
        ("tolerance", "-1s", "is \"-1s\": it must be a number and its unit"),
        ("body-limit", "-1", "is \"-1\": it must be a number of bytes"),
        ("concurrency", "99999999999", "is \"99999999999\": it must be a number"),
        ("strict", "yes", "is \"yes\": it must be true or false"),
    ] {
        let refused = |mut command: std::process::Command, given: &str| {
            let refused = run(command.env("STRIPE_WEBHOOK_SECRET", SECRET)).with_code(78).stderr;
            assert!(refused.contains(&format!("{given} {told}")), "{given} {told}: {refused}");
            // How long ids are kept may depend on it.
            assert!(refused.contains("cannot start: 1 problem\n") || name == "keep-bodies", "{refused}");
        };
        let mut by_flag = outcomes();
        by_flag.args(["serve", "--check"]).env_remove("WEBHOOK_LISTEN").arg(format!("--{name}={value}"));
        refused(by_flag, &format!("--{name}"));
        let variable = format!("WEBHOOK_{}", name.to_uppercase().replace('-', "_"));
        let mut by_variable = outcomes();
        by_variable.args(["serve", "--check"]).env(&variable, value);
        refused(by_variable, &variable);
        // A number that TOML can hold is not in quotes.
        let is_number = value.parse::<i64>().is_ok();
        let quoted = if is_number { value.to_owned() } else { format!("{value:?}") };
        if name == "strict" || value == "99999999999" {
            continue;
        }
        let file = written("shop.toml", format!("\n{name} = {quoted}\n"));
        let mut by_file = outcomes();
        by_file.args(["serve", "--check", "--config"]).arg(&file).env_remove("WEBHOOK_LISTEN");
        refused(by_file, &format!("{}:2: `{name}`", file.display()));
    }
}

#[test]
fn two_handlers_with_one_id_stop_the_start() {
    let built = build_fixtures(&["same-id"], Profile::Debug);
    let refused = run(program(&built["same-id"]).arg("serve").env("STRIPE_WEBHOOK_SECRET", SECRET));
    let refused = refused.with_code(78);
    for told in ["two handlers have the id `paid`: ", "main.rs:7 and ", "main.rs:10; give one of them `id"] {
        assert!(refused.stderr.contains(told), "{told}: {refused:#?}");
    }
}

#[test]
fn no_message_shows_the_password_of_a_database() {
    // A password in the environment is where it belongs.
    for (url, in_environment) in [
        (
            format!("postgres://shop:{CANARY}@db.internal:5432/shop?sslmod=require"),
            "WEBHOOK_INBOX is \"postgres://shop:…@db.internal:5432/shop?sslmod=…\": it must be a URL without the \
             parameter `sslmod`; those that it may have are application_name,",
        ),
        (
            format!("mysql://shop:{CANARY}@db.internal:3306/shop"),
            "WEBHOOK_INBOX is \"mysql://shop:…@db.internal:3306/shop\": it must be a file's name, :memory: or the URL of a \
             database of PostgreSQL",
        ),
    ] {
        let is_ours = url.starts_with("postgres");
        for arguments in [&["serve"][..], &["serve", "--check"], &["inbox", "list"], &["replay", "evt_1"]] {
            let file = written("shop.toml", format!("inbox = {url:?}\n"));
            let file = file.to_str().expect("it is text");
            let by_flag = [arguments, &["--inbox", &*url]].concat();
            let by_file = [arguments, &["--config", file]].concat();
            let by_variable = arguments.to_vec();
            for (arguments, variable, told) in [
                (
                    by_flag,
                    None,
                    "--inbox has a password on the command line, which every user of this machine can see",
                ),
                (
                    by_file,
                    None,
                    ": `inbox` has a password in a configuration file, which contains no secrets",
                ),
                (by_variable, Some(&url), in_environment),
            ] {
                let mut command = outcomes();
                command.env_remove("WEBHOOK_INBOX").args(&arguments).env("STRIPE_WEBHOOK_SECRET", SECRET);
                let refused = run(command.envs(variable.map(|url| ("WEBHOOK_INBOX", url)))).with_code(78);
                let shown = refused.stderr.replace("\n       ", " ");
                let is_told = shown.contains(told) || !is_ours && variable.is_none();
                assert!(is_told, "{arguments:?}: {refused:#?}");
                assert!(shown.contains("db.internal"), "{arguments:?}: {refused:#?}");
                assert!(!format!("{refused:?}").contains(CANARY), "{arguments:?}: {refused:#?}");
            }
        }
    }
}

#[test]
fn a_secret_in_place_of_a_setting_is_not_shown() {
    let secret = format!("whsec_{CANARY}0123456789");
    for name in ["LISTEN", "PATH", "INBOX", "TOLERANCE", "BODY_LIMIT", "STRICT", "CONFIG"] {
        let mut command = outcomes();
        command.arg("serve").env("STRIPE_WEBHOOK_SECRET", SECRET).env(format!("WEBHOOK_{name}"), &secret);
        // A file may have this name; the others are refused.
        let ended = run(command.arg("--check"));
        assert!(ended.code == Some(78) || name == "INBOX", "{name}: {ended:#?}");
        assert!(!format!("{ended:?}").contains(CANARY), "{name}: {ended:#?}");
    }
}

#[test]
fn what_is_almost_the_url_of_a_database_shows_no_password_either() {
    let not_a_file = "it must be a file's name, :memory: or the URL of a database of PostgreSQL";
    for (text, told) in [
        (format!("postgres://shop:{CANARY}@db/shop\n"), "it begins or ends with white space"),
        (format!(" postgres://shop:{CANARY}@db/shop"), "it begins or ends with white space"),
        (format!("\"postgres://shop:{CANARY}@db/shop\""), not_a_file),
        (format!("Postgres://shop:{CANARY}@db/shop"), not_a_file),
        (format!("postgres:/shop:{CANARY}@db/shop"), not_a_file),
        (format!("postgres:shop:{CANARY}@db/shop"), not_a_file),
        (format!("host=db user=shop password={CANARY}"), not_a_file),
        (format!("jdbc:postgresql://db/shop?user=shop&password={CANARY}"), not_a_file),
        (format!("postgres://db/shop?user=shop&passwrd={CANARY}"), "a URL without the parameter `passwrd`"),
        (format!("postgres://shop:{CANARY}"), "a URL whose ports are numbers"),
    ] {
        for arguments in [
            &["serve"][..],
            &["serve", "--check"],
            &["serve", "--check", "--format", "json"],
            &["inbox", "list"],
            &["inbox", "migrate"],
            &["inbox", "move", "--from", "inbox.db"],
            &["replay", "evt_1"],
        ] {
            let mut command = outcomes();
            command.args(arguments).env("WEBHOOK_INBOX", &text).env("STRIPE_WEBHOOK_SECRET", SECRET);
            let refused = run(&mut command);
            assert!(!format!("{refused:?}").contains(CANARY), "{text}, {arguments:?}: {refused:#?}");
            let is_told = refused.stderr.replace("\n       ", " ").contains(told);
            assert!(is_told, "{text}, {arguments:?}: {refused:#?}");
        }
    }
    for arguments in [
        &["serve", "--help"][..],
        &["inbox", "list", "--help"],
        &["inbox", "migrate", "--help"],
        &["replay", "--help"],
    ] {
        let url = format!("postgres://shop:{CANARY}@db/shop");
        let help = run(outcomes().args(arguments).env("WEBHOOK_INBOX", url)).with_code(0);
        assert!(help.stdout.contains("[env: WEBHOOK_INBOX]"), "{arguments:?}: {help:#?}");
        assert!(!help.stdout.contains(CANARY), "{arguments:?}: {help:#?}");
    }
    let mut moving = outcomes();
    moving.args(["inbox", "move", "--from", &format!("postgres://shop:{CANARY}@db/shop")]);
    let refused = run(moving.env("WEBHOOK_INBOX", "postgres://127.0.0.1:1/shop")).with_code(1);
    let told = "there is no inbox at postgres://shop:…@db/shop";
    assert!(refused.stderr.contains(told) && !format!("{refused:?}").contains(CANARY), "{refused:#?}");
}
