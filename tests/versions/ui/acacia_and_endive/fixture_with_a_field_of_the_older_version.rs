use webhook_core::{fixture};

fn made() {
    fixture!("invoice.paid", subscription = "sub_1");
}

fn main() {}
