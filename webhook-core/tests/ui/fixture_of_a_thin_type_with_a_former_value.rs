use webhook_core::fixture;

fn main() {
    fixture!("v1.customer.updated", previous.email = "a@example.com");
}
