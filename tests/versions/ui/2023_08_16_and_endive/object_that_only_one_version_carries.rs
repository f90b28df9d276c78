use webhook_core::{Event, StripeObject, on_event};

#[derive(StripeObject)]
#[stripe(object = "source")]
struct Source {
    id: String,
}

#[on_event("account.external_account.created")]
async fn added(event: Event<Source>) {
    println!("{}", event.object.id);
}

fn main() {}
