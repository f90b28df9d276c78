use std::sync::{Arc, Mutex};

use webhook_core::{Event, State, on_event};

#[on_event("payment_intent.succeeded")]
async fn paid(_event: Event, State(count): State<Arc<Mutex<u32>>>) {
    let guard = count.lock();
    std::future::ready(()).await;
    drop(guard);
}

fn main() {}
