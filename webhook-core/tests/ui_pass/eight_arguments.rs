//! There is no limit to the number of arguments.

use webhook_core::{Context, Event, Registry, State, on_event};

#[on_event("payment_intent.succeeded")]
async fn paid(
    State(_a): State<u8>,
    State(_b): State<u16>,
    _context: Context,
    State(_c): State<u32>,
    _event: Event,
    State(_d): State<u64>,
    State(_e): State<u64>,
    State(_f): State<i8>,
) {
}

fn main() {
    let registry = Registry::linked();
    assert_eq!(registry.registrations()[0].needs().states.len(), 6);
}
