//! Thin events in a whole program, which reads objects from a fake of Stripe's API.

use std::process::Command;

use fake_stripe::{Fake, Fault, What};
use product_tests::{SECRET, Server, Stream, new_inbox, program, run, signed, unix_now};
use serde_json::json;

const PROGRAM: &str = env!("CARGO_BIN_EXE_thin");

/// What must not be shown anywhere.
const KEY: &str = "rk_test_a1Canary2That3Nothing4May5Show";

const METER: &str = "/v1/billing/meters/mtr_1";

fn serving(url: &str) -> Command {
    let mut command = program(PROGRAM);
    command.env("WEBHOOK_INBOX", new_inbox()).env("STRIPE_WEBHOOK_SECRET", SECRET);
    command.env("STRIPE_API_KEY", KEY).env("WEBHOOK_STRIPE_API_URL", url).env("RUST_LOG", "trace");
    command
}

/// A notification as Stripe sends it.
fn notification(id: &str, event_type: &str, related: &serde_json::Value) -> String {
    json!({
        "id": id, "object": "v2.core.event", "type": event_type, "livemode": false,
        "created": "2026-11-26T10:00:00.000Z", "context": "acct_1", "related_object": related,
    })
    .to_string()
}

#[test]
fn a_notification_is_handled_with_what_stripe_has_now() {
    let fake = Fake::new();
    let listening = fake.listen();
    fake.put_object(
        "acct_1",
        METER,
        json!({ "id": "mtr_1", "object": "billing.meter", "display_name": "API" }),
    );
    let event = json!({
        "id": "evt_1", "object": "v2.core.event", "type": "v1.billing.meter.error_report_triggered",
        "data": { "developer_message_summary": "3 events failed" },
    });
    fake.add_thin_event("acct_1", event);
    // The first two reads are refused: the second one ends the call.
    fake.fail(Fault::next(What::RateLimited(Some("endpoint-rate".to_owned()))));
    let server = Server::from_command(&mut serving(&listening.url()), &[]);
    let meter = json!({ "id": "mtr_1", "type": "billing.meter", "url": METER });
    let body = notification("evt_1", "v1.billing.meter.error_report_triggered", &meter);
    for _ in 0..2 {
        assert_eq!(server.post(body.as_bytes()).status(), 200);
    }
    server.process.line_with(Stream::Stderr, "endpoint-rate");
    server.process.line_with(Stream::Stdout, "meter mtr_1 (API): 3 events failed");
    let ping = notification(
        "evt_2",
        "v2.core.event_destination.ping",
        &json!({
            "id": "we_1", "type": "v2.core.event_destination", "url": "/v2/core/event_destinations/we_1"
        }),
    );
    assert_eq!(server.post(ping.as_bytes()).status(), 200);
    server.process.line_with(Stream::Stdout, "other: v2.core.event_destination.ping");
    // A forged one reads nothing.
    let forged = signed(&["whsec_another"], unix_now(), body.as_bytes());
    assert_eq!(product_tests::send(server.address, &forged, body.as_bytes()).status(), 400);
    let ended = server.stop();
    let requests = fake.requests();
    let of = |path: &str| requests.iter().filter(|request| request.path == path).count();
    assert_eq!((of(METER), of("/v2/core/events/evt_1"), requests.len()), (2, 1, 3));
    for request in &requests {
        assert_eq!(request.header("stripe-context"), Some("acct_1"));
        assert_eq!(request.header("authorization"), Some(&*format!("Bearer {KEY}")));
    }
    for (name, text) in [("output", &ended.stdout), ("log", &ended.stderr)] {
        assert!(!text.contains(KEY), "the key is in the {name}");
    }
    assert!(ended.stderr.contains("rk_test_… from STRIPE_API_KEY"), "{}", ended.stderr);
}

#[test]
fn a_program_whose_handlers_read_does_not_start_without_a_key() {
    let mut command = serving("http://127.0.0.1:1");
    let refused = run(command.env_remove("STRIPE_API_KEY").arg("serve")).with_code(78);
    assert!(refused.stderr.contains("no key of Stripe's API"), "{}", refused.stderr);
    assert!(refused.stderr.contains("which handler `thin::meter_errors`"), "{}", refused.stderr);
}
