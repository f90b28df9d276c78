//! Events that no sample is like: of a type that the catalog does not list, and nested without end.

use webhook_server::testing::TestApp;
use webhook_server::{App, DecodeError, Event, Expandable, StripeObject, Verdict, on_event};

#[on_event(unlisted("order.created"))]
async fn ordered(event: Event) {
    assert_eq!(event.object["id"], "or_1");
}

#[derive(StripeObject)]
#[stripe(object = "charge")]
struct Charge {
    payment_intent: Option<Expandable<PaymentIntent>>,
}

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct PaymentIntent {
    latest_charge: Option<Expandable<Charge>>,
}

#[on_event("charge.succeeded")]
async fn charged(event: Event<Charge>) {
    let intent = event.object.payment_intent.as_ref().and_then(Expandable::object);
    assert!(intent.is_none_or(|intent| intent.latest_charge.is_some()));
}

fn event(id: &str, event_type: &str, object: &str) -> String {
    format!(
        r#"{{"id": "{id}", "object": "event", "type": "{event_type}", "created": 1767225600, "livemode": false,
            "data": {{"object": {object}}}}}"#
    )
}

#[tokio::test]
async fn an_unlisted_type_reaches_its_handler() {
    let app = TestApp::new(App::new());
    let body = event("evt_1", "order.created", r#"{"object": "order", "id": "or_1"}"#);
    app.deliver_recorded(body).await.assert_done("ordered");
}

#[tokio::test]
async fn what_is_nested_too_deeply_is_parked_and_the_server_lives() {
    const PAIR: &str =
        r#"{"object": "charge", "payment_intent": {"object": "payment_intent", "latest_charge": "#;
    let nested = |pairs: usize| PAIR.repeat(pairs) + r#""ch_1""# + &"}}".repeat(pairs);
    let app = TestApp::new(App::new());
    app.deliver_recorded(event("evt_1", "charge.succeeded", &nested(60))).await.assert_done("charged");
    let delivered = app.deliver_recorded(event("evt_2", "charge.succeeded", &nested(3_000))).await;
    assert_eq!(delivered.status(), 200);
    let failed = delivered.assert_failed("charged");
    assert_eq!(failed.verdict(), Verdict::Park);
    assert!(
        failed.cause().is::<DecodeError>() && failed.to_string().contains("nested too deeply"),
        "{failed}"
    );
    app.deliver_recorded(event("evt_3", "charge.succeeded", &nested(1))).await.assert_done("charged");
}
