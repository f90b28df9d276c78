//! A shop that reads invoices and subscriptions of acacia and of endive: the compiler lists what an upgraded one no longer needs.

use webhook_core::{Event, List, StripeObject, Timestamp, on_event};

#[derive(StripeObject)]
#[stripe(object = "invoice")]
struct Invoice {
    id: String,
    status: Option<String>,
    #[stripe(path = "subscription")]
    subscription_before: Option<String>,
    #[stripe(path = "parent.subscription_details.subscription")]
    subscription: Option<String>,
    total: i64,
}

impl Invoice {
    fn subscription(self) -> Option<String> {
        self.subscription.or(self.subscription_before)
    }
}

#[derive(StripeObject)]
#[stripe(object = "subscription")]
struct Subscription {
    id: String,
    status: String,
    #[stripe(path = "current_period_end")]
    end_before: Option<Timestamp>,
    items: List<Item>,
}

#[derive(StripeObject)]
#[stripe(object = "subscription_item")]
struct Item {
    current_period_end: Option<Timestamp>,
}

impl Subscription {
    fn end(&self) -> Option<Timestamp> {
        self.items.data.first().and_then(|item| item.current_period_end).or(self.end_before)
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

fn main() {}
