use webhook_core::{Event, on_event};

// As the standard library's. Of that one, the compiler shows the source where it is installed.
enum Result<T, E> {
    Ok(T),
    Err(E),
}

#[on_event("payment_intent.succeeded")]
async fn paid(_event: Event) -> Result<()> {
    Result::Ok(())
}

fn main() {}
