//! Made-up events, for trying handlers without Stripe.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use thiserror::Error;
use webhook_catalog::{Field, Shape};

/// The depth from which lists and arrays are left empty, so that a sample stays readable.
const FULL_DEPTH: usize = 3;

/// A made-up event of any snapshot type, complete as the catalog describes it.
///
/// Every field that Stripe always sends is there; one that may be null is null, one that may be absent is absent,
/// until [`set`](Self::set) says otherwise. Ids are derived from the seed: the same seed gives the same sample.
///
/// ```
/// use webhook_core::Sample;
///
/// let mut sample = Sample::new("payment_intent.succeeded", 7).unwrap();
/// sample.set("metadata.order_id", "o_1").unwrap();
/// assert!(sample.set("amout", "5").unwrap_err().to_string().contains("did you mean `amount`?"));
/// let body = sample.body(1_700_000_000);
/// assert!(String::from_utf8(body).unwrap().contains("\"order_id\": \"o_1\""));
/// ```
#[derive(Clone, Debug)]
pub struct Sample {
    event_type: &'static str,
    seed: u64,
    object_name: &'static str,
    object: Value,
}

impl Sample {
    /// Makes a sample of a snapshot type. Where Stripe sends one of several objects, it is the first of them.
    ///
    /// # Errors
    ///
    /// Fails if there is no such type.
    pub fn new(event_type: &str, seed: u64) -> Result<Self, SampleError> {
        let known = webhook_catalog::find(event_type)
            .filter(|known| known.kind == webhook_catalog::Kind::Snapshot)
            .ok_or_else(|| SampleError::UnknownType { event_type: event_type.to_owned() })?;
        let object_name = known.objects[0];
        let maker = Maker { event_type: known.name, seed };
        Ok(Self { event_type: known.name, seed, object_name, object: maker.object(object_name, 0) })
    }

    /// Sets a field of the object: a path such as `amount`, `metadata.order_id` or `items.data.0.quantity`.
    ///
    /// The text is read as what the field holds: a number, `true`, an enum's value, `null` where that may be, JSON
    /// for a whole object or array.
    ///
    /// # Errors
    ///
    /// Fails if the object has no such field, or the field cannot hold the value.
    pub fn set(&mut self, path: &str, value: &str) -> Result<(), SampleError> {
        let maker = Maker { event_type: self.event_type, seed: self.seed };
        let shape = Shape::Object(vec![self.object_name]);
        let setting = Setting { maker, owner: self.object_name, path, value };
        setting.put(&mut self.object, &shape, false, path.split('.'), 0)
    }

    /// Returns the event's id, which the seed decides.
    pub fn event_id(&self) -> String {
        Maker { event_type: self.event_type, seed: self.seed }.id_with("evt", "event")
    }

    /// Writes the event as Stripe sends it: indented by two spaces. `created` is in seconds since the Unix epoch.
    pub fn body(mut self, created: i64) -> Vec<u8> {
        if let Some(at) = self.object.get_mut("created").filter(|value| value.is_i64()) {
            *at = created.into();
        }
        let mut data = json!({ "object": self.object });
        if self.event_type.ends_with(".updated") {
            data["previous_attributes"] = json!({});
        }
        let event = json!({
            "id": self.event_id(),
            "object": "event",
            "api_version": webhook_catalog::api_version(),
            "created": created,
            "data": data,
            "livemode": false,
            "pending_webhooks": 1,
            "request": { "id": null, "idempotency_key": null },
            "type": self.event_type,
        });
        format!("{event:#}").into_bytes()
    }
}

/// Makes values of every shape.
#[derive(Clone, Copy)]
struct Maker {
    event_type: &'static str,
    seed: u64,
}

