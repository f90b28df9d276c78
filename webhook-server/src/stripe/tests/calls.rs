//! What is sent, and what is made of the answer.

use fake_stripe::{Fault, What};
use serde_json::{Value, json};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_call_is_sent_as_stripe_reads_it() {
    let version = catalog::newest().name();
    let form = Some("application/x-www-form-urlencoded");
    let json_type = Some("application/json");
    let list =
        Call::get("/v1/events").query(&json!({ "limit": 3, "types": ["charge.failed", "payout.paid"] }));
    let fields = json!({ "url": "https://x.example/a b", "enabled_events": ["payout.paid"] });
    for (call, line, content_type, body, own) in [
        (list, "GET /v1/events?limit=3&types[0]=charge.failed&types[1]=payout.paid", None, "", vec![]),
        (
            Call::get("/v1/charges/ch_1").account("acct_1").because_of("evt_1"),
            "GET /v1/charges/ch_1",
            None,
            "",
            vec![("stripe-account", "acct_1"), ("stripe-request-trigger", "event=evt_1")],
        ),
        (
            Call::get("/v2/core/events/evt_1").context("acct_1/acct_2"),
            "GET /v2/core/events/evt_1",
            None,
            "",
            vec![("stripe-context", "acct_1/acct_2")],
        ),
        (
            Call::post("/v1/webhook_endpoints").body(fields.clone()).idempotency_key("own"),
            "POST /v1/webhook_endpoints",
            form,
            "enabled_events[0]=payout.paid&url=https%3A%2F%2Fx.example%2Fa+b",
            vec![("idempotency-key", "own")],
        ),
        (
            Call::post("/v2/core/event_destinations").body(json!({ "name": "é" })).idempotency_key("own"),
            "POST /v2/core/event_destinations",
            json_type,
            "{\"name\":\"é\"}",
            vec![("idempotency-key", "own")],
        ),
        (
            Call::post("/v1/events/evt_1/retry").idempotency_key("own"),
            "POST /v1/events/evt_1/retry",
            form,
            "",
            vec![("idempotency-key", "own")],
        ),
        (Call::delete("/v1/webhook_endpoints/we_1"), "DELETE /v1/webhook_endpoints/we_1", None, "", vec![]),
    ] {
        let fake = Fake::new();
        let _ = client(&fake).call(&call).await;
        let [request] = &fake.requests()[..] else { panic!("{line}: it is sent once") };
        let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
        assert_eq!(format!("{} {}{query}", request.method, request.path), line);
        assert_eq!(request.body, body, "{line}");
        let bearer = format!("Bearer {KEY}");
        let mut expected =
            vec![("authorization", &*bearer), ("stripe-version", version), ("host", "api.stripe.com")];
        expected.extend(content_type.map(|form| ("content-type", form)));
        expected.extend(own);
        for (name, value) in &expected {
            assert_eq!(request.header(name), Some(*value), "{line}: {name}");
        }
        let known = ["accept", "user-agent", "content-length"];
        let others = request.headers.keys().filter(|name| !known.contains(&&***name));
        assert_eq!(others.count(), expected.len(), "{line}: {:?}", request.headers);
    }
}

