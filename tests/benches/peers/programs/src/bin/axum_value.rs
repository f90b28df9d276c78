//! What most people write: axum, the signature, and `serde_json::Value`.

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::serve::ListenerExt;
use peers::Paid;
use serde_json::Value;

#[tokio::main]
async fn main() {
    peers::tell_counts();
    let listener = tokio::net::TcpListener::bind(peers::address()).await.expect("nothing else listens there");
    let listener = listener.tap_io(|stream| _ = stream.set_nodelay(true));
    axum::serve(listener, Router::new().route("/webhook", post(receive))).await.expect("it never ends");
}

async fn receive(headers: HeaderMap, body: Bytes) -> (StatusCode, &'static str) {
    let header = headers.get("stripe-signature").and_then(|value| value.to_str().ok());
    if !header.is_some_and(|header| peers::is_signed(header, &body)) {
        return (StatusCode::BAD_REQUEST, r#"{"received":false}"#);
    }
    let Ok(event) = serde_json::from_slice::<Value>(&body) else {
        return (StatusCode::BAD_REQUEST, r#"{"received":false}"#);
    };
    if event["type"] == "payment_intent.succeeded" {
        paid(&event["data"]["object"]);
    }
    (StatusCode::OK, r#"{"received":true}"#)
}

fn paid(intent: &Value) {
    let text = |field: &str| intent[field].as_str().unwrap_or_default();
    peers::count(Paid {
        id: text("id"),
        amount_received: intent["amount_received"].as_i64().unwrap_or_default(),
        created: intent["created"].as_i64().unwrap_or_default(),
        currency: text("currency"),
        customer: text("customer"),
        latest_charge: text("latest_charge"),
        order: intent["metadata"]["order_id"].as_str().unwrap_or_default(),
        receipt_email: text("receipt_email"),
        status: text("status"),
    });
}
