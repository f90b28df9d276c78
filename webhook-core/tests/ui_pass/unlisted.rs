//! Event types that the catalog does not list, alone and with listed ones, with every payload.

use webhook_core::{Event, Registry, StripeObject, Subscription, Unchecked, on_event};

#[derive(StripeObject)]
#[stripe(object = "charge")]
struct Charge {}

#[on_event(unlisted("order.created"))]
async fn alone(_event: Event) {}

#[on_event(unlisted("order.created", "order.payment_failed"), "charge.succeeded", unlisted("ping"))]
async fn beside(_event: Event<Unchecked<std::collections::BTreeMap<String, serde_json::Value>>>) {}

#[on_event("charge.succeeded", unlisted("charge.reconsidered",), order(per = "customer"), id = "view")]
async fn view(_event: Event<Charge>) -> Result<(), std::io::Error> {
    Ok(())
}

#[on_event(unlisted("order.paid"))]
async fn nothing() {}

fn main() {
    let registry = Registry::linked();
    let takes = |id: &str| {
        let handler = registry.registrations().iter().find(|handler| handler.id.ends_with(id)).unwrap();
        let Subscription::Types(types) = handler.takes else { panic!("{id} names types") };
        types
    };
    assert_eq!(takes("alone"), ["order.created"]);
    assert_eq!(takes("beside"), ["charge.succeeded", "order.created", "order.payment_failed", "ping"]);
    assert_eq!(takes("view"), ["charge.reconsidered", "charge.succeeded"]);
    assert_eq!(takes("nothing"), ["order.paid"]);
    assert_eq!(registry.handlers_of("order.created").len(), 2);
    assert_eq!(
        registry.unlisted(),
        ["charge.reconsidered", "order.created", "order.paid", "order.payment_failed", "ping"]
    );
}
