#![allow(dead_code)]
use std::collections::HashMap;

use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "price", at = "currency_options")]
struct InCurrency {
    unit_amount: Option<i64>,
}

#[derive(StripeObject)]
#[stripe(object = "price", previous)]
struct Before {
    currency_options: Option<HashMap<String, Option<InCurrency>>>,
}

fn main() {}
