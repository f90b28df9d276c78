use webhook_core::*;

/// Would be ordered by subscription in one version, and not in the other.
#[on_event("invoice.paid", order(strict, per = "subscription"))]
async fn paid(_: Event) {}

/// Both versions have the customer.
#[on_event("invoice.paid", order(strict, per = "customer"))]
async fn of_a_customer(_: Event) {}

fn main() {}
