use std::borrow::Cow;
use std::error::Error;

use webhook_core::{Event, HandlerError, Transaction, on_event};

struct Tx;

impl Transaction for Tx {
    type Pool = ();

    async fn begin((): &()) -> Result<Self, HandlerError> {
        Ok(Self)
    }
    async fn execute(&mut self, _: &str, _: &[i64]) -> Result<u64, HandlerError> {
        Ok(1)
    }
    async fn commit(self) -> Result<(), HandlerError> {
        Ok(())
    }
    fn sqlstate<'e>(_: &'e (dyn Error + 'static)) -> Option<Cow<'e, str>> {
        None
    }
}

#[on_event("checkout.session.completed", reply)]
async fn completed(_event: Event, _tx: &mut Tx) {}

fn main() {}
