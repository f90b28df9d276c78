#![allow(dead_code)]
use webhook_core::*;

fn fixtures() {
    let _ = fixture!("customer.subscription.updated", previous.statsu = "active");
    let _ = fixture!("customer.subscription.updated", previous.status = "flying");
    let _ = fixture!("customer.subscription.updated", previous.cancel_at = "soon");
    let _ = fixture!("customer.subscription.updated", "previous.items.data.0.quantity" = 2);
    let _ = fixture!("customer.subscription.updated", previous.status = null, previous.status = "active");
}

fn main() {}
