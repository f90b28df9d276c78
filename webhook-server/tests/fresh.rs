//! A server whose handlers read from Stripe's API, and a fake of that.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use fake_stripe::{Fake, Fault, Listening, What};
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tower_service::Service;
use webhook_core::{SIGNATURE_HEADER, Secret, sign};
use webhook_server::{
    App, Context, Endpoint, Fresh, InboxLocation, Settings, State, StripeObject, Webhooks, on_event,
};

const SECRET: &str = "whsec_madeUp0123456789madeUp";
const KEY: &str = "rk_test_madeUp0123456789";

/// How long a test waits for a handler. This only stops a test that hangs.
const LIMIT: Duration = Duration::from_secs(120);

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct Payment {
    id: String,
    status: String,
}

#[derive(Clone)]
struct Notes(UnboundedSender<String>);

#[on_event(
    "payment_intent.succeeded",
    "v1.payment_intent.succeeded",
    retry(attempts = 3, first_delay = "1s", max_delay = "1s")
)]
async fn paid(payment: Option<Fresh<Payment>>, context: Context, State(notes): State<Notes>) {
    let object = payment.map(|payment| format!("{} is {}", payment.object.id, payment.object.status));
    let note =
        format!("{} at attempt {}", object.unwrap_or_else(|| "it is gone".to_owned()), context.attempt());
    let _ = notes.0.send(note);
}

/// A server, and what it asks.
struct Started {
    webhooks: Webhooks,
    fake: Fake,
    notes: UnboundedReceiver<String>,
    _listening: Listening,
    _folder: tempfile::TempDir,
}

fn app(folder: &tempfile::TempDir, url: String, key: &str) -> (App, UnboundedReceiver<String>) {
    let write = |name: &str, text: &str| -> PathBuf {
        let file = folder.path().join(name);
        fs::write(&file, text).expect("there is room");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("it is ours");
        file
    };
    let mut settings = Settings::default();
    settings.inbox = InboxLocation::Memory;
    settings.admin = None;
    settings.stripe_api_url = Some(url);
    settings.stripe_api_key_file = Some(write("key", key));
    let (sender, notes) = unbounded_channel();
    let endpoint = Endpoint::at("/webhook").secret_file(write("secret", SECRET));
    (App::new().settings(settings).endpoint(endpoint).state(Notes(sender)), notes)
}

async fn started() -> Started {
    let fake = Fake::new();
    let (listening, folder) = (fake.listen(), tempfile::tempdir().expect("there is room"));
    let (app, notes) = app(&folder, listening.url(), KEY);
    let webhooks = app.start().await.expect("nothing is wrong");
    Started { webhooks, fake, notes, _listening: listening, _folder: folder }
}

impl Started {
    async fn deliver(&self, event: &Value) {
        let body = event.to_string();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
        let signature = sign(&[Secret::new(SECRET).expect("it is one")], now, body.as_bytes());
        let request = Request::post("/webhook").header("host", "a").header(SIGNATURE_HEADER, signature);
        let request = request.body(Full::new(Bytes::from(body))).expect("it is a request");
        let answer = self.webhooks.service().call(request).await.unwrap_or_else(|never| match never {});
        assert_eq!(answer.status(), 200);
    }

    async fn note(&mut self) -> String {
        let noted = tokio::time::timeout(LIMIT, self.notes.recv()).await;
        noted.expect("the handler runs").expect("the server runs")
    }
}

fn thin(id: &str, payment: &str) -> Value {
    json!({
        "id": id, "object": "v2.core.event", "type": "v1.payment_intent.succeeded", "livemode": false,
        "created": "2026-11-26T10:00:00.000Z", "context": "acct_1",
        "related_object": {
            "id": payment, "type": "payment_intent", "url": format!("/v1/payment_intents/{payment}"),
        },
    })
}

fn snapshot(id: &str, payment: &str) -> Value {
    json!({
        "id": id, "object": "event", "type": "payment_intent.succeeded", "livemode": false, "account": "acct_2",
        "created": 1_790_000_000, "api_version": "2026-10-28.endive",
        "data": { "object": { "id": payment, "object": "payment_intent", "status": "succeeded" } },
    })
}

#[tokio::test]
async fn a_handler_reads_the_object_as_it_is_now() {
    let mut server = started().await;
    for account in ["acct_1", "acct_2"] {
        let object = json!({ "id": "pi_1", "object": "payment_intent", "status": "canceled" });
        server.fake.put_object(account, "/v1/payment_intents/pi_1", object);
    }
    for (event, header, account) in [
        (thin("evt_1", "pi_1"), "stripe-context", "acct_1"),
        (snapshot("evt_2", "pi_1"), "stripe-account", "acct_2"),
    ] {
        server.deliver(&event).await;
        assert_eq!(server.note().await, "pi_1 is canceled at attempt 1");
        let request = server.fake.requests().pop().expect("it was asked");
        let id = event["id"].as_str().expect("it has one");
        assert_eq!(request.header(header), Some(account));
        assert_eq!(request.header("stripe-request-trigger"), Some(&*format!("event={id}")));
        assert_eq!(request.header("stripe-version"), Some("2026-10-28.endive"));
        assert_eq!(request.header("authorization"), Some(&*format!("Bearer {KEY}")));
    }
    assert_eq!(server.fake.requests().len(), 2, "once for each run");
    // It may be gone, and the permission may be missing until someone adds it.
    server.deliver(&thin("evt_3", "pi_gone")).await;
    assert_eq!(server.note().await, "it is gone at attempt 1");
    for (id, what) in [
        ("evt_4", What::RateLimited(Some("endpoint-rate".to_owned()))),
        ("evt_5", What::MissingPermission("rak_payment_intent_read".to_owned())),
        ("evt_6", What::UnknownKey),
    ] {
        server.fake.fail(Fault::next(what));
        server.deliver(&thin(id, "pi_1")).await;
        assert_eq!(server.note().await, "pi_1 is canceled at attempt 2", "{id}");
    }
    // The client repeats this one itself.
    server.fake.fail(Fault::next(What::ServerError));
    server.deliver(&thin("evt_7", "pi_1")).await;
    assert_eq!(server.note().await, "pi_1 is canceled at attempt 1");
    server.webhooks.shutdown().await.expect("nothing hangs");
}

#[tokio::test]
async fn a_server_whose_key_is_none_does_not_start() {
    let folder = tempfile::tempdir().expect("there is room");
    let (app, _notes) = app(&folder, "http://127.0.0.1:1".to_owned(), "pk_test_Do8Not9Show7This");
    let refused = app.start().await.expect_err("it has no key").to_string();
    assert!(refused.contains("it is a publishable key") && !refused.contains("Do8Not"), "{refused}");
}
