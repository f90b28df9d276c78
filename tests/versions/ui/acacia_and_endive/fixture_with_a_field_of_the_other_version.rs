use webhook_core::{fixture};

fn made() {
    fixture!("invoice.paid", api_version = "acacia", "parent.type" = "subscription_details");
}

fn main() {}
