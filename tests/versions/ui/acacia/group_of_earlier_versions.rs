use webhook_core::*;

#[on_event("sku.*")]
async fn sku(_: Event) {}

fn main() {}
