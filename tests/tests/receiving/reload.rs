//! Secrets that are replaced while the server runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use product_tests::{
    Connection, OTHER_SECRET, Process, SECRET, Server, Stream, new_inbox, open_terminal, program, run,
    signed, unix_now,
};
use serde_json::{Value, json};
use webhook_core::Sample;

/// A new folder for the files of a test.
fn folder() -> PathBuf {
    new_inbox().parent().expect("it is in a folder").to_owned()
}

/// Replaces a file as a whole.
fn write(file: &Path, text: &str) {
    let new = file.with_extension("new");
    fs::write(&new, text).expect("the folder can be written to");
    fs::rename(new, file).expect("both are in one folder");
}

/// Starts a server with its secrets in a file.
fn serve(file: &Path) -> Server {
    let file = file.to_str().expect("the path is text");
    Server::from_command(&mut program(env!("CARGO_BIN_EXE_durable")), &["--secret-file", file])
}

/// Sends an event on a connection that goes on, and returns the status.
#[track_caller]
fn post(connection: &mut Connection, secret: &str) -> u16 {
    let body = Sample::new("payment_intent.succeeded", 1).expect("there is such a type").body(1_700_000_000);
    let signature = signed(&[secret], unix_now(), &body);
    let head = format!(
        "POST /webhook HTTP/1.1\r\nHost: a\r\nStripe-Signature: {signature}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    connection.send([head.as_bytes(), &body].concat());
    let answer = connection.answer();
    assert_eq!(answer.header("connection"), None, "{answer:?}");
    answer.status()
}

#[test]
fn new_secrets_in_a_file_replace_the_old_ones_and_no_connection_is_dropped() {
    let file = folder().join("stripe");
    write(&file, &format!("old {SECRET}\n"));
    let server = serve(&file);
    let mut connection = Connection::open(server.address);
    assert_eq!((post(&mut connection, SECRET), post(&mut connection, OTHER_SECRET)), (200, 400));

    write(&file, &format!("old {SECRET}\nnew {OTHER_SECRET}\n"));
    let line = server.process.line_with(Stream::Stderr, "added=\"new (");
    assert!(line.contains("removed=\"\""), "{line}");
    assert_eq!((post(&mut connection, SECRET), post(&mut connection, OTHER_SECRET)), (200, 200));

    write(&file, &format!("new {OTHER_SECRET}\n"));
    server.process.line_with(Stream::Stderr, "added=\"\" removed=\"old (");
    assert_eq!((post(&mut connection, SECRET), post(&mut connection, OTHER_SECRET)), (400, 200));

    // The same label for another secret.
    write(&file, &format!("new {SECRET}\n"));
    let line = server.process.line_with(Stream::Stderr, "removed=\"new (");
    let fingerprints: Vec<&str> = line.split("new (").skip(1).map(|rest| &rest[..8]).collect();
    assert!(fingerprints.len() == 2 && fingerprints[0] != fingerprints[1], "{line}");
    assert_eq!((post(&mut connection, SECRET), post(&mut connection, OTHER_SECRET)), (200, 400));

    let log = server.stop().stderr;
    assert!(!log.contains(&SECRET[6..]) && !log.contains(&OTHER_SECRET[6..]), "{log}");
}

/// An operator goes by this list: a secret is shown before it is used, and a label that is given to another secret does not
/// show when the former one was used.
#[test]
fn the_inbox_shows_a_roll_step_by_step() {
    let file = folder().join("stripe");
    write(&file, &format!("current {SECRET}"));
    let inbox = new_inbox();
    let mut command = program(env!("CARGO_BIN_EXE_durable"));
    command.env("WEBHOOK_INBOX", &inbox);
    let server = Server::from_command(&mut command, &["--secret-file", file.to_str().expect("text")]);
    let stats = |format: &[&str]| {
        let mut stats = program(env!("CARGO_BIN_EXE_durable"));
        run(stats.env("WEBHOOK_INBOX", &inbox).args(["inbox", "stats"]).args(format)).with_code(0).stdout
    };
    // The fingerprint of each secret, and whether it was used; the one that was configured first comes first.
    let secrets = || {
        let stats: Value = serde_json::from_str(&stats(&["--format", "json"])).expect("it is JSON");
        let mut rows = stats["secrets"].as_array().expect("it is a list").clone();
        rows.sort_by_key(|row| row["last_configured_ms"].as_u64());
        let row = |row: &Value| {
            assert_eq!((&row["endpoint"], &row["secret"]), (&json!("/webhook"), &json!("current")), "{row}");
            (row["fingerprint"].to_string(), !row["last_used_ms"].is_null())
        };
        rows.iter().map(row).collect::<Vec<_>>()
    };
    let [(former, false)] = &secrets()[..] else { panic!("it is listed when the server listens") };
    assert!(stats(&[]).contains("never"), "{}", stats(&[]));
    let mut connection = Connection::open(server.address);
    assert_eq!(post(&mut connection, SECRET), 200);
    assert_eq!(secrets(), [(former.clone(), true)]);
    assert!(!stats(&[]).contains("never"), "{}", stats(&[]));

    write(&file, &format!("current {OTHER_SECRET}"));
    server.process.signal("HUP");
    server.process.line_with(Stream::Stderr, "signing secrets reloaded");
    product_tests::until("the new secret is noted", || secrets().len() == 2);
    let [(same, true), (latter, false)] = &secrets()[..] else { panic!("{:?}", secrets()) };
    assert!(same == former && latter != former);
    assert_eq!((post(&mut connection, SECRET), post(&mut connection, OTHER_SECRET)), (400, 200));
    assert_eq!(secrets(), [(former.clone(), true), (latter.clone(), true)]);
    server.stop();
    assert_eq!(secrets().len(), 2);
}

#[test]
fn a_file_that_is_not_valid_changes_nothing() {
    let file = folder().join("stripe");
    write(&file, SECRET);
    let server = serve(&file);
    let mut connection = Connection::open(server.address);
    let nine: String = (0..9).map(|at| format!("whsec_product_test_of_nine_{at}\n")).collect();
    for (text, told) in [
        ("", "the secret is empty"),
        ("sk_live_0123456789abcdef", "it is an API key"),
        (&*nine, "contains 9 secrets; the maximum is 8"),
        (&*format!("{OTHER_SECRET}\n{OTHER_SECRET}"), "it is the same as an earlier one"),
        (&*format!("{OTHER_SECRET}\n\n{SECRET}"), "it is empty: remove the extra comma or line break"),
    ] {
        write(&file, text);
        let line = server.process.line_with(Stream::Stderr, told);
        assert!(line.contains("ERROR") && line.contains(file.to_str().expect("text")), "{line}");
        assert_eq!(
            (post(&mut connection, SECRET), post(&mut connection, OTHER_SECRET)),
            (200, 400),
            "{told}"
        );
    }
    fs::remove_file(&file).expect("it is there");
    server.process.line_with(Stream::Stderr, "cannot be read");
    assert_eq!(post(&mut connection, SECRET), 200);

    write(&file, &format!("new {OTHER_SECRET}"));
    server.process.line_with(Stream::Stderr, "added=\"new (");
    assert_eq!((post(&mut connection, SECRET), post(&mut connection, OTHER_SECRET)), (400, 200));
    server.stop();
}

/// Kubernetes moves a symbolic link to a new folder; the file itself is a link through it.
#[test]
fn a_mounted_secret_of_kubernetes_is_read_again() {
    let folder = folder();
    let version = |name: &str, secret: &str| {
        fs::create_dir(folder.join(name)).expect("it is new");
        fs::write(folder.join(name).join("stripe"), secret).expect("the folder can be written to");
        symlink(name, folder.join("..data_tmp")).expect("it is new");
        fs::rename(folder.join("..data_tmp"), folder.join("..data")).expect("both are in one folder");
    };
    version("..2026_11_01", SECRET);
    symlink("..data/stripe", folder.join("stripe")).expect("it is new");
    let server = serve(&folder.join("stripe"));
    let mut connection = Connection::open(server.address);
    assert_eq!(post(&mut connection, SECRET), 200);
    version("..2026_11_02", &format!("new {OTHER_SECRET}"));
    server.process.line_with(Stream::Stderr, "added=\"new (");
    assert_eq!((post(&mut connection, SECRET), post(&mut connection, OTHER_SECRET)), (400, 200));
    server.stop();
}

#[test]
fn a_hangup_reads_everything_at_once_and_ends_nothing() {
    let file = folder().join("stripe");
    write(&file, SECRET);
    let server = serve(&file);
    let mut connection = Connection::open(server.address);
    server.process.signal("HUP");
    server.process.line_with(Stream::Stderr, "signing secrets: nothing has changed endpoint=\"/webhook\"");
    write(&file, &format!("new {OTHER_SECRET}"));
    server.process.signal("HUP");
    server.process.line_with(Stream::Stderr, "added=\"new (");
    assert_eq!((post(&mut connection, SECRET), post(&mut connection, OTHER_SECRET)), (400, 200));
    server.stop();

    let server = Server::start(env!("CARGO_BIN_EXE_durable"), &[]);
    server.process.signal("HUP");
    let line = server.process.line_with(Stream::Stderr, "restart to change");
    assert!(line.contains("INFO") && line.contains("STRIPE_WEBHOOK_SECRET"), "{line}");
    assert_eq!(post(&mut Connection::open(server.address), SECRET), 200);
    server.stop();
}

#[test]
fn a_hangup_ends_no_command_that_serves() {
    let mut dev = program(env!("CARGO_BIN_EXE_durable"));
    dev.args(["dev", "--no-samples"]);
    let mut mounted = program(env!("CARGO_BIN_EXE_mounted"));
    mounted.env("STRIPE_WEBHOOK_SECRET", SECRET).env_remove("WEBHOOK_LISTEN");
    for (mut command, ready) in [(dev, "Still listening"), (mounted, "serving")] {
        let process = Process::start(&mut command);
        process.line_with(Stream::Stdout, ready);
        process.signal("HUP");
        process.signal("TERM");
        process.wait().with_code(0);
    }
}

/// An application that is started without a command line has its own signals, and its secret file is read again, too.
#[test]
fn a_mounted_application_reads_its_file_again() {
    let file = folder().join("stripe");
    write(&file, SECRET);
    let mut command = program(env!("CARGO_BIN_EXE_mounted"));
    command.env("STRIPE_WEBHOOK_SECRET_FILE", &file).env("MOUNTED", "hyper").env_remove("WEBHOOK_LISTEN");
    let process = Process::start(&mut command);
    let address = process.line(Stream::Stdout, |line| line.strip_prefix("serving ")?.parse().ok());
    let mut connection = Connection::open(address);
    assert_eq!(post(&mut connection, SECRET), 200);
    write(&file, OTHER_SECRET);
    // It logs nothing.
    product_tests::until("the new secret is taken", || post(&mut connection, OTHER_SECRET) == 200);
    assert_eq!(post(&mut connection, SECRET), 400);
    process.signal("TERM");
    process.wait().with_code(0);
}

#[test]
fn a_terminal_that_is_closed_stops_the_server() {
    let [terminal, programs] = open_terminal(80);
    let mut command: Command = program(env!("CARGO_BIN_EXE_durable"));
    command.args(["dev", "--no-samples"]);
    let stderr = Stdio::from(programs);
    let process = Process::start_writing(&mut command, [None, Some(stderr)]);
    command.stderr(Stdio::null());
    process.line_with(Stream::Stdout, "Still listening");
    drop(terminal);
    process.signal("HUP");
    process.wait().with_code(0);
}
