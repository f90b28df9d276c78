use std::error::Error;

use webhook_core::{HandlerError, on_event};

fn reserve() -> Result<(), Box<dyn Error + Send + Sync>> {
    Ok(())
}

#[on_event("payment_intent.succeeded")]
async fn paid() -> Result<(), HandlerError> {
    reserve()?;
    Ok(())
}

fn main() {}
