//! The attributes' expansions compile wherever a user may put them, and register what they say.

use product_tests::{Profile, build_fixtures, program, run};
use serde_json::{Value, json};

#[test]
fn the_dependency_may_have_another_name() {
    check(
        "renamed-dependency",
        json!([
            {
                "id": "renamed_dependency::paid", "events": ["payment_intent.succeeded"], "endpoint": null,
                "payload": "Value", "fields": [], "state": [], "transaction": null, "timeout_ms": null,
                "retry": { "attempts": 20, "first_delay_ms": 5000, "max_delay_ms": 21600000 },
                "order": { "mode": "serial", "per": null, "group": null }, "replies": false,
                "crate": "renamed_dependency", "binary": "renamed-dependency",
                "file": "renamed-dependency/src/main.rs", "line": 11, "doc": "Takes a payment.",
            },
            {
                "id": "rest", "events": null, "endpoint": null,
                "payload": null, "fields": [], "state": [], "transaction": null, "timeout_ms": null,
                "retry": { "attempts": 20, "first_delay_ms": 5000, "max_delay_ms": 21600000 },
                "order": { "mode": "serial", "per": null, "group": null }, "replies": false,
                "crate": "renamed_dependency", "binary": "renamed-dependency",
                "file": "renamed-dependency/src/main.rs", "line": 18,
                "doc": "Takes what is left, by a path to the crate.",
            },
        ]),
    );
}

#[test]
fn a_crate_may_forbid_unsafe_code_and_deny_warnings() {
    let disputes = ["closed", "created", "funds_reinstated", "funds_withdrawn", "updated"];
    let file = "strict-handlers/src/lib.rs";
    check(
        "strict-app",
        json!([
            {
                "id": "strict.everything", "events": ["invoice.paid", "invoice.payment_failed"], "endpoint": null,
                "payload": "Value", "fields": [], "state": ["strict_handlers::Stock"], "transaction": null, "timeout_ms": 1500,
                "retry": { "attempts": 20, "first_delay_ms": 5000, "max_delay_ms": 21600000 },
                "order": { "mode": "serial", "per": null, "group": null }, "replies": false,
                "crate": "strict_handlers", "binary": null,
                "file": file, "line": 32, "doc": "Takes every kind of argument.\n\nIts second paragraph.",
            },
            {
                "id": "strict_handlers::nested::deeper::undocumented", "events": ["payout.failed"], "endpoint": null,
                "payload": null, "fields": [], "state": [], "transaction": null, "timeout_ms": null,
                "retry": { "attempts": 20, "first_delay_ms": 5000, "max_delay_ms": 21600000 },
                "order": { "mode": "serial", "per": null, "group": null }, "replies": false,
                "crate": "strict_handlers", "binary": null,
                "file": file, "line": 61, "doc": "",
            },
            {
                "id": "strict_handlers::nothing", "events": disputes.map(|last| format!("charge.dispute.{last}")),
                "endpoint": null,
                "payload": null, "fields": [], "state": [], "transaction": null, "timeout_ms": null,
                "retry": { "attempts": 20, "first_delay_ms": 5000, "max_delay_ms": 21600000 },
                "order": { "mode": "serial", "per": null, "group": null }, "replies": false,
                "crate": "strict_handlers", "binary": null,
                "file": file, "line": 45, "doc": "Takes nothing.",
            },
            {
                "id": "strict_handlers::private", "events": ["payout.paid"], "endpoint": null,
                "payload": "Unchecked<String>", "fields": [], "state": [], "transaction": null, "timeout_ms": null,
                "retry": { "attempts": 20, "first_delay_ms": 5000, "max_delay_ms": 21600000 },
                "order": { "mode": "serial", "per": null, "group": null }, "replies": false,
                "crate": "strict_handlers", "binary": null,
                "file": file, "line": 49, "doc": "Fails with an error of the standard library.",
            },
            {
                "id": "strict_handlers::rest", "events": null, "endpoint": null,
                "payload": "Value", "fields": [], "state": [], "transaction": null, "timeout_ms": null,
                "retry": { "attempts": 20, "first_delay_ms": 5000, "max_delay_ms": 21600000 },
                "order": { "mode": "serial", "per": null, "group": null }, "replies": false,
                "crate": "strict_handlers", "binary": null,
                "file": file, "line": 73, "doc": "Takes the rest.",
            },
        ]),
    );
}

#[test]
fn a_module_may_shadow_every_name_that_the_expansion_uses() {
    check(
        "shadowed-prelude",
        json!([
            {
                "id": "shadowed_prelude::invocation", "events": ["payment_intent.processing"], "endpoint": null,
                "payload": null, "fields": [], "state": [], "transaction": null, "timeout_ms": null,
                "retry": { "attempts": 20, "first_delay_ms": 5000, "max_delay_ms": 21600000 },
                "order": { "mode": "serial", "per": null, "group": null }, "replies": false,
                "crate": "shadowed_prelude", "binary": "shadowed-prelude",
                "file": "shadowed-prelude/src/main.rs", "line": 62, "doc": "",
            },
            {
                "id": "shadowed_prelude::run", "events": ["payment_intent.canceled", "payment_intent.succeeded"], "endpoint": null,
                "payload": "Value", "fields": [], "state": [], "transaction": null, "timeout_ms": 2000,
                "retry": { "attempts": 20, "first_delay_ms": 5000, "max_delay_ms": 21600000 },
                "order": { "mode": "serial", "per": null, "group": null }, "replies": false,
                "crate": "shadowed_prelude", "binary": "shadowed-prelude",
                "file": "shadowed-prelude/src/main.rs", "line": 55,
                "doc": "Takes an event by a name of ours, and fails.",
            },
        ]),
    );
}

/// Builds a fixture and compares all that it says of its handlers.
#[track_caller]
fn check(package: &str, expected: Value) {
    let built = build_fixtures(&[package], Profile::Debug);
    let listed = run(program(&built[package]).args(["handlers", "--format", "json"])).with_code(0);
    let mut listed: Vec<Value> = serde_json::from_str(&listed.stdout).expect("it is JSON");
    for handler in &mut listed {
        if let Value::String(payload) = &mut handler["payload"] {
            *payload = without_paths(payload);
        }
    }
    let listed = Value::from(listed);
    assert_eq!(listed, expected, "{listed:#}");
}

/// The name of a type without the modules that it happens to stand in.
fn without_paths(name: &str) -> String {
    let pieces = name.split_inclusive(['<', '>', ',', ' ']);
    pieces.map(|piece| piece.rsplit("::").next().unwrap_or(piece)).collect()
}
