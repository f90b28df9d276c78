//! Making values of every shape.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use webhook_catalog::{EventType, Field, Shape};

/// The depth from which lists and arrays are left empty, so that a sample stays readable.
const FULL_DEPTH: usize = 3;

/// Makes values of every shape.
#[derive(Clone, Copy)]
pub(super) struct Maker {
    pub(super) event_type: &'static str,
    pub(super) seed: u64,
}

impl Maker {
    /// Makes the object of an event, as this event carries it.
    pub(super) fn event_object(self, event: &EventType, name: &str) -> Value {
        event.object(name).map_or_else(|| json!({}), |object| self.fields(name, &object.fields, 0))
    }

    pub(super) fn object(self, name: &str, depth: usize) -> Value {
        match webhook_catalog::object(name) {
            Some(object) => self.fields(name, &object.fields, depth),
            None => json!({}),
        }
    }

    fn fields(self, owner: &str, fields: &[Field], depth: usize) -> Value {
        let sent = fields.iter().filter(|field| !field.optional);
        let values = sent.map(|field| {
            let value =
                if field.nullable { Value::Null } else { self.value(owner, field.name, &field.shape, depth) };
            (field.name.to_owned(), value)
        });
        Value::Object(values.collect::<Map<_, _>>())
    }

    pub(super) fn value(self, owner: &str, name: &str, shape: &Shape, depth: usize) -> Value {
        match shape {
            Shape::Any | Shape::Map(_) => json!({}),
            Shape::Array(_) | Shape::List(_) if depth >= FULL_DEPTH => self.sequence(name, shape, vec![]),
            Shape::Array(inner) | Shape::List(inner) => {
                self.sequence(name, shape, vec![self.value(owner, name, inner, depth + 1)])
            }
            Shape::Boolean => matches!(name, "active" | "captured" | "enabled" | "paid").into(),
            Shape::DateTime => "2026-01-01T00:00:00.000Z".into(),
            Shape::Decimal => "2000".into(),
            Shape::Enum(values) => self.choice(values).into(),
            Shape::Expandable(inner) => match &**inner {
                Shape::Object(names) => self.id(names[0]).into(),
                _ => self.id(name).into(),
            },
            Shape::Float => 12.5.into(),
            Shape::Integer => integer(name).into(),
            Shape::IntegerText => integer(name).to_string().into(),
            Shape::Literal(text) => serde_json::from_str(text).unwrap_or_default(),
            Shape::Nested(fields) => self.fields(owner, fields, depth + 1),
            Shape::Object(names) => self.object(names[0], depth + 1),
            Shape::String if name == "id" => self.id(owner).into(),
            Shape::String => text(name).into(),
            Shape::Timestamp => 1_767_225_600.into(),
            _ => Value::Null,
        }
    }

    fn sequence(self, name: &str, shape: &Shape, values: Vec<Value>) -> Value {
        match shape {
            Shape::List(_) => {
                json!({ "object": "list", "data": values, "has_more": false, "url": format!("/v1/{name}") })
            }
            _ => values.into(),
        }
    }

    /// Of an enum's values, the one that the event's name speaks of, or else a common one.
    fn choice(self, values: &[&'static str]) -> &'static str {
        const COMMON: [&str; 8] =
            ["card", "succeeded", "active", "paid", "complete", "open", "automatic", "usd"];
        let spoken_of = self.event_type.rsplit('.').next().into_iter();
        spoken_of
            .chain(COMMON)
            .find_map(|wanted| values.iter().find(|value| **value == wanted))
            .unwrap_or(&values[0])
    }

    fn id(self, object: &str) -> String {
        self.id_with(prefix(object), object)
    }

    pub(super) fn id_with(self, prefix: &str, salt: &str) -> String {
        const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let hash = Sha256::new()
            .chain_update(self.seed.to_le_bytes())
            .chain_update(self.event_type)
            .chain_update(salt);
        let digits = hash
            .finalize()
            .into_iter()
            .take(24)
            .map(|byte| char::from(DIGITS[usize::from(byte) % DIGITS.len()]));
        format!("{prefix}_{}", digits.collect::<String>())
    }
}

/// The first part of an object's ids. Source: the examples in Stripe's API reference, <https://docs.stripe.com/api>.
fn prefix(object: &str) -> &str {
    match object {
        "account" => "acct",
        "application" => "ca",
        "application_fee" => "fee",
        "balance_transaction" => "txn",
        "bank_account" => "ba",
        "charge" => "ch",
        "checkout.session" => "cs_test",
        "coupon" => "co",
        "credit_note" => "cn",
        "customer" => "cus",
        "discount" => "di",
        "dispute" => "du",
        "fee_refund" => "fr",
        "invoice" => "in",
        "invoiceitem" => "ii",
        "invoice_payment" => "inpay",
        "issuing.authorization" => "iauth",
        "issuing.card" => "ic",
        "issuing.cardholder" => "ich",
        "issuing.dispute" => "idp",
        "issuing.transaction" => "ipi",
        "payment_intent" => "pi",
        "payment_link" => "plink",
        "payment_method" => "pm",
        "payout" => "po",
        "product" => "prod",
        "promotion_code" => "promo",
        "quote" => "qt",
        "radar.early_fraud_warning" => "issfr",
        "refund" => "re",
        "review" => "prv",
        "setup_intent" => "seti",
        "source" => "src",
        "subscription" => "sub",
        "subscription_item" => "si",
        "subscription_schedule" => "sub_sched",
        "tax_rate" => "txr",
        "terminal.reader" => "tmr",
        "test_helpers.test_clock" => "clock",
        "topup" => "tu",
        "transfer" => "tr",
        "transfer_reversal" => "trr",
        other => other.rsplit('.').next().unwrap_or(other),
    }
}

fn integer(name: &str) -> i64 {
    match name {
        "amount_capturable" | "amount_refunded" | "amount_remaining" | "amount_reversed" => 0,
        "exp_month" => 12,
        "exp_year" => 2034,
        _ if ["amount", "total", "balance", "price"].iter().any(|money| name.contains(money)) => 2000,
        _ => 1,
    }
}

fn text(name: &str) -> &str {
    match name {
        "country" => "US",
        "currency" | "default_currency" | "settlement_currency" => "usd",
        "email" => "jenny.rosen@example.com",
        "last4" => "4242",
        "name" => "Jenny Rosen",
        "payment_method_types" => "card",
        "phone" => "+15555550100",
        _ if name == "url" || name.ends_with("_url") => "https://example.com",
        other => other,
    }
}
