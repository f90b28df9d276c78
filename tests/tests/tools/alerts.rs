//! Alerts of real servers: what arrives where, and what a receiver that fails does to the server.

mod receiver;

use std::net::SocketAddr;
use std::process::Command;

use product_tests::{Process, SECRET, Server, Stream, new_inbox, program, run, send, signed, unix_now};
use serde_json::Value;

use self::receiver::{Answering, Receiver, freed_address};

/// Stands in every URL, and in nothing that a server writes.
const TOKEN: &str = "Do8Not9Show7This";

/// What the log says of a post that failed and will be tried again.
const NOT_YET: &str = "alerts are not posted yet";

fn outcomes(url: &str) -> Command {
    let mut command = program(env!("CARGO_BIN_EXE_outcomes"));
    command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("WEBHOOK_ALERT_URL", url);
    command.env("RUST_LOG", "webhook_server=debug");
    command
}

/// Has a handler park its task.
#[track_caller]
fn park(address: SocketAddr, id: &str) {
    let body = format!(
        r#"{{"id":"{id}","object":"event","type":"charge.refunded","created":1790000000,"livemode":false,
        "api_version":"2026-10-28.endive","data":{{"object":{{"object":"charge","id":"ch_1","customer":"cus_1"}}}}}}"#
    );
    let signature = signed(&[SECRET], unix_now(), body.as_bytes());
    assert_eq!(send(address, &signature, body.as_bytes()).status(), 200);
}

/// Ends a server, which has shown no token and nothing of a post.
#[track_caller]
fn stop(process: Process) -> String {
    process.signal("TERM");
    let ended = process.wait().with_code(0);
    assert!(!ended.stderr.contains(TOKEN) && !ended.stdout.contains(TOKEN), "{ended:#?}");
    ended.stderr
}

/// The only alert of a post.
#[track_caller]
fn only(post: &Value) -> &Value {
    let alerts = post["alerts"].as_array().expect("they are a list");
    assert_eq!(alerts.len(), 1, "{post:#}");
    &alerts[0]
}

#[test]
fn a_parked_task_is_posted() {
    let receiver = Receiver::start(None, |_| Answering::With("200 OK"));
    let server = Server::from_command(&mut outcomes(&format!("{}/{TOKEN}?a={TOKEN}", receiver.url())), &[]);
    park(server.address, "evt_1");
    let post = receiver.post();
    assert_eq!(post.path, format!("/{TOKEN}?a={TOKEN}"));
    let alert = only(&post.body);
    assert_eq!((&alert["kind"], &alert["count"]), (&"parked".into(), &1.into()), "{alert:#}");
    assert_eq!(
        (&alert["handler"], &alert["reason"]),
        (&"outcomes::park".into(), &"asked".into()),
        "{alert:#}"
    );
    assert_eq!(alert["event_ids"], serde_json::json!(["evt_1"]));
    let text = post.body["text"].as_str().expect("it is text");
    assert!(text.starts_with("outcomes on ") && text.ends_with("who refunds this?"), "{text}");
    let all = post.body.to_string();
    assert!(!all.contains("ch_1") && !all.contains("cus_1"), "{all}");

    // What waits is told at the end.
    park(server.address, "evt_2");
    server
        .process
        .line(Stream::Stderr, |line| (line.contains("task parked") && line.contains("evt_2")).then_some(()));
    let log = stop(server.process);
    assert_eq!(only(&receiver.post().body)["event_ids"], serde_json::json!(["evt_2"]));
    assert!(log.contains("alerts delivered") && !log.contains("alerts were not delivered"), "{log}");
}

#[test]
fn a_receiver_that_comes_back_gets_its_post() {
    let address = freed_address();
    let server = Server::from_command(&mut outcomes(&format!("http://{address}/{TOKEN}")), &[]);
    park(server.address, "evt_1");
    let why = server.process.line_with(Stream::Stderr, NOT_YET);
    assert!(why.contains(&format!("cannot connect to http://{address}/…")), "{why}");
    // It comes back, and does not work at once.
    let receiver = Receiver::start(Some(address), |number| {
        Answering::With(if number == 0 { "503 Service Unavailable" } else { "204 No Content" })
    });
    let (first, second) = (receiver.post(), receiver.post());
    assert_eq!(first.body, second.body);
    server.process.line_with(Stream::Stderr, "alerts delivered");
    stop(server.process);
}

#[test]
fn a_redirect_is_not_followed() {
    let receiver =
        Receiver::start(None, |_| Answering::With("307 Temporary Redirect\r\nLocation: /elsewhere"));
    let server = Server::from_command(&mut outcomes(&format!("{}/{TOKEN}", receiver.url())), &[]);
    park(server.address, "evt_1");
    let why = server.process.line_with(Stream::Stderr, NOT_YET);
    assert!(why.contains("answered 307, and a redirect is not followed"), "{why}");
    assert_eq!(receiver.post().path, format!("/{TOKEN}"));
    let log = stop(server.process);
    assert!(log.contains("alerts were not delivered"), "{log}");
    assert_eq!(receiver.post().path, format!("/{TOKEN}"), "it was tried once more at the end");
}

#[test]
fn a_receiver_that_hangs_holds_up_neither_events_nor_the_end() {
    let receiver = Receiver::start(None, |_| Answering::Never);
    let server = Server::from_command(&mut outcomes(&format!("{}/{TOKEN}", receiver.url())), &[]);
    park(server.address, "evt_1");
    receiver.post();
    // The answer never comes.
    for number in 2..50 {
        park(server.address, &format!("evt_{number}"));
    }
    let log = stop(server.process);
    assert!(log.contains("the server stopped before its last alerts were delivered"), "{log}");
}

