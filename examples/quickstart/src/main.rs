//! Reports payments and new payment methods.

use std::process::ExitCode;

use webhook_server::{App, Event, StripeObject, on_event, on_unhandled};

/// The fields of a payment intent that this program reads.
#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct Payment {
    amount: i64,
    currency: String,
    #[stripe(path = "metadata.order_id")]
    order: Option<String>,
}

/// The fields of a payment method that it reads.
#[derive(StripeObject)]
#[stripe(object = "payment_method")]
struct PaymentMethod {
    r#type: String,
}

/// Reports a payment that succeeded.
#[on_event("payment_intent.succeeded")]
async fn payment_succeeded(event: Event<Payment>) {
    let Payment { amount, currency, order } = event.object;
    let order = order.as_deref().unwrap_or("unknown");
    println!("Payment of {amount} {currency} succeeded, for order {order}.");
}

/// Reports a payment method that was attached to a customer.
#[on_event("payment_method.attached")]
async fn payment_method_attached(event: Event<PaymentMethod>) {
    println!("A payment method was attached: {}.", event.object.r#type);
}

/// Reports every event that no other handler takes.
#[on_unhandled]
async fn unhandled(event: Event) {
    println!("Nothing to do for {}.", event.event_type);
}

#[tokio::main]
async fn main() -> ExitCode {
    App::new().main().await
}
