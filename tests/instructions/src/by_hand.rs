//! What an expert would write with serde, without this product.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoding is the point")]
pub(crate) struct Envelope {
    id: String,
    #[serde(rename = "type")]
    event_type: String,
    created: i64,
    livemode: bool,
    api_version: Option<String>,
    account: Option<String>,
    pending_webhooks: u64,
    request: Option<Request>,
    data: Data,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoding is the point")]
struct Request {
    id: Option<String>,
    idempotency_key: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoding is the point")]
struct Data {
    object: Nine,
}

/// The envelope and nine fields of the object, in one pass.
pub(crate) fn event(body: &Bytes) -> Envelope {
    serde_json::from_slice(body).expect("the sample fits")
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoding is the point")]
pub(crate) struct Nine {
    id: String,
    amount: i64,
    amount_received: i64,
    created: i64,
    currency: String,
    customer: Option<String>,
    receipt_email: Option<String>,
    status: String,
    metadata: Metadata,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoding is the point")]
struct Metadata {
    order_id: Option<String>,
}

pub(crate) fn nine(json: &[u8]) -> Nine {
    serde_json::from_slice(json).expect("the sample fits")
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoding is the point")]
pub(crate) struct Sparse {
    id: Option<String>,
    total: i64,
    metadata: Metadata,
}

pub(crate) fn sparse(json: &[u8]) -> Sparse {
    serde_json::from_slice(json).expect("the sample fits")
}

/// All fields of a payment intent.
#[derive(Deserialize)]
#[expect(dead_code, reason = "decoding is the point")]
pub(crate) struct Whole {
    id: String,
    object: String,
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
    hooks: Option<Value>,
    last_payment_error: Option<Value>,
    latest_charge: Option<String>,
    livemode: bool,
    metadata: BTreeMap<String, String>,
    next_action: Option<Value>,
    on_behalf_of: Option<String>,
    payment_details: Option<PaymentDetails>,
    payment_method: Option<String>,
    payment_method_configuration_details: Option<ConfigurationDetails>,
    payment_method_options: Option<PaymentMethodOptions>,
    payment_method_types: Vec<String>,
    presentment_details: Option<PresentmentDetails>,
    processing: Option<Value>,
    receipt_email: Option<String>,
    review: Option<String>,
    setup_future_usage: Option<String>,
    shipping: Option<Shipping>,
    source: Option<Value>,
    statement_descriptor: Option<String>,
    statement_descriptor_suffix: Option<String>,
    status: String,
    transfer_data: Option<TransferData>,
    transfer_group: Option<String>,
}

macro_rules! nested {
    ($($name:ident { $($field:ident: $ty:ty,)* })*) => {$(
        #[derive(Deserialize)]
        #[expect(dead_code, reason = "decoding is the point")]
        struct $name {
            $($field: $ty,)*
        }
    )*};
}

nested! {
    AmountDetails {
        discount_amount: Option<i64>,
        shipping: Option<AmountShipping>,
        tax: Option<Tax>,
        tip: Option<Tip>,
    }
    AmountShipping { amount: Option<i64>, from_postal_code: Option<String>, to_postal_code: Option<String>, }
    Tax { total_tax_amount: Option<i64>, }
    Tip { amount: Option<i64>, }
    AutomaticPaymentMethods { allow_redirects: Option<String>, enabled: bool, }
    PaymentDetails { customer_reference: Option<String>, order_reference: Option<String>, }
    ConfigurationDetails { id: String, parent: Option<String>, }
    PaymentMethodOptions {
        affirm: Option<Affirm>,
        bancontact: Option<Bancontact>,
        card: Option<Card>,
        klarna: Option<Klarna>,
        link: Option<Link>,
        us_bank_account: Option<UsBankAccount>,
    }
    Affirm { capture_method: Option<String>, setup_future_usage: Option<String>, }
    Bancontact { preferred_language: String, setup_future_usage: Option<String>, }
    Card {
        capture_method: Option<String>,
        installments: Option<Value>,
        mandate_options: Option<Value>,
        network: Option<String>,
        request_three_d_secure: Option<String>,
        setup_future_usage: Option<String>,
        statement_descriptor_suffix_kana: Option<String>,
        statement_descriptor_suffix_kanji: Option<String>,
    }
    Klarna { capture_method: Option<String>, preferred_locale: Option<String>, }
    Link { capture_method: Option<String>, persistent_token: Option<String>, }
    UsBankAccount {
        financial_connections: Option<FinancialConnections>,
        mandate_options: Option<MandateOptions>,
        setup_future_usage: Option<String>,
        verification_method: Option<String>,
    }
    FinancialConnections {
        filters: Option<Filters>,
        permissions: Option<Vec<String>>,
        prefetch: Option<Vec<String>>,
        return_url: Option<String>,
    }
    Filters { account_subcategories: Option<Vec<String>>, }
    MandateOptions { collection_method: Option<String>, }
    PresentmentDetails { presentment_amount: i64, presentment_currency: String, }
    Shipping {
        address: Option<Address>,
        carrier: Option<String>,
        name: Option<String>,
        phone: Option<String>,
        tracking_number: Option<String>,
    }
    Address {
        city: Option<String>,
        country: Option<String>,
        line1: Option<String>,
        line2: Option<String>,
        postal_code: Option<String>,
        state: Option<String>,
    }
    TransferData { amount: Option<i64>, destination: String, }
}

pub(crate) fn whole(json: &[u8]) -> Whole {
    serde_json::from_slice(json).expect("the sample fits")
}
