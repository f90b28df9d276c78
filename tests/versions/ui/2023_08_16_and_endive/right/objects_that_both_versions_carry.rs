use webhook_core::{Event, StripeObject, on_event};

#[derive(StripeObject)]
#[stripe(object = "source")]
struct Source {
    id: String,
}

#[derive(StripeObject)]
#[stripe(object = "card")]
struct Card {
    last4: String,
}

#[derive(StripeObject)]
enum External {
    Source(Source),
    Card(Card),
}

#[on_event("account.external_account.created")]
async fn added(event: Event<External>) {
    match &event.object {
        External::Source(source) => println!("{}", source.id),
        External::Card(card) => println!("{}", card.last4),
    }
}

fn main() {}
