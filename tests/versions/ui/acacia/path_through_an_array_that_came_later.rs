use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "invoice")]
struct Invoice {
    #[stripe(path = "total_taxes.amount")]
    tax: Option<i64>,
}

#[derive(StripeObject)]
#[stripe(object = "line_item")]
struct Line {
    #[stripe(path = "pricing.price_details.price")]
    price: Option<String>,
    #[stripe(path = "taxes.tax_rate_details.tax_rate")]
    rate: Option<String>,
}

fn main() {}
