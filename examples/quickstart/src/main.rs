//! Tells of payments and of new payment methods.

use std::process::ExitCode;

use webhook_server::{App, Event, on_event, on_unhandled};

/// Tells that a payment succeeded.
#[on_event("payment_intent.succeeded")]
async fn payment_succeeded(event: Event) {
    println!("Payment of {} succeeded.", event.object["amount"]);
}

/// Tells that a payment method was attached to a customer.
#[on_event("payment_method.attached")]
async fn payment_method_attached(event: Event) {
    println!("A payment method was attached: {}.", event.object["type"]);
}

/// Notes every event that no other handler takes.
#[on_unhandled]
async fn unhandled(event: Event) {
    println!("Nothing to do for {}.", event.event_type);
}

#[tokio::main]
async fn main() -> ExitCode {
    App::new().main().await
}
