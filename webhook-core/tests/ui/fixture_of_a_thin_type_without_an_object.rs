use webhook_core::fixture;

fn main() {
    fixture!("v1.invoice.upcoming", amount_due = 5);
}
