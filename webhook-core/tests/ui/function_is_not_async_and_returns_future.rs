use webhook_core::{Event, on_event};

#[on_event("payment_intent.succeeded")]
fn paid(_event: Event) -> impl Future<Output = ()> {
    async {}
}

fn main() {}
