use webhook_core::{fixture};

fn made() {
    fixture!("invoice.paid", "parent.type" = "subscription_details");
}

fn main() {}
