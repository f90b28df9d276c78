//! Making values of every shape.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use webhook_catalog::{Catalog, EventType, Field, Shape, versions};

use super::state;

/// The depth at which lists and arrays are left empty, so that a sample stays readable.
const FULL_DEPTH: usize = 3;

/// Makes values of every shape.
#[derive(Clone, Copy)]
pub(super) struct Maker {
    /// The API version in which it is rendered.
    pub(super) catalog: &'static Catalog,
    pub(super) event_type: &'static str,
    pub(super) seed: u64,
    /// When the event happened, in seconds since the Unix epoch.
    pub(super) created: i64,
    pub(super) livemode: bool,
    /// The age of the event's object in seconds, if it is known.
    pub(super) age: Option<i64>,
}

impl Maker {
    /// Whether it is not rendered in the newest version, which the states are written for.
    pub(super) fn is_older(self) -> bool {
        self.catalog.versions().last() < versions().next_back().as_ref()
    }

    /// Makes the object of an event, as this event carries it.
    pub(super) fn event_object(self, event: &EventType, name: &'static str) -> Value {
        let Some(object) = self.catalog.object_of(event, name) else {
            // The oldest versions have events whose object nothing describes.
            return json!({ "id": self.id(name), "object": name });
        };
        let mut made = self.fields(name, &object.fields, 0);
        if let Some(state) = state::of_object(name) {
            self.apply(state, name, &mut made);
        }
        made
    }

    /// Makes an object as it usually is.
    pub(super) fn object(self, name: &str, depth: usize) -> Value {
        let Some(object) = self.catalog.object(name) else { return json!({}) };
        let mut made = self.fields(name, &object.fields, depth);
        if let Some(state) = state::of_object(name) {
            self.apply(state, object.name, &mut made);
        }
        made
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
            Shape::Boolean if name == "livemode" => self.livemode.into(),
            Shape::Boolean => matches!(name, "active" | "captured" | "enabled" | "paid").into(),
            Shape::DateTime => "2026-01-01T00:00:00.000Z".into(),
            Shape::Decimal => "2000".into(),
            Shape::Enum(values) => self.choice(values).into(),
            Shape::Expandable(inner) => match &**inner {
                Shape::Object(names) => self.id(alive(names)).into(),
                _ => self.id(name).into(),
            },
            Shape::Float => 12.5.into(),
            Shape::Integer => integer(name).into(),
            Shape::IntegerText => integer(name).to_string().into(),
            Shape::Literal(text) => serde_json::from_str(text).unwrap_or_default(),
            Shape::Nested(fields) => self.fields(owner, fields, depth + 1),
            Shape::Object(names) => self.object(alive(names), depth + 1),
            Shape::String if name == "id" => self.id(owner).into(),
            // A text that is named after an object holds its id: `subscription_item.subscription`.
            Shape::String if self.catalog.object(name).is_some() => self.id(name).into(),
            Shape::String => text(name).into(),
            Shape::Timestamp => self.created.into(),
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

    /// The value of an enum that the event's name mentions, or else a common one.
    fn choice(self, values: &[&'static str]) -> &'static str {
        const COMMON: [&str; 8] =
            ["card", "succeeded", "active", "paid", "complete", "open", "automatic", "usd"];
        let spoken_of = self.event_type.rsplit('.').next().into_iter();
        spoken_of
            .chain(COMMON)
            .find_map(|wanted| values.iter().find(|value| **value == wanted))
            .unwrap_or(&values[0])
    }

    /// The id of an object. A second object of the same type is `invoice/2`.
    pub(super) fn id(self, object: &str) -> String {
        let kind = object.split_once('/').map_or(object, |(kind, _)| kind);
        self.id_with(prefix(kind), object)
    }

    pub(super) fn id_with(self, prefix: &str, salt: &str) -> String {
        const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let hash = Sha256::new().chain_update(self.seed.to_le_bytes()).chain_update(salt);
        let digits = hash
            .finalize()
            .into_iter()
            .take(24)
            .map(|byte| char::from(DIGITS[usize::from(byte) % DIGITS.len()]));
        format!("{prefix}_{}", digits.collect::<String>())
    }
}

/// The first of several objects, except the stub of a deleted one.
pub(super) fn alive(names: &[&'static str]) -> &'static str {
    names.iter().find(|name| !name.starts_with("deleted_")).unwrap_or(&names[0])
}

/// The prefix of an object's ids. Source: the examples in Stripe's API reference, <https://docs.stripe.com/api>.
fn prefix(object: &str) -> &str {
    match object {
        "account" => "acct",
        "application" => "ca",
        "application_fee" => "fee",
        "balance_transaction" => "txn",
        "bank_account" => "ba",
        "billing_portal.configuration" => "bpc",
        "billing_portal.session" => "bps",
        "charge" => "ch",
        "checkout.session" => "cs_test",
        "coupon" => "co",
        "credit_note" => "cn",
        "customer" => "cus",
        "discount" => "di",
        "dispute" => "du",
        "fee_refund" => "fr",
        "identity.verification_report" => "vr",
        "identity.verification_session" => "vs",
        "invoice" => "in",
        "invoiceitem" => "ii",
        "invoice_payment" => "inpay",
        "issuing.authorization" => "iauth",
        "issuing.card" => "ic",
        "issuing.cardholder" => "ich",
        "issuing.dispute" => "idp",
        "issuing.transaction" => "ipi",
        "item" => "li",
        "line_item" => "il",
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
        "setup_attempt" => "setatt",
        "setup_intent" => "seti",
        "shipping_rate" => "shr",
        "source" => "src",
        "subscription" => "sub",
        "subscription_item" => "si",
        "subscription_schedule" => "sub_sched",
        "tax_id" => "txi",
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
    /// Amounts and lists that are usually empty.
    const NOTHING: [&str; 11] = [
        "balance",
        "capturable",
        "credit_notes",
        "discount",
        "fee",
        "overpaid",
        "refunded",
        "remaining",
        "reversed",
        "shipping",
        "tax",
    ];
    match name {
        "amount_paid_off_stripe" => 0,
        _ if NOTHING.iter().any(|nothing| name.contains(nothing)) => 0,
        "exp_month" => 12,
        "exp_year" => 2034,
        _ if ["amount", "total", "price"].iter().any(|money| name.contains(money)) => 2000,
        _ => 1,
    }
}

fn text(name: &str) -> &str {
    match name {
        "country" => "US",
        _ if name.ends_with("currency") => "usd",
        "email" => "jenny.rosen@example.com",
        "last4" => "4242",
        "name" => "Jenny Rosen",
        "payment_method_types" => "card",
        "phone" => "+15555550100",
        _ if name == "url" || name.ends_with("_url") => "https://example.com",
        other => other,
    }
}
