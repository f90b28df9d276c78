use webhook_core::{Fresh, StripeObject, on_event};

#[derive(StripeObject)]
#[stripe(object = "invoice")]
struct Invoice {
    id: String,
}

#[on_event("v1.invoice.paid", "v1.charge.succeeded")]
async fn paid(_invoice: Fresh<Invoice>) {}

fn main() {}
