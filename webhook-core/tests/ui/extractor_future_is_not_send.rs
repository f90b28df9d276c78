use std::rc::Rc;

use webhook_core::{Extract, HandlerError, Invocation, on_event};

struct Order(String);

impl Extract for Order {
    async fn extract(invocation: &Invocation) -> Result<Self, HandlerError> {
        let id = Rc::new(invocation.envelope.id.clone());
        std::future::ready(()).await;
        Ok(Self(id.to_string()))
    }
}

#[on_event("payment_intent.succeeded")]
async fn paid(order: Order) {
    println!("{}", order.0);
}

fn main() {}
