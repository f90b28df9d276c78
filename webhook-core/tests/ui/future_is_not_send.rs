use std::rc::Rc;

use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded")]
async fn paid(_event: Event) {
    let counter = Rc::new(0);
    std::future::ready(()).await;
    drop(counter);
}

fn main() {}
