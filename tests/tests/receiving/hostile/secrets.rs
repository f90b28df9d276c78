//! Secrets that are not, or no longer, those of the endpoint.

use std::process::Command;

use product_tests::{OTHER_SECRET, SECRET, new_inbox, program, signed, unix_now};
use webhook_core::Sample;

use super::{Good, HEADERS, POST, Row, check, check_on};

#[path = "../../../../webhook-core/tests/api/model/hmac.rs"]
mod hmac;

/// A request for a new event, signed with this secret.
fn under(secret: &str) -> Vec<u8> {
    let good = Good::new();
    Good { signature: signed(&[secret], unix_now(), good.body.as_bytes()), ..good }.request(POST, HEADERS)
}

#[test]
fn a_secret_counts_until_it_is_rolled_out() {
    let inbox = new_inbox();
    let server = |secrets: String| {
        let mut command = program(env!("CARGO_BIN_EXE_durable"));
        command.env("STRIPE_WEBHOOK_SECRET", secrets).env("WEBHOOK_INBOX", &inbox);
        command
    };
    let log = check_on(&mut server(format!("new {SECRET},old {OTHER_SECRET}")), || under(SECRET), {
        vec![
            Row::goes_on("the new one", 200, under(SECRET)),
            Row::goes_on("the old one", 200, under(OTHER_SECRET)),
            Row::goes_on("neither", 400, under("whsec_product_test_0000000000000000")),
        ]
    });
    assert_eq!(log.matches("secret=\"old\"").count(), 1, "{log}");
    check_on(&mut server(format!("new {SECRET}")), || under(SECRET), {
        vec![
            Row::goes_on("the new one", 200, under(SECRET)),
            Row::goes_on("the one that was rolled out", 400, under(OTHER_SECRET)),
        ]
    });
}

#[test]
fn a_secret_is_good_at_its_endpoint_alone() {
    const LIVE: &str = "whsec_live_0123456789abcdef";
    let request = |path: &str, secret: &str, seed: u64| {
        let body = Sample::new("account.updated", seed).expect("there is such a type").livemode(true);
        let body = String::from_utf8(body.body(1_700_000_000)).expect("it is JSON");
        let signature = signed(&[secret], unix_now(), body.as_bytes());
        Good { body, signature }.request(&format!("POST {path} HTTP/1.1"), HEADERS)
    };
    let mut command: Command = program(env!("CARGO_BIN_EXE_endpoints"));
    command.env("STRIPE_OWN_SECRET", SECRET).env("STRIPE_CONNECT_SECRET", LIVE);
    let good = || request("/stripe", SECRET, 1);
    let log = check_on(&mut command, good, {
        vec![
            Row::goes_on("the other endpoint's", 400, request("/stripe", LIVE, 2)),
            Row::goes_on(
                "the other endpoint's, the other way round",
                400,
                request("/stripe/connect", SECRET, 2),
            ),
            Row::goes_on(
                "test mode's, at the live endpoint",
                400,
                request("/stripe/connect", OTHER_SECRET, 2),
            ),
            Row::goes_on("its own", 200, request("/stripe/connect", LIVE, 2)),
            Row::goes_on("the same event through the other endpoint", 200, request("/stripe", SECRET, 2)),
        ]
    });
    // The second delivery, and all but the first of the good ones.
    assert_eq!(log.matches("event stored").count(), 2, "{log}");
}

#[test]
fn nothing_signs_nothing() {
    let by = |key: &str| {
        let (now, body) = (unix_now().to_string(), "{}".to_owned());
        let signature = format!("t={now},v1={}", hmac::v1(key, &now, body.as_bytes()));
        Good { body, signature }.request(POST, HEADERS)
    };
    check(vec![
        Row::goes_on("the empty key", 400, by("")),
        Row::goes_on("a blank", 400, by(" ")),
        Row::goes_on("the secret without its beginning", 400, by(SECRET.trim_start_matches("whsec_"))),
        Row::goes_on("the secret with a line break", 400, by(&format!("{SECRET}\n"))),
        Row::goes_on("the secret", 200, by(SECRET)),
    ]);
}
