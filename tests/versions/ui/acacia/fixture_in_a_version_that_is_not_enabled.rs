use webhook_core::{fixture};

fn made() {
    fixture!("invoice.paid", api_version = "2024-06-20");
}

fn main() {}
