//! An application under test: what its own tests see of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, SystemTime};

use webhook_server::testing::TestApp;
use webhook_server::{
    App, Event, HandlerError, ResultExt, State, Story, StripeObject, Verdict, fixture, on_event,
};

#[derive(Clone, Debug, PartialEq)]
struct Shop(&'static str);

#[derive(Debug, StripeObject)]
#[stripe(object = "payment_intent")]
struct Paid {
    amount: i64,
    #[stripe(path = "metadata.order")]
    order: Option<String>,
}

#[on_event("payment_intent.succeeded")]
async fn fulfil(event: Event<Paid>, State(shop): State<Shop>) -> Result<(), HandlerError> {
    assert_eq!(shop, Shop("ours"));
    let order = event.object.order.ok_or("no order").park()?;
    match order.as_str() {
        "test" => Err(HandlerError::skip("only a test")),
        "later" => Err("not yet").retry_after(Duration::from_secs(60)),
        _ if event.object.amount == 0 => panic!("nothing was paid"),
        _ => Ok(()),
    }
}

#[on_event("payment_intent.succeeded")]
async fn count(_event: Event) {}

#[on_event("payout.paid", timeout = "20ms")]
async fn never_ends(_event: Event) {
    std::future::pending::<()>().await;
}

fn app() -> TestApp {
    TestApp::new(App::new().state(Shop("ours")))
}

#[tokio::test]
async fn a_delivery_tells_what_each_handler_did() {
    // With an inbox, what is stored is answered with 200, however the handlers end.
    let (inline, app) = (TestApp::new(App::new().state(Shop("ours")).inline()), app());
    for (sample, status, verdict) in [
        (fixture!("payment_intent.succeeded", metadata.order = "o_1"), 200, None),
        (fixture!("payment_intent.succeeded"), 500, Some(Verdict::Park)),
        (fixture!("payment_intent.succeeded", metadata.order = "test"), 200, Some(Verdict::Skip)),
        (
            fixture!("payment_intent.succeeded", metadata.order = "later"),
            500,
            Some(Verdict::Retry { after: Some(Duration::from_secs(60)) }),
        ),
        (
            fixture!("payment_intent.succeeded", metadata.order = "o_1", amount = 0),
            500,
            Some(Verdict::Retry { after: None }),
        ),
    ] {
        assert_eq!(inline.deliver(sample.clone()).await.status(), status);
        let delivered = app.deliver(sample).await;
        assert_eq!(delivered.status(), 200);
        assert_eq!(delivered.handlers(), ["testing::count", "testing::fulfil"]);
        delivered.assert_done("count");
        match verdict {
            None => delivered.assert_done("testing::fulfil"),
            Some(verdict) => assert_eq!(delivered.assert_failed("fulfil").verdict(), verdict),
        }
    }
}

#[tokio::test]
async fn a_timeout_fails_and_a_type_without_a_handler_does_not() {
    let app = app();
    let delivered = app.deliver(fixture!("payout.paid")).await;
    let cause = delivered.assert_failed("never_ends").cause().to_string();
    assert_eq!(cause, "cancelled: it had not ended after 20ms");
    let unhandled = app.deliver(fixture!("customer.created")).await;
    assert_eq!((unhandled.status(), unhandled.handlers().len()), (200, 0));
    assert!(unhandled.outcome("count").is_none() && unhandled.refusal().is_none());
}

#[tokio::test]
async fn the_clock_is_the_tests() {
    let app = app();
    let start = SystemTime::now();
    app.set_time(start);
    let seconds = start.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let forged = format!("t={seconds},v1={}", "0".repeat(64));
    let refused = app.deliver_body(&forged, "{}").await;
    assert_eq!(refused.status(), 400);
    assert!(refused.refusal().unwrap().contains("matches under any"), "{:?}", refused.refusal());
    app.set_time(start + Duration::from_secs(10_000));
    assert_eq!(app.deliver(fixture!("customer.created")).await.status(), 200, "signed at the test's time");
}

#[tokio::test]
async fn a_failed_assertion_says_what_happened_instead() {
    let delivered = app().deliver(fixture!("payment_intent.succeeded")).await;
    let message = |assert: &dyn Fn()| {
        let panic = catch_unwind(AssertUnwindSafe(assert)).unwrap_err();
        panic.downcast_ref::<String>().unwrap().clone()
    };
    assert_eq!(
        message(&|| delivered.assert_done("fulfil")),
        "`fulfil` did not run and succeed; payment_intent.succeeded was answered with 200, and these ran:\n  \
         testing::count: done\n  testing::fulfil: parked: no order"
    );
    let missed = message(&|| {
        delivered.assert_failed("count");
    });
    assert!(missed.starts_with("`count` did not run and fail; "), "{missed}");
}

#[test]
#[should_panic(
    expected = "handler `testing::fulfil` (webhook-server/tests/testing.rs:22) takes `State<testing::Shop>`"
)]
fn an_application_that_cannot_start_says_why() {
    let _ = TestApp::new(App::new());
}

