use std::borrow::Cow;
use std::error::Error;
use std::rc::Rc;

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

#[on_event("payment_intent.succeeded")]
async fn paid(_event: Event, tx: &mut Tx) -> Result<(), HandlerError> {
    let counter = Rc::new(0);
    tx.execute("DELETE FROM carts", &[]).await?;
    drop(counter);
    Ok(())
}

fn main() {}
