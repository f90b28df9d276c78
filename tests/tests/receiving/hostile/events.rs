//! Events that the program did not expect: they are stored, and answered with 200.

use std::thread;

use product_tests::{Client, SECRET, Server, Stream, signed, unix_now};
use webhook_core::Sample;

use super::{Good, Row, check, with_body};

/// An event of a type that no handler of `durable` takes, about any object.
fn event(event_type: &str, number: usize, more: &str) -> String {
    format!(
        r#"{{"id":"evt_Odd{number:08}","object":"event","type":"{event_type}","created":1,"livemode":false,{more}
            "api_version":"2020-08-27","data":{{"object":{{"id":"ob_{number}","object":"x"}}}}}}"#
    )
}

#[test]
fn an_event_that_no_handler_takes_is_stored() {
    let of = |event_type: &str, number, more: &str| with_body(event(event_type, number, more).as_bytes());
    let log = check(vec![
        Row::goes_on("a type of Stripe's", 200, of("customer.created", 1, "")),
        Row::goes_on("a type that nobody knows", 200, of("spaceship.landed", 2, "")),
        Row::goes_on("one word", 200, of("x", 3, "")),
        Row::goes_on("an unknown account", 200, of("account.updated", 4, r#""account":"acct_1/../../x","#)),
        Row::goes_on("an account of 10 KB", 200, {
            of("account.updated", 5, &format!(r#""account":"{}","#, "'".repeat(10_000)))
        }),
    ]);
    assert_eq!(log.matches("tasks=0").count(), 5, "{log}");
    assert!(log.lines().all(|line| line.len() < 1_000), "{log}");
}

#[test]
fn an_event_that_does_not_fit_its_handler_is_stored_and_its_task_is_parked() {
    let refund =
        |seed| Sample::new("refund.created", seed).expect("there is such a type").body(1_700_000_000);
    let without = |field: &str, seed| {
        let mut event: serde_json::Value = serde_json::from_slice(&refund(seed)).expect("a sample is JSON");
        event["data"]["object"].as_object_mut().expect("it is an object").remove(field);
        event["api_version"] = "2014-03-28".into();
        with_body(event.to_string().as_bytes())
    };
    let log = check(vec![
        Row::goes_on("a refund", 200, with_body(&refund(1))),
        Row::goes_on("a refund without a currency", 200, without("currency", 2)),
    ]);
    let parked: Vec<_> = log.lines().filter(|line| line.contains("task parked")).collect();
    assert_eq!(parked.len(), 1, "{log}");
    for told in ["durable::refunded", "currency", "2014-03-28"] {
        assert!(parked[0].contains(told), "{told}: {parked:?}");
    }
}

#[test]
fn ten_thousand_types_are_ten_thousand_events() {
    const SENDERS: usize = 16;
    const EACH: usize = 625;
    let server = Server::start(env!("CARGO_BIN_EXE_durable"), &[]);
    let address = server.address;
    thread::scope(|scope| {
        for sender in 0..SENDERS {
            scope.spawn(move || {
                let mut client = Client::default();
                for number in (0..EACH).map(|number| sender * EACH + number) {
                    let body = event(&format!("made.up_{number}"), number, "");
                    assert_eq!(client.post(address, body.as_bytes()).expect("an answer").status, 200);
                }
            });
        }
    });
    // A good one is taken after them.
    let good = Good::new();
    let signature = signed(&[SECRET], unix_now(), good.body.as_bytes());
    assert_eq!(product_tests::send(address, &signature, good.body.as_bytes()).status(), 200);
    server.process.line_with(Stream::Stderr, "handler done");
    let log = server.stop().stderr;
    assert_eq!(log.matches("event stored").count(), SENDERS * EACH + 1, "{log}");
}
