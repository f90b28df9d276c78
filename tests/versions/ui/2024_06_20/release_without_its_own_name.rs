use webhook_core::{fixture};

fn made() {
    fixture!("invoice.paid", api_version = "acacia");
}

fn main() {}