impl Maker {
    fn object(self, name: &str, depth: usize) -> Value {
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

    fn value(self, owner: &str, name: &str, shape: &Shape, depth: usize) -> Value {
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

    fn id_with(self, prefix: &str, salt: &str) -> String {
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

/// One override, on its way to its field.
struct Setting<'a> {
    maker: Maker,
    owner: &'a str,
    path: &'a str,
    value: &'a str,
}

impl Setting<'_> {
    /// Goes the steps of the path into `place`, which holds (or is to hold) a value of this shape.
    fn put<'s>(
        &self,
        place: &mut Value,
        shape: &Shape,
        nullable: bool,
        mut steps: impl Iterator<Item = &'s str>,
        depth: usize,
    ) -> Result<(), SampleError> {
        let Some(step) = steps.next() else {
            *place = self.read(shape, nullable)?;
            return Ok(());
        };
        if !place.is_object() && !place.is_array() {
            *place = self.container(step, shape);
        }
        let (shape, nullable) = self.inner(place, shape, step)?;
        let inner = match place {
            Value::Array(values) => {
                let at: usize =
                    step.parse().map_err(|_| self.mismatch("a number, the place in an array", step))?;
                if at > values.len() {
                    return Err(self.mismatch("the place of a value that is there, or the next", step));
                }
                if at == values.len() {
                    values.push(self.maker.value(self.owner, step, &shape, depth));
                }
                &mut values[at]
            }
            Value::Object(fields) => fields.entry(step).or_insert(Value::Null),
            _ => return Err(self.no_field(step, &[])),
        };
        self.put(inner, &shape, nullable, Box::new(steps) as Box<dyn Iterator<Item = &str>>, depth + 1)
    }

    /// A value to go into, in the place of an id or a null.
    fn container(&self, step: &str, shape: &Shape) -> Value {
        match shape {
            Shape::Expandable(inner) => self.maker.value(self.owner, step, inner, 0),
            Shape::Object(names) => self.maker.object(names[0], 0),
            other => self.maker.value(self.owner, step, other, 0),
        }
    }

    /// What stands behind a step.
    fn inner(&self, place: &Value, shape: &Shape, step: &str) -> Result<(Shape, bool), SampleError> {
        let fields = match shape {
            Shape::Any => return Ok((Shape::Any, true)),
            Shape::Array(inner) | Shape::Map(inner) => return Ok(((**inner).clone(), false)),
            Shape::List(inner) if step == "data" => return Ok((Shape::Array(inner.clone()), false)),
            Shape::Expandable(inner) => return self.inner(place, inner, step),
            Shape::Nested(fields) => fields,
            Shape::Object(names) => {
                let name = place["object"].as_str().unwrap_or(names[0]);
                webhook_catalog::object(name).map_or(&[][..], |object| &object.fields[..])
            }
            _ => &[],
        };
        let field =
            fields.iter().find(|field| field.name == step).ok_or_else(|| self.no_field(step, fields))?;
        Ok((field.shape.clone(), field.nullable))
    }

    fn no_field(&self, step: &str, fields: &[Field]) -> SampleError {
        let near = webhook_catalog::nearest(step, fields.iter().map(|field| field.name));
        SampleError::UnknownField {
            object: self.owner.to_owned(),
            path: self.path.to_owned(),
            field: step.to_owned(),
            near: near.first().map(|near| (*near).to_owned()),
        }
    }

    fn mismatch(&self, expected: impl std::fmt::Display, value: &str) -> SampleError {
        SampleError::Mismatch {
            path: self.path.to_owned(),
            expected: expected.to_string(),
            value: value.to_owned(),
        }
    }

    fn read(&self, shape: &Shape, nullable: bool) -> Result<Value, SampleError> {
        if self.value == "null" && nullable {
            return Ok(Value::Null);
        }
        let json = || serde_json::from_str::<Value>(self.value).ok();
        let read = match shape {
            Shape::Any => Some(json().unwrap_or_else(|| self.value.into())),
            Shape::Boolean => json().filter(Value::is_boolean),
            Shape::Enum(values) => values.contains(&self.value).then(|| self.value.into()),
            Shape::Float => json().filter(Value::is_number),
            Shape::Integer | Shape::Timestamp => json().filter(Value::is_i64),
            Shape::Array(_) => json().filter(Value::is_array),
            Shape::List(_) | Shape::Map(_) | Shape::Nested(_) | Shape::Object(_) => {
                json().filter(Value::is_object)
            }
            Shape::Expandable(_) => {
                Some(json().filter(Value::is_object).unwrap_or_else(|| self.value.into()))
            }
            Shape::Literal(text) => {
                let only = serde_json::from_str::<Value>(text).ok();
                only.filter(|only| json().as_ref() == Some(only) || only == self.value)
            }
            Shape::IntegerText => json().filter(Value::is_i64).map(|number| number.to_string().into()),
            _ => Some(self.value.into()),
        };
        read.ok_or_else(|| self.mismatch(shape, self.value))
    }
}

/// Why a sample cannot be made as asked.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SampleError {
    /// The field holds something else.
    #[error("`{path}` cannot be `{value}`: it is {expected}")]
    Mismatch {
        /// The path.
        path: String,
        /// What the field holds.
        expected: String,
        /// What was to be put there.
        value: String,
    },
    /// The object has no such field.
    #[error("`{object}` has no field `{field}` (in `{path}`){}", near.as_ref().map_or(String::new(), |near| format!(": did you mean `{near}`?")))]
    UnknownField {
        /// The object.
        object: String,
        /// The whole path.
        path: String,
        /// The step that leads nowhere.
        field: String,
        /// The nearest name.
        near: Option<String>,
    },
    /// No snapshot type has this name.
    #[error("there is no snapshot event type `{event_type}`")]
    UnknownType {
        /// The name.
        event_type: String,
    },
}
