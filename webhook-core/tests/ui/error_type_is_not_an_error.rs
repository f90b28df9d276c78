use webhook_core::{Event, on_event};

struct Broken;

#[on_event("payment_intent.succeeded")]
async fn paid(_event: Event) -> Result<(), Broken> {
    Ok(())
}

fn main() {}
