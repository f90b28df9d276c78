use webhook_core::{Event, on_event};

mod orders {
    #[derive(Debug)]
    pub struct OrderError;
    pub struct Paid;
}

#[on_event("payment_intent.succeeded")]
async fn paid(_event: Event<Paid>) -> Result<(), OrderError> {
    Ok(())
}

fn main() {}
