use webhook_core::{Fresh, on_event};

#[on_event("v1.treasury.credit_reversal.created")]
async fn reversed(_reversal: Fresh) {}

fn main() {}