#[test]
fn a_post_goes_through_tls_to_a_server_that_is_trusted() {
    let receiver = Receiver::with_tls(|_| Answering::With("200 OK"));
    let url = format!("{}/{TOKEN}", receiver.url());
    let server = Server::from_command(&mut outcomes(&url), &[]);
    park(server.address, "evt_1");
    let why = server.process.line_with(Stream::Stderr, NOT_YET);
    assert!(why.contains("no trusted certificate has signed it") && !why.contains("--ca-file"), "{why}");
    stop(server.process);
    assert!(receiver.posts().is_empty(), "nothing is sent to a server that is not trusted");

    let server = Server::from_command(outcomes(&url).env("SSL_CERT_FILE", receiver.authority()), &[]);
    park(server.address, "evt_1");
    assert_eq!(only(&receiver.post().body)["kind"], "parked");
    stop(server.process);
}

#[test]
fn a_mounted_application_posts_too() {
    let receiver = Receiver::start(None, |_| Answering::With("200 OK"));
    let mut command = program(env!("CARGO_BIN_EXE_mounted"));
    command.env_remove("WEBHOOK_LISTEN").env("MOUNTED", "hyper").env("STRIPE_WEBHOOK_SECRET", SECRET);
    let process = Process::start(command.env("WEBHOOK_ALERT_URL", format!("{}/{TOKEN}", receiver.url())));
    let address = process.line(Stream::Stdout, |line| line.strip_prefix("serving ")?.parse().ok());
    assert_eq!(send(address, &signed(&[SECRET], unix_now(), b"{}"), b"{}").status(), 200);
    assert_eq!(only(&receiver.post().body)["kind"], "quarantined");
    stop(process);
}

/// `dev` calls the hook, and posts nothing: its events are made up.
#[test]
fn a_hook_is_called_in_serve_and_in_dev() {
    let receiver = Receiver::start(None, |_| Answering::With("200 OK"));
    let inbox = new_inbox();
    for (arguments, posts) in
        [(["serve", "--listen", "127.0.0.1:0"], 1), (["dev", "--no-samples", "--listen=127.0.0.1:0"], 0)]
    {
        let mut command = outcomes(&format!("{}/{TOKEN}", receiver.url()));
        command.env("OUTCOMES_ALERTS", "1").env("WEBHOOK_INBOX", &inbox);
        let process = Process::start(command.args(arguments));
        let address = match posts {
            0 => process.line(Stream::Stdout, |line| after(line, "Listening on http://")),
            _ => process.line(Stream::Stderr, |line| after(line, "listening url=\"http://")),
        };
        park(address, "evt_1");
        let told = process.line_with(Stream::Stdout, "alert: ");
        assert_eq!(
            told,
            "alert: 1 task of handler outcomes::park was parked: the handler asked for it: who refunds this?"
        );
        stop(process);
        assert_eq!(receiver.posts().len(), posts, "{arguments:?}");
    }
}

#[test]
fn a_hook_that_blocks_its_thread_does_not_keep_the_process_alive() {
    let mut command = program(env!("CARGO_BIN_EXE_outcomes"));
    command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("OUTCOMES_ALERTS", "block");
    let server = Server::from_command(&mut command, &[]);
    park(server.address, "evt_1");
    server.process.line_with(Stream::Stdout, "alert: ");
    // It holds up no other handler.
    park(server.address, "evt_2");
    let log = stop(server.process);
    assert!(log.contains("the hook for alerts is blocking its thread"), "{log}");
}

fn after(line: &str, mark: &str) -> Option<SocketAddr> {
    line.split_once(mark)?.1.split('/').next()?.parse().ok()
}

#[test]
fn a_url_is_refused_where_others_can_read_it_and_shown_nowhere() {
    let config = new_inbox().with_file_name("shop.toml");
    let secret = format!("https://hooks.example.com/{TOKEN}");
    std::fs::write(&config, format!("alert-url = \"{secret}\"\n"))
        .expect("the target folder can be written to");
    let config = config.display().to_string();
    let plain = format!("http://hooks.example.com/{TOKEN}");
    for (arguments, variable, told) in [
        (&["--alert-url", &*secret][..], None, "--alert-url may hold a token on the command line"),
        (&["--config", &config], None, "shop.toml:1: `alert-url` may hold a token in a configuration file"),
        (
            &[],
            Some(&*plain),
            "WEBHOOK_ALERT_URL is \"http://hooks.example.com/…\": it must be a URL that begins with https://",
        ),
        (&[], Some(TOKEN), "WEBHOOK_ALERT_URL is \"…\": it must be a URL"),
        (&[], Some(""), "WEBHOOK_ALERT_URL is \"\": it must be a URL"),
    ] {
        for command in ["serve", "serve --check"] {
            let mut program = outcomes("");
            match variable {
                Some(url) => program.env("WEBHOOK_ALERT_URL", url),
                None => program.env_remove("WEBHOOK_ALERT_URL"),
            };
            let ended = run(program.args(command.split(' ')).args(arguments)).with_code(78);
            assert!(ended.stderr.contains(told), "{arguments:?}: {}", ended.stderr);
            assert!(!ended.stderr.contains(TOKEN) && !ended.stdout.contains(TOKEN), "{ended:#?}");
        }
    }
    let checked = run(outcomes(&secret).args(["serve", "--check", "--wide"])).with_code(0).stdout;
    assert!(checked.contains("https://hooks.example.com/…") && !checked.contains(TOKEN), "{checked}");
    let help = run(outcomes(&secret).args(["serve", "--help"])).with_code(0).stdout;
    assert!(help.contains("--alert-url") && !help.contains(TOKEN), "{help}");
}
