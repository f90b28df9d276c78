use webhook_core::{fixture};

fn made() {
    fixture!("invoice.paid", api_version = "newest");
}

fn main() {}
