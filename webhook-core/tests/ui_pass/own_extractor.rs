//! An application's own argument, which is generic.

#![deny(warnings)]

use webhook_core::{Event, Extract, HandlerError, Invocation, Requirements, Registry, State, on_event};

struct Both<A, B>(A, B);

impl<A: Extract, B: Extract> Extract for Both<A, B> {
    async fn extract(invocation: &Invocation) -> Result<Self, HandlerError> {
        Ok(Self(A::extract(invocation).await?, B::extract(invocation).await?))
    }

    fn needs(needs: &mut Requirements) {
        A::needs(needs);
        B::needs(needs);
    }
}

#[on_event("payment_intent.succeeded")]
async fn paid(Both(event, State(count)): Both<Event, State<u32>>) {
    println!("{count} {}", event.id);
}

#[on_event("invoice.paid")]
async fn invoiced(_event: Event, _both: Both<State<u8>, State<u8>>) {}

fn main() {
    let registry = Registry::linked();
    assert_eq!(registry.registrations()[1].needs().states.len(), 1);
}
