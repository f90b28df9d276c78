//! What an expert writes who wants speed: hyper, the signature, the envelope, and nine fields in a struct of serde_json.

use peers::Paid;
use serde::Deserialize;

#[derive(Deserialize)]
struct PaymentIntent {
    id: String,
    amount_received: i64,
    created: i64,
    currency: String,
    customer: Option<String>,
    latest_charge: Option<String>,
    metadata: Metadata,
    receipt_email: Option<String>,
    status: String,
}

#[derive(Deserialize)]
struct Metadata {
    order_id: Option<String>,
}

#[tokio::main]
async fn main() {
    peers::serve_expert(paid).await;
}

fn paid(intent: PaymentIntent) {
    peers::count(Paid {
        id: &intent.id,
        amount_received: intent.amount_received,
        created: intent.created,
        currency: &intent.currency,
        customer: intent.customer.as_deref().unwrap_or_default(),
        latest_charge: intent.latest_charge.as_deref().unwrap_or_default(),
        order: intent.metadata.order_id.as_deref().unwrap_or_default(),
        receipt_email: intent.receipt_email.as_deref().unwrap_or_default(),
        status: &intent.status,
    });
}
