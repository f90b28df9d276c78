use webhook_core::{Event, fixture, StripeObject, on_event, objects};

#[derive(StripeObject)]
#[stripe(object = "invoice")]
struct Invoice {
    #[stripe(path = "subscription")]
    before: Option<String>,
    #[stripe(path = "parent.subscription_details.subscription")]
    since: Option<String>,
    total: i64,
}

#[on_event("invoice.paid", "invoice_payment.*", id = "both")]
async fn paid(event: Event) {}

#[on_event("invoice.finalized")]
async fn finalized(event: Event<Invoice>) {}

objects! {
    mod stripe { invoice, subscription, subscription_item }
}

fn reads(sample: webhook_core::Sample) -> (Option<String>, Option<String>) {
    let whole: Event<stripe::Invoice> = sample.clone().event().unwrap();
    let invoice = sample.event::<Invoice>().unwrap().object;
    assert_eq!(whole.object.total, invoice.total);
    (invoice.before, invoice.since)
}

fn main() {
    let (before, since) = reads(fixture!("invoice.finalized", api_version = "acacia"));
    assert!(before.is_some() && since.is_none());
    let (before, since) = reads(fixture!("invoice.finalized"));
    assert!(before.is_none() && since.is_some());
}
