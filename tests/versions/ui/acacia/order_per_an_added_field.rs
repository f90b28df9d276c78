use webhook_core::*;

/// It may be sent in an older version, too, which is not enough to order by.
#[on_event("customer.updated", order(strict, per = "customer_account"))]
async fn updated(_: Event) {}

fn main() {}
