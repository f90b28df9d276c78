use webhook_core::{Event, Reply, on_unhandled};

#[on_unhandled(timeout = "1s")]
async fn note(_event: Event) -> Reply {
    todo!()
}

fn main() {}
