mod hooks {
    pub use ::webhook_core as core;
}

use hooks::core::{Json, FromStripe, StripeEnum, StripeObject, shape};

#[derive(StripeObject)]
#[stripe(object = "payment_intent", crate = hooks::core)]
struct Paid {
    amount: i64,
    status: Status,
}

#[derive(StripeEnum)]
#[stripe(object = "payment_intent", at = "status", crate = hooks::core)]
enum Status {
    Succeeded,
    Other(String),
}

fn main() {
    let paid = <Paid as FromStripe<shape::Object>>::read(Json::new(r#"{"amount": 5, "status": "x"}"#)).unwrap();
    assert_eq!((paid.amount, paid.status.to_string().as_str()), (5, "x"));
    assert_eq!(Status::Succeeded.to_string(), "succeeded");
}
