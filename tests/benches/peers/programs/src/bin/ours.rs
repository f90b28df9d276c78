//! The product: a view of nine fields. With PEERS_INLINE, without an inbox.

use std::process::ExitCode;

use peers::Paid;
use webhook_server::{App, Event, StripeObject, on_event};

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct PaymentIntent {
    id: String,
    amount_received: i64,
    created: i64,
    currency: String,
    customer: Option<String>,
    latest_charge: Option<String>,
    #[stripe(path = "metadata.order_id")]
    order: Option<String>,
    receipt_email: Option<String>,
    status: String,
}

#[on_event("payment_intent.succeeded")]
async fn paid(event: Event<PaymentIntent>) {
    let intent = &event.object;
    peers::count(Paid {
        id: &intent.id,
        amount_received: intent.amount_received,
        created: intent.created,
        currency: &intent.currency,
        customer: intent.customer.as_deref().unwrap_or_default(),
        latest_charge: intent.latest_charge.as_deref().unwrap_or_default(),
        order: intent.order.as_deref().unwrap_or_default(),
        receipt_email: intent.receipt_email.as_deref().unwrap_or_default(),
        status: &intent.status,
    });
}

#[tokio::main]
pub async fn main() -> ExitCode {
    peers::tell_counts();
    let app = App::new();
    let app = if std::env::var_os("PEERS_INLINE").is_some() { app.inline() } else { app };
    app.main().await
}
