use webhook_core::{Notification, StripeObject, on_event};

#[derive(StripeObject)]
#[stripe(object = "invoice")]
struct Invoice {
    id: String,
}

#[on_event("v1.invoice.upcoming")]
async fn upcoming(_notification: Notification<Invoice>) {}

fn main() {}
