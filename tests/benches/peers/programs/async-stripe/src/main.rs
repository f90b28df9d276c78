//! Axum and async-stripe-webhook, as its own example has it.

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::serve::ListenerExt;
use peers::Paid;
use stripe_shared::PaymentIntent;
use stripe_types::Currency;
use stripe_webhook::{EventObject, Webhook};

#[tokio::main]
async fn main() {
    peers::tell_counts();
    let listener = tokio::net::TcpListener::bind(peers::address()).await.expect("nothing else listens there");
    let listener = listener.tap_io(|stream| _ = stream.set_nodelay(true));
    axum::serve(listener, Router::new().route("/webhook", post(receive))).await.expect("it never ends");
}

async fn receive(headers: HeaderMap, body: String) -> (StatusCode, &'static str) {
    let header = headers.get("stripe-signature").and_then(|value| value.to_str().ok());
    let Some(header) = header else { return (StatusCode::BAD_REQUEST, r#"{"received":false}"#) };
    let Ok(event) = Webhook::construct_event(&body, header, peers::SECRET) else {
        return (StatusCode::BAD_REQUEST, r#"{"received":false}"#);
    };
    if let EventObject::PaymentIntentSucceeded(intent) = event.data.object {
        paid(&intent);
    }
    (StatusCode::OK, r#"{"received":true}"#)
}

fn paid(intent: &PaymentIntent) {
    peers::count(Paid {
        id: intent.id.as_str(),
        amount_received: intent.amount_received,
        created: intent.created,
        currency: if intent.currency == Currency::USD { "usd" } else { "" },
        customer: intent.customer.as_ref().map_or("", |customer| customer.id().as_str()),
        latest_charge: intent.latest_charge.as_ref().map_or("", |charge| charge.id().as_str()),
        order: intent.metadata.get("order_id").map_or("", String::as_str),
        receipt_email: intent.receipt_email.as_deref().unwrap_or_default(),
        status: intent.status.as_str(),
    });
}
