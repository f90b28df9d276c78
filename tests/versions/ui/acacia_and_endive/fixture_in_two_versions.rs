use webhook_core::fixture;

fn main() {
    fixture!("invoice.paid", api_version = "acacia", amount_paid = 1000, api_version = "endive");
}
