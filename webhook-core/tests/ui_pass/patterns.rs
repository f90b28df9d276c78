//! Arguments may be patterns.

#![deny(warnings)]

use webhook_core::{Context, Event, Registry, State, on_event};

#[on_event("payment_intent.succeeded")]
async fn taken_apart(Event { object, .. }: Event, State((_, text)): State<(u32, &'static str)>) {
    println!("{object} {text}");
}

#[on_event("payment_intent.succeeded")]
async fn changed(mut event: Event, State(mut count): State<u32>) {
    event.object.take();
    count += 1;
    let _ = count;
}

#[on_event("payment_intent.succeeded")]
async fn ignored(_: Event, State(_): State<u32>, _: Context) {}

#[on_event("payment_intent.succeeded")]
async fn named(
    event @ Event { .. }: Event,
    #[allow(unused_variables, reason = "on an argument")] context: Context,
) {
    let _ = event.id;
}

fn main() {
    assert_eq!(Registry::linked().registrations().len(), 4);
}
