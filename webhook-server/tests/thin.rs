//! Thin events, and fresh objects, in an application under test.

use std::sync::{Arc, Mutex};

use serde_json::json;
use webhook_server::testing::TestApp;
use webhook_server::{
    App, Context, Event, Fresh, Notification, State, StripeObject, Verdict, fixture, on_event, on_unhandled,
};

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct Payment {
    id: String,
    status: String,
}

/// What handlers have noted.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn add(&self, note: String) {
        self.0.lock().expect("no handler panics with it").push(note);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no handler panics with it"))
    }
}

#[on_event("payment_intent.succeeded", "v1.payment_intent.succeeded")]
async fn paid(payment: Fresh<Payment>, State(notes): State<Notes>) {
    notes.add(format!("{} is {}", payment.object.id, payment.object.status));
}

#[on_event("v1.customer.updated")]
async fn perhaps(customer: Option<Fresh>, State(notes): State<Notes>) {
    notes.add(customer.map_or("gone".to_owned(), |customer| customer.object["email"].to_string()));
}

#[on_event("v1.invoice.upcoming")]
async fn upcoming(notification: Notification<serde_json::Value>, State(notes): State<Notes>) {
    notes.add(format!("{} {}", notification.event_type, notification.data.is_object()));
}

#[on_unhandled]
async fn other_events(event: Event, State(notes): State<Notes>) {
    notes.add(format!("event of {}", event.object["object"]));
}

#[on_unhandled]
async fn other_notifications(notification: Notification, context: Context, State(notes): State<Notes>) {
    let related = notification.related_object().map(|related| related.object_type.as_str());
    notes.add(format!("{} of {}", context.handler(), related.unwrap_or("nothing")));
}

fn app() -> (TestApp, Notes) {
    let notes = Notes::default();
    (TestApp::new(App::new().state(notes.clone())), notes)
}

#[tokio::test]
async fn a_handler_of_both_kinds_reads_the_object_as_it_is_now() {
    let (app, notes) = app();
    for sample in [fixture!("payment_intent.succeeded"), fixture!("v1.payment_intent.succeeded")] {
        let object = sample.object_now().unwrap();
        let id = object["id"].as_str().unwrap().to_owned();
        app.deliver(sample).await.assert_done("paid");
        assert_eq!(notes.take(), [format!("{id} is succeeded")]);
    }
    // It has gone on since the event.
    let sample = fixture!("v1.payment_intent.succeeded");
    let (path, mut object) = (sample.object_path().unwrap(), sample.object_now().unwrap());
    object["status"] = json!("canceled");
    app.set_object(path, Some(object));
    app.deliver(sample).await.assert_done("paid");
    assert!(notes.take()[0].ends_with("is canceled"));
    let sample = fixture!("v1.payment_intent.succeeded");
    app.set_object(sample.object_path().unwrap(), None);
    let gone = app.deliver(sample).await;
    assert_eq!(gone.assert_failed("paid").verdict(), Verdict::Skip);
    assert_eq!(notes.take(), [""; 0]);
}

#[tokio::test]
async fn an_object_that_may_be_gone_is_an_option() {
    let (app, notes) = app();
    let sample = fixture!("v1.customer.updated", email = "a@example.com");
    app.deliver(sample.clone()).await.assert_done("perhaps");
    app.set_object(sample.object_path().unwrap(), Some(json!({ "id": "cus_1", "deleted": true })));
    app.deliver(sample.event_id("evt_later")).await.assert_done("perhaps");
    assert_eq!(notes.take(), ["\"a@example.com\"", "gone"]);
}

#[tokio::test]
async fn the_data_of_a_notification_is_read_with_the_event() {
    let (app, notes) = app();
    app.deliver(fixture!("v1.invoice.upcoming")).await.assert_done("upcoming");
    assert_eq!(notes.take(), ["v1.invoice.upcoming true"]);
}

#[tokio::test]
async fn what_no_handler_names_goes_to_the_handler_of_its_kind() {
    let (app, notes) = app();
    app.deliver(fixture!("charge.succeeded")).await.assert_done("other_events");
    app.deliver(fixture!("v1.charge.succeeded")).await.assert_done("other_notifications");
    let ping = app.deliver(fixture!("v2.core.event_destination.ping")).await;
    assert_eq!(ping.handlers(), ["thin::other_notifications"]);
    let of = |related| format!("thin::other_notifications of {related}");
    assert_eq!(
        notes.take(),
        ["event of \"charge\"".to_owned(), of("charge"), of("v2.core.event_destination")]
    );
}

#[tokio::test]
async fn without_an_inbox_thin_events_are_handled_too() {
    let notes = Notes::default();
    let app = TestApp::new(App::new().state(notes.clone()).inline());
    let delivered = app.deliver(fixture!("v1.payment_intent.succeeded")).await;
    assert_eq!(delivered.status(), 200);
    assert_eq!(notes.take().len(), 1);
}
