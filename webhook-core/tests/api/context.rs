//! What a handler can know about its run, and the key that makes its requests repeatable.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use webhook_core::catalog::Kind;
use webhook_core::{Attempt, Context};

use crate::support::{event, parse, run_of};

fn context_of(fields: &[(&str, &str)], run: Attempt) -> Context {
    Context::new(Arc::new(parse(event(fields)).unwrap()), run)
}

fn key(event_id: &str, handler: &'static str, step: &str) -> String {
    context_of(&[("id", &format!("\"{event_id}\""))], run_of(handler)).idempotency_key(step)
}

#[expect(clippy::disallowed_methods, reason = "there is no other way to any `Instant`")]
fn instant() -> Instant {
    Instant::now()
}

#[test]
fn a_context_says_what_the_server_and_the_event_do() {
    let deadline = instant() + Duration::from_secs(30);
    let run = Attempt {
        handler: "shop::paid",
        endpoint: "/hooks".into(),
        attempt: 3,
        is_replay: true,
        is_stale: true,
        deadline: Some(deadline),
    };
    let context = context_of(&[("account", r#""acct_1""#), ("livemode", "true")], run);
    assert_eq!((context.event_id(), context.account()), ("evt_1", Some("acct_1")));
    assert_eq!((context.api_version(), context.livemode()), (Some("2026-10-28.endive"), true));
    assert_eq!((context.handler(), context.endpoint()), ("shop::paid", "/hooks"));
    assert_eq!((context.attempt(), context.is_replay(), context.deadline()), (3, true, Some(deadline)));

    assert_eq!(context.kind(), Kind::Snapshot);
    let sparse = context_of(&[("api_version", "null")], run_of("a"));
    assert_eq!((sparse.account(), sparse.api_version(), sparse.deadline()), (None, None, None));
    assert!(!sparse.livemode() && !sparse.is_replay());
}

#[test]
fn the_key_is_the_same_in_every_run_of_a_handler_on_an_event() {
    let first = key("evt_1", "shop::paid", "charge");
    for (name, run) in [
        ("a second attempt", Attempt { attempt: 2, ..run_of("shop::paid") }),
        ("the last attempt", Attempt { attempt: u32::MAX, ..run_of("shop::paid") }),
        ("a replay", Attempt { is_replay: true, ..run_of("shop::paid") }),
        ("another deadline", Attempt { deadline: Some(instant()), ..run_of("shop::paid") }),
        ("another endpoint", Attempt { endpoint: "/other".into(), ..run_of("shop::paid") }),
    ] {
        assert_eq!(context_of(&[], run).idempotency_key("charge"), first, "{name}");
    }
    let redelivered = context_of(
        &[("pending_webhooks", "0"), ("data", r#"{"object":{"id":"ch_1"}}"#)],
        run_of("shop::paid"),
    );
    assert_eq!(redelivered.idempotency_key("charge"), first, "the event delivered again");
}

#[test]
fn the_key_does_not_change_between_releases() {
    // SHA-256 of `evt_1/charge.succeeded/ch_1`, NUL, `shop::paid`, NUL, `charge`: a request sent before an upgrade is not sent again.
    let expected = "webhook-3811b6694f36999a22a7adf65c8ccd6ef710b6f4c27e16beb3d55928644e1eb5";
    assert_eq!(key("evt_1", "shop::paid", "charge"), expected);
}

#[test]
fn the_key_differs_by_event_handler_and_step() {
    let parts = [
        ("evt_1", "shop::paid", "charge"),
        ("evt_2", "shop::paid", "charge"),
        ("evt_1", "shop::ship", "charge"),
        ("evt_1", "shop::paid", "mail"),
        ("evt_1", "shop::paid", ""),
        ("evt_1", "shop::paid", "Charge"),
        ("evt_1", "shop::paid", "charge "),
        // The same letters, divided otherwise.
        ("evt_1s", "hop::paid", "charge"),
        ("evt_1", "shop::paidc", "harge"),
        ("evt_1", "shop::pai", "dcharge"),
        ("evt_1", "shop::paid", "\0charge"),
    ];
    let keys: BTreeSet<_> = parts.iter().map(|(event, handler, step)| key(event, handler, step)).collect();
    assert_eq!(keys.len(), parts.len());
}

#[test]
fn events_of_one_id_have_keys_of_their_own() {
    let context =
        |event_type, object| context_of(&[("type", event_type), ("data", object)], run_of("shop::paid"));
    let contexts = [
        context(r#""charge.succeeded""#, r#"{"object":{"id":"ch_1"}}"#),
        context(r#""charge.failed""#, r#"{"object":{"id":"ch_1"}}"#),
        context(r#""charge.failed""#, r#"{"object":{"id":"ch_2"}}"#),
        context(r#""charge.failed""#, r#"{"object":{}}"#),
    ];
    let keys: Vec<String> = contexts.iter().map(Context::event_key).collect();
    let expected = ["charge.succeeded/ch_1", "charge.failed/ch_1", "charge.failed/ch_2", "charge.failed/"];
    assert_eq!(keys, expected.map(|rest| format!("evt_1/{rest}")));
    let keys: BTreeSet<String> = contexts.iter().map(|context| context.idempotency_key("charge")).collect();
    assert_eq!(keys.len(), contexts.len());
}

#[test]
fn the_key_fits_stripe_whatever_the_step() {
    for step in ["", "charge", "line\nbreak", "émoji 😀", &"x".repeat(100_000)] {
        let key = key("evt_1", "shop::paid", step);
        assert!(key.len() <= 255 && key.bytes().all(|byte| byte.is_ascii_graphic()), "{key}");
    }
}
