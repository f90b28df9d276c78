use webhook_core::{Fresh, on_event};

#[on_event("customer.discount.created")]
async fn discounted(_discount: Fresh) {}

fn main() {}
