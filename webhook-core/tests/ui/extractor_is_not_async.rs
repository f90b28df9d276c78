use webhook_core::{Extract, HandlerError, Invocation, on_event};

struct Order(String);

impl Extract for Order {
    fn extract(invocation: &Invocation) -> Result<Self, HandlerError> {
        Ok(Self(invocation.envelope.id.clone()))
    }
}

#[on_event("payment_intent.succeeded")]
async fn paid(order: Order) {
    println!("{}", order.0);
}

fn main() {}
