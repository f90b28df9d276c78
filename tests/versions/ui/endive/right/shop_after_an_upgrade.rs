//! A shop that reads invoices and subscriptions, after it was upgraded from acacia to endive.

use webhook_core::{Event, List, StripeObject, Timestamp, fixture, on_event};

#[derive(StripeObject)]
#[stripe(object = "invoice")]
struct Invoice {
    id: String,
    status: Option<String>,
    #[stripe(path = "parent.subscription_details.subscription")]
    subscription: Option<String>,
    total: i64,
}

impl Invoice {
    fn subscription(self) -> Option<String> {
        self.subscription
    }
}

#[derive(StripeObject)]
#[stripe(object = "subscription")]
struct Subscription {
    id: String,
    status: String,
    items: List<Item>,
}

#[derive(StripeObject)]
#[stripe(object = "subscription_item")]
struct Item {
    current_period_end: Timestamp,
}

impl Subscription {
    fn end(&self) -> Option<Timestamp> {
        self.items.data.first().map(|item| item.current_period_end)
    }
}

#[on_event("invoice.paid")]
async fn paid(event: Event<Invoice>) {
    let is_paid = event.object.status.as_deref() == Some("paid");
    println!("{} for {}: {is_paid}", event.object.id, event.object.total);
    assert!(event.object.subscription().is_some());
}

#[on_event("customer.subscription.updated")]
async fn updated(event: Event<Subscription>) {
    println!("{} is {} until {:?}", event.object.id, event.object.status, event.object.end());
}

fn main() {
    let event: Event<Invoice> = fixture!("invoice.paid").event().unwrap();
    assert!(event.object.subscription().is_some());
    let event: Event<Subscription> = fixture!("customer.subscription.updated").event().unwrap();
    assert!(event.object.end().is_some());
}
