use webhook_core::fixture;

fn main() {
    fixture!("v1.charge.succeeded", amout = 5);
}
