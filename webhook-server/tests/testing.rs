//! An application under test: what its own tests see of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use webhook_server::testing::{TaskState, TestApp};
use webhook_server::{
    Alert, AlertKind, App, Context, Event, HandlerError, Reply, ResultExt, State, Story, StripeObject,
    Verdict, fixture, on_event,
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
            Some(verdict) => {
                assert_eq!(delivered.assert_failed("fulfil").verdict(), verdict);
                if verdict == Verdict::Park {
                    delivered.assert_parked("fulfil");
                }
                if verdict == Verdict::Skip {
                    delivered.assert_skipped("fulfil");
                }
            }
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
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let app = TestApp::starting_at(start, App::new().state(Shop("ours")));
    let seconds = start.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let forged = format!("t={seconds},v1={}", "0".repeat(64));
    let refused = app.deliver_body(&forged, "{}").await;
    assert_eq!(refused.status(), 400);
    assert!(refused.refusal().unwrap().contains("matches under any"), "{:?}", refused.refusal());
    app.set_time(start + Duration::from_secs(10_000));
    assert_eq!(app.deliver(fixture!("customer.created")).await.status(), 200, "signed at the test's time");
    let back = catch_unwind(AssertUnwindSafe(|| app.set_time(start)));
    assert!(back.is_err(), "the clock never goes back");
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
    let missed = message(&|| {
        delivered.assert_skipped("fulfil");
    });
    assert!(missed.starts_with("`fulfil` did not run and skip the event; "), "{missed}");
    let missed = message(&|| {
        delivered.assert_parked("count");
    });
    assert!(missed.starts_with("`count` did not run and park the event; "), "{missed}");
    assert_eq!(delivered.assert_parked("fulfil").cause().to_string(), "no order");
}

