use webhook_core::fixture;

fn main() {
    let _ = fixture!("invoice.upcoming", id = "in_1");
}
