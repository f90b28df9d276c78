use webhook_core::{fixture};

fn made() {
    fixture!("invoice_payment.paid", api_version = "2025-02-24.acacia");
}

fn main() {}
