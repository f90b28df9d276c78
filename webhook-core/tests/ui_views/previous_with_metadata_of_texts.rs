#![allow(dead_code)]
use std::collections::HashMap;

use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "product", previous)]
struct Before {
    metadata: Option<HashMap<String, String>>,
}

fn main() {}
