use webhook_core::{HandlerError, on_event};

#[on_event("payment_intent.succeeded")]
async fn paid() -> Result<(), HandlerError> {
    Err("nothing in stock")?;
    Ok(())
}

fn main() {}
