#![allow(dead_code)]
use webhook_core::*;

type InvoiceId = String;

#[derive(StripeObject)]
#[stripe(object = "invoice")]
struct Invoice {
    #[stripe(rename = "id")]
    number: InvoiceId,
    amount_due: i64,
}

#[derive(StripeObject)]
enum AnyInvoice {
    Invoice(Invoice),
}

type Billed = Event<Invoice>;

objects! {
    mod stripe { invoice }
}

#[on_event("invoice.upcoming")]
async fn one(_event: Event<Invoice>) {}

#[on_event("invoice.created", "invoice.upcoming")]
async fn of_several(_event: Billed) {}

#[on_event("invoice.*")]
async fn in_a_pattern(_event: Event<AnyInvoice>) {}

#[on_event("invoice.upcoming")]
async fn ready_made(_event: Event<stripe::Invoice>) {}

fn main() {}
