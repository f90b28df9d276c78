//! The expert's server with 43 fields of the object typed by hand, nested objects included.

use std::collections::HashMap;

use peers::Paid;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[expect(dead_code, reason = "they are decoded, and few are read")]
struct PaymentIntent {
    id: String,
    amount: i64,
    amount_capturable: i64,
    amount_details: Option<AmountDetails>,
    amount_received: i64,
    application: Option<String>,
    application_fee_amount: Option<i64>,
    automatic_payment_methods: Option<AutomaticPaymentMethods>,
    canceled_at: Option<i64>,
    cancellation_reason: Option<String>,
    capture_method: String,
    client_secret: Option<String>,
    confirmation_method: String,
    created: i64,
    currency: String,
    customer: Option<String>,
    customer_account: Option<String>,
    description: Option<String>,
    excluded_payment_method_types: Option<Vec<String>>,
    last_payment_error: Option<Value>,
    latest_charge: Option<String>,
    livemode: bool,
    metadata: HashMap<String, String>,
    next_action: Option<Value>,
    on_behalf_of: Option<String>,
    payment_details: Option<PaymentDetails>,
    payment_method: Option<String>,
    payment_method_configuration_details: Option<Configuration>,
    payment_method_options: Option<PaymentMethodOptions>,
    payment_method_types: Vec<String>,
    presentment_details: Option<Presentment>,
    processing: Option<Value>,
    receipt_email: Option<String>,
    review: Option<String>,
    setup_future_usage: Option<String>,
    shipping: Option<Shipping>,
    source: Option<String>,
    statement_descriptor: Option<String>,
    statement_descriptor_suffix: Option<String>,
    status: String,
    transfer_data: Option<Transfer>,
    transfer_group: Option<String>,
    hooks: Option<Value>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is decoded")]
struct AmountDetails {
    discount_amount: Option<i64>,
    shipping: Option<AmountOfShipping>,
    tax: Option<Tax>,
    tip: Option<Tip>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is decoded")]
struct AmountOfShipping {
    amount: Option<i64>,
    from_postal_code: Option<String>,
    to_postal_code: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is decoded")]
struct Tax {
    total_tax_amount: Option<i64>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is decoded")]
struct Tip {
    amount: Option<i64>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is decoded")]
struct AutomaticPaymentMethods {
    allow_redirects: Option<String>,
    enabled: bool,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is decoded")]
struct PaymentDetails {
    customer_reference: Option<String>,
    order_reference: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is decoded")]
struct Configuration {
    id: String,
    parent: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is decoded")]
struct PaymentMethodOptions {
    card: Option<Card>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is decoded")]
struct Card {
    network: Option<String>,
    request_three_d_secure: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is decoded")]
struct Presentment {
    presentment_amount: i64,
    presentment_currency: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is decoded")]
struct Shipping {
    address: Option<Address>,
    carrier: Option<String>,
    name: Option<String>,
    phone: Option<String>,
    tracking_number: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is decoded")]
struct Address {
    city: Option<String>,
    country: Option<String>,
    line1: Option<String>,
    line2: Option<String>,
    postal_code: Option<String>,
    state: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is decoded")]
struct Transfer {
    amount: Option<i64>,
    destination: String,
}

#[tokio::main]
async fn main() {
    peers::serve_expert(paid).await;
}

fn paid(intent: PaymentIntent) {
    peers::count(Paid {
        id: &intent.id,
        amount_received: intent.amount_received,
        created: intent.created,
        currency: &intent.currency,
        customer: intent.customer.as_deref().unwrap_or_default(),
        latest_charge: intent.latest_charge.as_deref().unwrap_or_default(),
        order: intent.metadata.get("order_id").map_or("", String::as_str),
        receipt_email: intent.receipt_email.as_deref().unwrap_or_default(),
        status: &intent.status,
    });
}