#[on_event("invoice.paid")]
async fn from_live_accounts_only(event: Event) -> Result<(), HandlerError> {
    match event.account.as_deref() {
        Some("acct_1") if event.livemode => Ok(()),
        _ => Err(HandlerError::park("another account, or a test")),
    }
}

#[tokio::test]
async fn a_handler_sees_what_the_test_says_of_the_envelope() {
    let app = app();
    let live = || fixture!("invoice.paid").livemode(true);
    app.deliver(live().account("acct_1")).await.assert_done("from_live_accounts_only");
    app.deliver(live().account("acct_2")).await.assert_failed("from_live_accounts_only");
    app.deliver(fixture!("invoice.paid").account("acct_1")).await.assert_failed("from_live_accounts_only");
}

/// A body as it was recorded: in another order, with a field that is not known, and a line break at its end.
#[tokio::test]
async fn a_recorded_body_is_signed_and_delivered_as_it_is() {
    let recorded = r#"{"type":"payment_intent.succeeded","livemode":false,"object":"event","id":"evt_1","new_field":7,
        "data":{"object":{"object":"payment_intent","id":"pi_1","amount":4200,"metadata":{"order":"o_1"}}}}
"#;
    let delivered = app().deliver_recorded(recorded).await;
    assert_eq!(delivered.status(), 200);
    delivered.assert_done("fulfil");
}

#[tokio::test]
async fn what_is_no_event_goes_into_quarantine() {
    let (inline, app) = (TestApp::new(App::new().state(Shop("ours")).inline()), app());
    let thin = r#"{"object":"v2.core.event","id":"evt_1","type":"v1.payment_intent.succeeded","created":
        "2026-11-26T10:00:00.000Z","livemode":false,"related_object":{"id":"pi_1","type":"payment_intent",
        "url":"/v1/payment_intents/pi_1"}}"#;
    for (body, reason) in
        [(thin.as_bytes(), "thin event"), (b"\xff{}", "UTF-8"), (b"", "empty"), (b"[]", "not an object")]
    {
        let delivered = app.deliver_recorded(body).await;
        assert_eq!((delivered.status(), delivered.handlers().len()), (200, 0), "{reason}");
        let quarantined = delivered.quarantined().unwrap_or_else(|| panic!("{reason}: {delivered:?}"));
        assert!(quarantined.contains(reason), "{quarantined}");
        assert_eq!(delivered.refusal(), None, "it was not refused, but kept");
        // Without an inbox nothing keeps it.
        let refused = inline.deliver_recorded(body).await;
        assert_eq!((refused.status(), refused.quarantined()), (400, None), "{reason}");
        assert!(refused.refusal().is_some_and(|refusal| refusal.contains(reason)), "{refused:?}");
    }
}

#[tokio::test]
async fn a_story_is_delivered_event_by_event() {
    let app = app();
    let mut done = Vec::new();
    for event in Story::named("payment-failed").unwrap().events(1) {
        let mut event = event;
        if event.event_type() == "payment_intent.succeeded" {
            event.set("metadata.order", "o_1").unwrap();
        }
        let delivered = app.deliver(event).await;
        done.extend(delivered.handlers());
        delivered.handlers().iter().for_each(|handler| delivered.assert_done(handler));
    }
    assert_eq!(done, ["testing::count", "testing::fulfil"]);
    assert!(app.handlers().contains(&"testing::never_ends"), "{:?}", app.handlers());
}