/// Stripe heeds the key of these calls only.
#[tokio::test(start_paused = true)]
async fn what_may_be_done_twice_has_a_random_key() {
    let fake = Fake::new();
    let client = client(&fake);
    for (call, has_key) in [
        (Call::get("/v1/events"), false),
        (Call::get("/v2/core/events"), false),
        (Call::post("/v1/webhook_endpoints"), true),
        (Call::post("/v1/webhook_endpoints"), true),
        (Call::delete("/v1/webhook_endpoints/we_1"), false),
        (Call::post("/v2/core/event_destinations"), true),
        (Call::delete("/v2/core/event_destinations/we_1"), true),
    ] {
        let _ = client.call(&call).await;
        let key =
            fake.requests().last().and_then(|request| request.header("idempotency-key").map(str::to_owned));
        assert_eq!(key.is_some(), has_key, "{call:?}");
        assert!(key.is_none_or(|key| key.len() == 32), "{call:?}");
    }
    let keys: Vec<_> = fake
        .requests()
        .iter()
        .filter_map(|request| request.header("idempotency-key").map(str::to_owned))
        .collect();
    let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
    assert_eq!(distinct.len(), keys.len(), "{keys:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_has_the_object_as_stripe_wrote_it() {
    let fake = Fake::new();
    fake.set_now(784_111_777);
    let object = json!({ "id": "cus_1", "object": "customer", "balance": 7 });
    fake.put_object("acct_1", "/v1/customers/cus_1", object.clone());
    let client = client(&fake);
    let answer = client.call(&Call::get("/v1/customers/cus_1").account("acct_1")).await.expect("it is there");
    assert_eq!(answer.body(), object.to_string().as_bytes());
    assert_eq!(answer.decode::<Value>().expect("it is JSON"), object);
    assert_eq!(answer.request_id(), Some("req_fake0"));
    assert_eq!(answer.date(), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    #[derive(Debug, serde::Deserialize)]
    struct Other {
        #[serde(rename = "id")]
        _id: u32,
    }
    let error = answer.decode::<Other>().expect_err("it is a text").to_string();
    assert!(error.contains("line 1, column") && error.contains("req_fake0"), "{error}");
    assert!(!error.contains("cus_1\""), "{error}");
    // The account's object is not there for others.
    for call in [Call::get("/v1/customers/cus_1"), Call::get("/v1/customers/cus_1").context("acct_2")] {
        let error = client.call(&call).await.expect_err("it is of another account");
        assert!(matches!(error.reason(), Reason::NotFound), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_failure_says_why() {
    let get = || Call::get("/v1/customers/cus_1");
    for (fault, call, told) in [
        (
            What::UnknownKey,
            get(),
            "Stripe does not know the API key (req_fake0)\nStripe says: Invalid API Key provided: sk_…",
        ),
        (
            What::MissingPermission("rak_customer_read".into()),
            get(),
            "the API key lacks a permission: rak_customer_read (req_fake0)\n\
             create a key with it: https://dashboard.stripe.com/apikeys/create?name=webhook-server&permissions[0]=rak_customer_read\n\
             Stripe says: The provided key 'rk_…' does not have",
        ),
        (What::NotFound, get(), "there is no such object (req_fake0)\nStripe says: No such object: 'cus_1'"),
        (
            What::RateLimited(Some("endpoint-rate".into())),
            get(),
            "too many calls (endpoint-rate) (req_fake0)\nStripe says: Request rate",
        ),
        (What::RateLimited(None), get(), "too many calls (req_fake0)"),
        (
            What::Garbage,
            get(),
            "the answer (200) is not one of Stripe's API: does a proxy answer in its place? (req_fake0)",
        ),
        (
            What::Redirect("https://elsewhere.example/".into()),
            get(),
            "the answer (302) is not one of Stripe's API",
        ),
        (What::Endless, get(), "the answer is longer than 16777216 bytes"),
        (
            What::Answer { status: 404, headers: vec![], body: "<html>nothing here".into() },
            get(),
            "the answer (404) is not one of Stripe's API",
        ),
        (
            What::Answer { status: 200, headers: vec![], body: "[1]".into() },
            get(),
            "the answer (200) is not one of Stripe's API",
        ),
        (
            What::Answer {
                status: 400,
                headers: vec![],
                body: r#"{"error":{"code":"x","param":"y","message":"no\u001b[2J"}}"#.into(),
            },
            get(),
            "Stripe refuses it (400, code x, param y) (req_fake0)\nStripe says: no\u{fffd}[2J",
        ),
        (
            What::Answer {
                status: 400,
                headers: vec![],
                body: r#"{"error":{"code":"rate_limit","message":"slow"}}"#.into(),
            },
            get(),
            "too many calls (req_fake0)\nStripe says: slow",
        ),
    ] {
        let fake = Fake::new();
        let shown = format!("{fault:?}");
        fake.fail(Fault::next(fault));
        let error = client(&fake).call(&call).await.expect_err(&shown);
        let expected = format!("GET /v1/customers/cus_1: {told}");
        assert!(error.to_string().starts_with(&expected), "{shown}: {error}");
        assert_eq!(fake.requests().len(), 1, "{shown} is not repeated");
    }
    let fake = Fake::new();
    fake.permit(&["rak_event_read"]);
    let error =
        client(&fake).call(&Call::post("/v1/webhook_endpoints")).await.expect_err("it is not permitted");
    assert!(
        matches!(error.reason(), Reason::Permission { names } if *names == ["rak_webhook_write"]),
        "{error}"
    );
    client(&fake).call(&Call::get("/v1/events")).await.expect("it is permitted");
    // A path that Stripe does not have is not an object that is gone.
    let error =
        client(&Fake::new()).call(&Call::get("/v1/nothing")).await.expect_err("there is no such path");
    assert!(matches!(error.reason(), Reason::Invalid { status: 404, .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_sent_is_not_sent() {
    let fake = Fake::new();
    let organisation = ApiKey::new("sk_org_live_0123456789abcdef", Medium::Variable).expect("it is a key");
    for (call, told) in [
        (Call::get("https://elsewhere.example/v1/events"), "not a path of Stripe's API"),
        (Call::get("/v1/events/../customers"), "not a path of Stripe's API"),
        (Call::get("/v1/events\u{1b}[2J"), "not a path of Stripe's API"),
        (Call::get("/v1/events").account("acct_1\r\nx: y"), "the account cannot be sent"),
        (Call::get("/v1/events").context("é"), "the context cannot be sent"),
        (Call::get("/v1/events").because_of("\n"), "the event's id cannot be sent"),
        (Call::post("/v1/events").idempotency_key("\0"), "the idempotency key cannot be sent"),
    ] {
        let error = client(&fake).call(&call).await.expect_err(told).to_string();
        assert!(error.contains(told) && !error.contains('\u{1b}'), "{error}");
    }
    let client = client_with(&fake, organisation);
    let error = client.call(&Call::get("/v1/events")).await.expect_err("it names no account");
    assert!(matches!(error.reason(), Reason::NeedsAccount), "{error}");
    assert!(fake.requests().is_empty());
    client.call(&Call::get("/v1/events").context("acct_1")).await.expect("it names an account");
}
