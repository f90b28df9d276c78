//! When a call is repeated, and how long it may take.

use fake_stripe::{Fault, What};
use serde_json::json;
use tokio::time::Instant;

use super::*;

fn create() -> Call {
    Call::post("/v1/webhook_endpoints")
        .body(json!({ "url": "https://x.example/", "enabled_events": ["payout.paid"] }))
}

/// Whatever happens on the way, what is asked for is done once.
#[tokio::test(start_paused = true)]
async fn a_call_is_repeated_for_what_passes() {
    let retried = |status, should| What::Answer {
        status,
        headers: vec![("stripe-should-retry".into(), String::from(should))],
        body: r#"{"error":{"message":"x"}}"#.into(),
    };
    let limits =
        ["global-rate", "endpoint-rate", "global-concurrency", "endpoint-concurrency", "resource-specific"];
    let limits = limits.map(|by| (What::RateLimited(Some(by.to_owned())), 1, 1, "too many calls"));
    let rows = [
        (What::ServerError, 1, 2, ""),
        (What::ServerError, 2, 3, ""),
        (What::ServerError, 3, 3, "Stripe failed with 500"),
        (What::Conflict, 1, 2, ""),
        (What::Conflict, 3, 3, "it conflicts with another call"),
        (What::LockTimeout, 2, 3, ""),
        (What::LockTimeout, 3, 3, "lock_timeout"),
        (What::RateLimited(None), 1, 1, "too many calls"),
        (What::CutBefore, 2, 3, ""),
        (What::CutBefore, 3, 3, "closed the connection before it answered"),
        (What::CutAfter, 1, 2, ""),
        (What::CutAfter, 3, 3, "closed the connection before it answered"),
        (What::CutWithin, 1, 2, ""),
        (What::CutWithin, 3, 3, "the connection ended within the answer"),
        (What::UnknownKey, 1, 1, "does not know the API key"),
        (What::MissingPermission("rak_webhook_write".into()), 1, 1, "lacks a permission"),
        (What::NotFound, 1, 1, "no such object"),
        (retried(500, "false"), 1, 1, "Stripe failed with 500"),
        (retried(409, "false"), 1, 1, "it conflicts"),
        (retried(429, "true"), 1, 2, ""),
        (retried(400, "true"), 1, 2, ""),
        (retried(503, "maybe"), 1, 2, ""),
    ];
    for (fault, times, requests, told) in rows.into_iter().chain(limits) {
        let fake = Fake::new();
        let shown = format!("{times} times {fault:?}");
        fake.fail(Fault::next(fault.clone()).times(times));
        match client(&fake).call(&create()).await {
            Ok(answer) => assert!(told.is_empty() && answer.request_id().is_some(), "{shown}"),
            Err(error) => {
                assert!(!told.is_empty() && error.to_string().contains(told), "{shown}: {error}");
                let passes = requests > 1 || matches!(error.reason(), Reason::RateLimited { .. });
                let is_told = error.to_string().contains("500") || error.to_string().contains("conflicts");
                assert_eq!(error.is_passing(), passes || is_told, "{shown}");
            }
        }
        let sent = fake.requests();
        assert_eq!(sent.len(), requests, "{shown}");
        assert!(
            sent.iter().all(|request| request.header("idempotency-key") == sent[0].header("idempotency-key"))
        );
        assert!(sent.iter().all(|request| request.body == sent[0].body), "{shown}");
        let made = fake.state("")["endpoints"].as_array().map_or(0, Vec::len);
        let is_done = told.is_empty() || matches!(fault, What::CutAfter | What::CutWithin);
        assert_eq!(made, usize::from(is_done), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_pauses_double_and_are_half_random() {
    let mut elapsed = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let fake = Fake::new();
        fake.fail(Fault::next(What::ServerError).times(2));
        let since = Instant::now();
        client(&fake).call(&create()).await.expect("the third time");
        let took = since.elapsed();
        assert!((Duration::from_millis(750)..=Duration::from_millis(1510)).contains(&took), "{took:?}");
        elapsed.insert(took);
    }
    assert!(elapsed.len() > 10, "{elapsed:?}");
    let longest = (0..40).map(retries::pause).max().expect("there are some");
    assert!((Duration::from_millis(2500)..=Duration::from_secs(5)).contains(&longest), "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_holds_for_everything_that_a_call_waits_for() {
    let hour = Duration::from_secs(3600);
    let rows = [
        (vec![Fault::next(What::slow(hour))], None, 80),
        (vec![Fault::next(What::slow(hour))], Some(7), 7),
        (vec![Fault::next(What::ServerError).times(2), Fault::next(What::slow(hour))], Some(7), 7),
    ];
    for (faults, own, seconds) in rows {
        let fake = Fake::new();
        faults.into_iter().for_each(|fault| fake.fail(fault));
        let since = Instant::now();
        let call = own.map_or_else(create, |own| create().deadline(Duration::from_secs(own)));
        let error = client(&fake).call(&call).await.expect_err("it takes too long");
        assert_eq!(since.elapsed().as_secs(), seconds);
        let told = humantime::format_duration(Duration::from_secs(seconds));
        assert_eq!(error.to_string(), format!("POST /v1/webhook_endpoints: no answer within {told}"));
        assert!(error.is_passing());
    }
    let fake = Fake::new();
    fake.fail(Fault::next(What::slow(Duration::from_secs(79))));
    client(&fake).call(&create()).await.expect("just in time");
}

/// A call that is cancelled may have been done. One with the same key finds out.
#[tokio::test(start_paused = true)]
async fn a_cancelled_call_can_be_made_again() {
    let fake = Fake::new();
    let client = client(&fake);
    let call = create().idempotency_key("one");
    fake.fail(Fault::next(What::CutAfter).times(3));
    let cancelled = timeout(Duration::from_millis(100), client.call(&call)).await;
    assert!(cancelled.is_err(), "it waits to be repeated");
    assert_eq!(fake.state("")["endpoints"].as_array().map(Vec::len), Some(1));
    fake.fail(Fault::next(What::Slow(0)));
    let again = loop {
        if let Ok(answer) = client.call(&call).await {
            break answer;
        }
    };
    let made = fake.state("")["endpoints"].clone();
    assert_eq!(made.as_array().map(Vec::len), Some(1), "{made}");
    assert_eq!(again.decode::<serde_json::Value>().expect("it is JSON")["id"], made[0]["id"]);
}

#[tokio::test(start_paused = true)]
async fn calls_keep_to_the_rate() {
    let fake = Fake::new();
    let client = client(&fake);
    let since = Instant::now();
    let calls = (0..105).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.call(&Call::get("/v1/events")).await.map(drop) })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.expect("it does not panic").expect("it is answered");
    }
    assert_eq!(since.elapsed().as_secs(), 4, "25 a second, and 5 at once");
}
