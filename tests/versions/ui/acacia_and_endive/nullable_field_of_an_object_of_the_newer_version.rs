use webhook_core::*;

/// The older version does not have this object, which is not why the field can be missing.
#[derive(StripeObject)]
#[stripe(object = "invoice_payment")]
struct Payment {
    amount_paid: i64,
}

fn main() {}
