//! A transaction is borrowed, at any place among the arguments.

use std::borrow::Cow;
use std::error::Error;

use webhook_core::{Context, Event, HandlerError, Registry, State, Transaction, on_event, on_unhandled};

struct Tx(u64);

#[derive(Clone)]
struct Pool;

impl Transaction for Tx {
    type Pool = Pool;

    async fn begin(_: &Pool) -> Result<Self, HandlerError> {
        Ok(Self(0))
    }
    async fn execute(&mut self, _: &str, _: &[i64]) -> Result<u64, HandlerError> {
        self.0 += 1;
        Ok(self.0)
    }
    async fn commit(self) -> Result<(), HandlerError> {
        Ok(())
    }
    fn sqlstate<'e>(_: &'e (dyn Error + 'static)) -> Option<Cow<'e, str>> {
        None
    }
}

type Borrowed = Tx;

#[on_event("payment_intent.succeeded")]
async fn last(event: Event, tx: &mut Tx) -> Result<(), HandlerError> {
    helper(tx, &event).await
}

async fn helper(tx: &mut Tx, event: &Event) -> Result<(), HandlerError> {
    tx.execute(&event.event_type, &[]).await?;
    Ok(())
}

#[on_event("payment_intent.succeeded")]
async fn first(mut tx: &mut Tx, _event: Event) -> Result<(), std::fmt::Error> {
    tx = std::convert::identity(tx);
    tx.0 += 1;
    Ok(())
}

#[on_event("payment_intent.succeeded")]
async fn between(State(_): State<u8>, Tx(count): &mut Borrowed, _context: Context) {
    *count += 1;
}

#[on_event("payment_intent.succeeded")]
async fn with_an_elided_lifetime(_tx: &'_ mut self::Tx) {}

#[on_unhandled]
async fn unhandled(_tx: &mut Tx) {}

fn main() {
    let registry = Registry::linked();
    assert_eq!(registry.registrations().len(), 5);
    for registration in registry.registrations() {
        let transaction = registration.needs().transaction.unwrap();
        assert!(transaction.name().ends_with("::Tx"), "{transaction:?}");
        assert!(transaction.pool().name().ends_with("::Pool"), "{transaction:?}");
    }
    let _: fn(Event, &'static mut Tx) -> _ = last;
}
