//! Several endpoints of one server: each has its own path and its own secrets.

use std::process::Command;

use product_tests::{
    OTHER_SECRET, SECRET, Server, Stream, exchange, new_inbox, program, run, signed, unix_now,
};
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
        "answered with 200, and not handled",
        "event was stored before",
        "only at `/stripe`, `/stripe/connect`",
    ] {
        assert!(ended.stderr.contains(told), "{told}: {ended:#?}");
    }
    assert!(!ended.stderr.contains(&SECRET[6..]) && !ended.stderr.contains(&OTHER_SECRET[6..]), "{ended:#?}");
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
