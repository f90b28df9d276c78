//! The product, without an inbox: all fields of the object, by `objects!`.

use std::process::ExitCode;

use peers::Paid;
use webhook_server::{App, Event, Expandable, objects, on_event};

objects! {
    mod stripe { payment_intent }
}

#[on_event("payment_intent.succeeded")]
async fn paid(event: Event<stripe::PaymentIntent>) {
    let intent = &event.object;
    peers::count(Paid {
        id: &intent.id,
        amount_received: intent.amount_received,
        created: intent.created.unix_seconds(),
        currency: &intent.currency,
        customer: intent.customer.as_ref().and_then(Expandable::id).unwrap_or_default(),
        latest_charge: intent.latest_charge.as_ref().and_then(Expandable::id).unwrap_or_default(),
        order: intent.metadata.get("order_id").map_or("", String::as_str),
        receipt_email: intent.receipt_email.as_deref().unwrap_or_default(),
        status: &intent.status,
    });
}

#[tokio::main]
async fn main() -> ExitCode {
    peers::tell_counts();
    App::new().inline().main().await
}
