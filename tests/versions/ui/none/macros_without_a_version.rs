//! One error, however many macros there are.
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "invoice")]
struct Invoice {
    status: Option<Status>,
}

#[derive(StripeObject)]
#[stripe(object = "invoice", previous)]
struct Before {
    number: Option<String>,
}

#[derive(StripeEnum)]
#[stripe(object = "invoice", at = "status")]
enum Status {
    Paid,
    Other(String),
}

objects! {
    pub mod stripe { charge }
}

#[on_event("invoice.paid")]
async fn paid(event: Event<Invoice>) -> Result<(), DecodeError> {
    let _: Option<Before> = event.previous()?;
    Ok(())
}

#[on_event("charge.succeeded")]
async fn charged(_: Event<stripe::Charge>) {}

#[on_unhandled]
async fn unhandled(_: Event) {}

fn main() {
    let _: Event<Invoice> = fixture!("invoice.paid").event().unwrap();
}
