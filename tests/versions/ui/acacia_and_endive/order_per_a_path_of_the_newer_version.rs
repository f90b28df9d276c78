use webhook_core::*;

#[on_event("invoice.paid", order(strict, per = "parent.subscription_details.subscription"))]
async fn paid(_: Event) {}

/// The older version does not have this event.
#[on_event("invoice_payment.paid", order(strict, per = "invoice"))]
async fn of_an_invoice(_: Event) {}

fn main() {}
