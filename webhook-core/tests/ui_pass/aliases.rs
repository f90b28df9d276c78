//! Types are checked by what they are, under any name.

#![deny(warnings)]

use webhook_core::{Context as Circumstances, Event, HandlerError, Registry, State, Unchecked, on_event};

type Paid = Event<Unchecked<u32>>;
type Count = State<std::sync::Arc<std::sync::Mutex<u32>>>;
type Done = Result<(), HandlerError>;
type Nothing = ();

#[on_event("payment_intent.succeeded")]
async fn paid(event: Paid, State(count): Count, _: Circumstances) -> Done {
    *count.lock().map_err(|_| HandlerError::park("poisoned"))? += event.object.0;
    Ok(())
}

trait Names {
    type Event;
}

impl Names for u8 {
    type Event = Event;
}

#[on_event("invoice.paid")]
async fn projected(_event: <u8 as Names>::Event) -> Nothing {}

fn main() {
    let registry = Registry::linked();
    assert_eq!(registry.registrations().len(), 2);
}