#[test]
#[should_panic(
    expected = "handler `testing::fulfil` (webhook-server/tests/testing.rs:24) takes `State<testing::Shop>`"
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
    let thin = br#"{"object":"v2.core.event","id":"evt_1","type":"v1.payment_intent.succeeded","created":
        "2026-11-26T10:00:00.000Z","livemode":false,"related_object":"pi_1"}"#;
    for (body, reason) in [
        (&thin[..], "`related_object` is missing"),
        (b"\xff{}", "UTF-8"),
        (b"", "empty"),
        (b"[]", "not an object"),
    ] {
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

#[tokio::test]
async fn a_second_delivery_is_a_duplicate_and_runs_nothing() {
    let (inline, app) = (TestApp::new(App::new().state(Shop("ours")).inline()), app());
    let sample = || fixture!("payment_intent.succeeded", metadata.order = "o_1");
    let first = app.deliver(sample()).await;
    assert!(!first.is_duplicate());
    let second = app.deliver_again(&first).await;
    assert_eq!((second.status(), second.is_duplicate(), second.handlers().len()), (200, true, 0));
    assert_eq!(app.tasks().await.len(), 2, "one for each handler");
    // Without an inbox, nothing remembers the first.
    let first = inline.deliver(sample()).await;
    let second = inline.deliver_again(&first).await;
    assert_eq!((second.is_duplicate(), second.handlers().len()), (false, 2));
    assert_eq!(inline.tasks().await, []);
}

#[on_event("invoice.payment_failed", retry(attempts = 3, first_delay = "10s", max_delay = "10s"))]
async fn fails_until_the_third(context: Context) -> Result<(), HandlerError> {
    match context.attempt() {
        3 if context.livemode() => Ok(()),
        attempt => Err(HandlerError::retry(format!("attempt {attempt}"))),
    }
}

#[tokio::test]
async fn retries_are_made_when_the_test_moves_the_clock() {
    let app = app();
    let state = async |app: &TestApp| {
        let tasks = app.tasks().await;
        let [task] = &*tasks else { panic!("{tasks:?}") };
        (task.state, task.attempts, task.error.clone())
    };
    let delivered = app.deliver(fixture!("invoice.payment_failed").livemode(true)).await;
    assert_eq!(delivered.assert_failed("fails_until_the_third").cause().to_string(), "attempt 1");
    assert_eq!(state(&app).await, (TaskState::Ready, 1, Some("attempt 1".to_owned())));

    // The mean of 10 s is spread over 5 s to 15 s.
    assert!(app.advance("4s").await.handlers().is_empty(), "it is too early");
    let ran = app.advance("1m").await;
    assert_eq!(ran.handlers(), ["testing::fails_until_the_third"; 2], "each at its time");
    ran.assert_done("fails_until_the_third");
    assert_eq!(state(&app).await, (TaskState::Done, 3, None));

    // A test event is parked after its last attempt, for a person.
    let app = self::app();
    app.deliver(fixture!("invoice.payment_failed")).await;
    let ran = app.advance("3 days").await;
    assert_eq!(ran.assert_parked("fails_until_the_third").cause().to_string(), "attempt 3");
    assert_eq!(state(&app).await, (TaskState::Parked, 3, Some("attempt 3".to_owned())));
    assert!(app.advance("3 days").await.handlers().is_empty());
}

#[tokio::test]
async fn what_waits_is_still_there_after_a_restart() {
    let mut app = app();
    app.deliver(fixture!("invoice.payment_failed").livemode(true)).await;
    app.restart().await;
    assert_eq!(app.tasks().await[0].state, TaskState::Ready);
    app.advance("1h").await.assert_done("fails_until_the_third");
    let delivered = app.deliver(fixture!("payment_intent.succeeded", metadata.order = "o_1")).await;
    delivered.assert_done("fulfil");
    app.restart().await;
    assert!(app.deliver_again(&delivered).await.is_duplicate(), "it is remembered");
}

#[on_event("price.created", "price.updated")]
async fn stale_or_not(context: Context) -> Result<(), HandlerError> {
    if context.is_stale() { Err(HandlerError::skip("a newer event is done")) } else { Ok(()) }
}

#[tokio::test]
async fn an_older_event_that_comes_later_is_stale() {
    let app = app();
    let at = |second: i64| fixture!("price.updated", id = "price_1").created(second);
    app.deliver(at(1_700_000_100)).await.assert_done("stale_or_not");
    let late = app.deliver(at(1_700_000_000)).await;
    assert_eq!(late.assert_skipped("stale_or_not").cause().to_string(), "a newer event is done");
}

/// Time that is paused must not run ahead of the inbox.
#[tokio::test(start_paused = true)]
async fn a_test_may_pause_the_runtimes_time() {
    let app = app();
    let delivered = app.deliver(fixture!("payout.paid")).await;
    assert_eq!(delivered.status(), 200);
    delivered.assert_failed("never_ends");
}

#[tokio::test]
#[should_panic(expected = "\"soon\" is not a duration")]
async fn advancing_by_what_is_not_a_duration_says_what_one_is() {
    app().advance("soon").await;
}

#[on_event("payout.failed")]
async fn takes_a_second(_event: Event) {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

#[on_event("checkout.session.completed", reply)]
async fn answers_in_a_second(_event: Event) -> Reply {
    tokio::time::sleep(Duration::from_secs(1)).await;
    Reply::json(&()).expect("it is JSON")
}

#[tokio::test(start_paused = true)]
async fn a_runtimes_clock_that_ran_ahead_cancels_no_run() {
    let app = app();
    tokio::time::advance(Duration::from_secs(3_600)).await;
    app.deliver(fixture!("payout.failed")).await.assert_done("takes_a_second");
    app.deliver(fixture!("checkout.session.completed")).await.assert_done("answers_in_a_second");
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_in_tasks_of_their_own_tell_of_their_own_runs() {
    let app = Arc::new(app());
    let deliveries = (0..50).map(|_| {
        let app = Arc::clone(&app);
        tokio::spawn(async move { app.deliver(fixture!("payment_intent.succeeded")).await })
    });
    for delivered in deliveries.collect::<Vec<_>>() {
        assert_eq!(delivered.await.unwrap().handlers(), ["testing::count", "testing::fulfil"]);
    }
    assert_eq!(app.tasks().await.len(), 100);
}

#[tokio::test]
async fn the_hook_for_alerts_is_called_before_a_delivery_returns() {
    let told = Arc::<Mutex<Vec<Alert>>>::default();
    let noted = Arc::clone(&told);
    let app = App::new().state(Shop("ours")).on_alert(move |alert| {
        let noted = Arc::clone(&noted);
        async move { noted.lock().expect("no panic").push(alert) }
    });
    let app = TestApp::new(app);
    app.deliver(fixture!("payment_intent.succeeded", metadata.order = "o_1")).await;
    assert_eq!(*told.lock().expect("no panic"), []);
    app.deliver(fixture!("payment_intent.succeeded")).await;
    app.deliver_recorded("hello").await;
    let told = told.lock().expect("no panic").clone();
    assert_eq!(
        told.iter().map(|alert| alert.kind).collect::<Vec<_>>(),
        [AlertKind::Parked, AlertKind::Quarantined]
    );
    assert_eq!(told[0].handler.as_deref(), Some("testing::fulfil"));
    assert_eq!(told[0].event_ids.len(), 1);
    assert_eq!(
        told[0].to_string(),
        "1 task of handler testing::fulfil was parked: the handler asked for it: no order"
    );
}
