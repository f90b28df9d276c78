//! Every kind of type that can be a view's field.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Value, json};
use webhook_core::{
    DecodeError, Expandable, FromStripe, Json, List, StripeEnum, StripeObject, Timestamp, shape,
};

use crate::read;

type Cents = i64;
type Maybe<T> = Option<T>;

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct Aliases {
    amount: Cents,
    description: Maybe<String>,
}

#[test]
fn aliases() {
    let view: Aliases = read(r#"{"amount": 5, "description": null, "other": [1]}"#).unwrap();
    assert_eq!((view.amount, view.description), (5, None));
}

#[derive(Debug, PartialEq, StripeObject)]
#[stripe(transparent)]
struct CustomerId(String);

/// A type of the application's own, by hand.
#[derive(Debug, PartialEq)]
struct Order(u64);

impl FromStripe<shape::Text> for Order {
    fn read(json: Json<'_>) -> Result<Self, DecodeError> {
        let text: &str = json.decode("a text")?;
        let number = text.strip_prefix("o_").and_then(|number| number.parse().ok());
        number.map(Self).ok_or_else(|| DecodeError::expected("an order"))
    }
}

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct Newtypes {
    id: CustomerId,
    customer: Option<CustomerId>,
    #[stripe(path = "metadata.order")]
    order: Option<Order>,
    currency: Box<CustomerId>,
}

#[test]
fn newtypes() {
    let json = r#"{"id": "pi_1", "customer": {"id": "cus_1", "x": 1}, "metadata": {"order": "o_7"}, "currency": "usd"}"#;
    let view: Newtypes = read(json).unwrap();
    assert_eq!(view.id, CustomerId("pi_1".to_owned()));
    assert_eq!(view.customer, Some(CustomerId("cus_1".to_owned())), "the id, also of a whole object");
    assert_eq!(view.order, Some(Order(7)));
    assert_eq!(*view.currency, CustomerId("usd".to_owned()));
    let error = read::<Newtypes>(&json.replace("o_7", "seven")).err().unwrap();
    assert_eq!(error.to_string(), "`metadata.order` is not an order");
}

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct Generic<A, M> {
    amount: A,
    metadata: M,
    id: String,
}

#[test]
fn generics() {
    let json = r#"{"amount": 5, "metadata": {"a": "b"}, "id": "pi_1"}"#;
    let view: Generic<u8, BTreeMap<String, String>> = read(json).unwrap();
    assert_eq!((view.amount, view.metadata["a"].as_str(), view.id.as_str()), (5, "b", "pi_1"));
    let view: Generic<Value, Value> = read(json).unwrap();
    assert_eq!((view.amount, view.metadata), (json!(5), json!({"a": "b"})));
}

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct Integers {
    #[stripe(rename = "amount")]
    a: i64,
    #[stripe(rename = "amount")]
    b: u64,
    #[stripe(rename = "amount")]
    c: i32,
    #[stripe(rename = "amount")]
    d: u32,
    #[stripe(rename = "amount")]
    e: i16,
    #[stripe(rename = "amount")]
    f: u16,
    #[stripe(rename = "amount")]
    g: u8,
    #[stripe(rename = "amount")]
    h: i128,
    #[stripe(rename = "amount")]
    i: usize,
    #[stripe(rename = "amount")]
    j: Option<i64>,
}

#[test]
fn integers_of_every_size_and_one_field_for_all() {
    let view: Integers = read(r#"{"amount": 200}"#).unwrap();
    assert_eq!((view.a, view.b, view.c, view.d, view.e), (200, 200, 200, 200, 200));
    assert_eq!((view.f, view.g, view.h, view.i, view.j), (200, 200, 200, 200, Some(200)));
    for (amount, expected) in [
        ("256", "`amount` is not a whole number that fits `u8`"),
        ("-1", "`amount` is not a whole number that fits `u64`"),
        ("1.0", "`amount` is not a whole number that fits `i64`"),
        ("\"5\"", "`amount` is not a whole number that fits `i64`"),
        ("null", "`amount` is not a whole number that fits `i64`"),
        ("9223372036854775808", "`amount` is not a whole number that fits `i64`"),
    ] {
        let error = read::<Integers>(&format!(r#"{{"amount": {amount}}}"#)).err().unwrap();
        assert_eq!(error.to_string(), expected);
    }
    assert_eq!(read::<Integers>("{}").err().unwrap().to_string(), "`amount` is missing");
}

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct Texts {
    id: String,
    #[stripe(rename = "id")]
    boxed: Box<str>,
    #[stripe(rename = "id")]
    shared: Arc<str>,
    status: String,
    r#object: String,
    latest_charge: Option<String>,
    #[stripe(path = "latest_charge")]
    charge: Option<Arc<str>>,
}

#[test]
fn texts_ids_enums_and_raw_names() {
    let json =
        r#"{"id": "pi_é\n\"", "status": "brand_new", "object": "payment_intent", "latest_charge": "ch_1"}"#;
    let view: Texts = read(json).unwrap();
    for id in [&*view.id, &*view.boxed, &*view.shared] {
        assert_eq!(id, "pi_é\n\"");
    }
    assert_eq!((view.status.as_str(), view.object.as_str()), ("brand_new", "payment_intent"));
    assert_eq!((view.latest_charge.as_deref(), view.charge.as_deref()), (Some("ch_1"), Some("ch_1")));
    assert!(read::<Texts>(&json.replace("é", "\\ud800")).is_err(), "a lone surrogate is not a text");
}

#[derive(Debug, PartialEq, StripeEnum)]
#[stripe(object = "payment_intent", at = "status")]
enum Status {
    Succeeded,
    #[stripe(rename = "requires_action")]
    NeedsAction,
    Other(String),
}

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct Enumerated {
    status: Status,
    #[stripe(rename = "status")]
    maybe: Option<Status>,
}

#[test]
fn enums_keep_what_they_do_not_know() {
    for (text, expected) in [
        ("succeeded", Status::Succeeded),
        ("requires_action", Status::NeedsAction),
        ("brand_new", Status::Other("brand_new".to_owned())),
        ("NeedsAction", Status::Other("NeedsAction".to_owned())),
        ("", Status::Other(String::new())),
    ] {
        let view: Enumerated = read(&format!(r#"{{"status": "{text}"}}"#)).unwrap();
        assert_eq!(view.status.to_string(), text);
        assert_eq!((Some(&view.status), view.maybe.as_ref()), (Some(&expected), Some(&expected)));
    }
}

#[derive(StripeObject)]
#[stripe(object = "subscription")]
struct Subscription {
    items: List<Item>,
    created: Timestamp,
    #[stripe(rename = "created")]
    seconds: i64,
    metadata: HashMap<String, String>,
    #[stripe(rename = "metadata")]
    sorted: BTreeMap<String, String>,
    cancel_at_period_end: bool,
    customer: Expandable<Customer>,
}

#[derive(Debug, StripeObject)]
#[stripe(object = "subscription_item")]
struct Item {
    quantity: Option<i64>,
}

#[derive(Debug, StripeObject)]
#[stripe(object = "customer")]
struct Customer {
    email: Option<String>,
}

const SUBSCRIPTION: &str = r#"{"items": {"object": "list", "data": [{"quantity": 2}, {}], "has_more": true, "url": "/v1/x"},
    "created": 1700000000, "metadata": {"b": "1", "a": "2"}, "cancel_at_period_end": false, "customer": "cus_1"}"#;

#[test]
fn lists_maps_times_and_references() {
    let view: Subscription = read(SUBSCRIPTION).unwrap();
    let quantities: Vec<_> = view.items.data.iter().map(|item| item.quantity).collect();
    assert_eq!(
        (quantities, view.items.has_more, view.items.url.as_deref()),
        (vec![Some(2), None], true, Some("/v1/x"))
    );
    assert_eq!((view.created.unix_seconds(), view.seconds), (1_700_000_000, 1_700_000_000));
    assert_eq!((view.metadata["a"].as_str(), view.sorted.keys().next().unwrap().as_str()), ("2", "a"));
    assert!(!view.cancel_at_period_end);
    assert_eq!((view.customer.id(), view.customer.object().is_none()), (Some("cus_1"), true));

    let whole: Subscription =
        read(&SUBSCRIPTION.replace("\"cus_1\"", r#"{"id": "cus_1", "email": "a@b"}"#)).unwrap();
    assert_eq!(whole.customer.object().unwrap().email.as_deref(), Some("a@b"));
    for (from, to, expected) in [
        (
            "\"quantity\": 2",
            "\"quantity\": true",
            "`items.data[0].quantity` is not a whole number that fits `i64`",
        ),
        ("\"b\": \"1\"", "\"b\": 1", "`metadata.*` is not a text"),
        ("[{\"quantity\": 2}, {}]", "{}", "`items.data` is not an array"),
        ("\"cus_1\"", "5", "`customer` is not an object"),
        ("1700000000", "1.5", "`created` is not a time in whole seconds"),
    ] {
        let error = read::<Subscription>(&SUBSCRIPTION.replace(from, to)).err().unwrap();
        assert_eq!(error.to_string(), expected);
    }
}

#[derive(Debug, StripeObject)]
#[stripe(object = "payment_intent")]
struct Nested {
    amount_details: Option<Details>,
    #[stripe(path = "amount_details.tip.amount")]
    tip: Option<i64>,
    shipping: Option<Box<Shipping>>,
}

#[derive(Debug, StripeObject)]
#[stripe(object = "payment_intent", at = "amount_details")]
struct Details {
    tip: Option<Tip>,
}

#[derive(Debug, StripeObject)]
#[stripe(object = "payment_intent", at = "amount_details.tip")]
struct Tip {
    amount: Option<i64>,
}

/// Made for a charge; a payment intent has the same fields here.
#[derive(Debug, StripeObject)]
#[stripe(object = "charge", at = "shipping")]
struct Shipping {
    name: Option<String>,
}

#[test]
fn nested_views_and_paths_agree_on_what_is_missing() {
    for (json, expected) in [
        (r#"{"amount_details": {"tip": {"amount": 5}}}"#, Some(5)),
        (r#"{"amount_details": {"tip": {}}}"#, None),
        (r#"{"amount_details": {}}"#, None),
        ("{}", None),
    ] {
        let view: Nested = read(json).unwrap();
        assert_eq!(view.tip, expected, "{json}");
        let nested = view.amount_details.and_then(|details| details.tip).and_then(|tip| tip.amount);
        assert_eq!(nested, expected, "{json}");
        assert!(view.shipping.is_none());
    }
    let view: Nested = read(r#"{"shipping": {"name": "Jenny"}}"#).unwrap();
    assert_eq!(view.shipping.unwrap().name.as_deref(), Some("Jenny"));
    let error = read::<Nested>(r#"{"amount_details": {"tip": 5}}"#).err().unwrap();
    assert_eq!(error.to_string(), "`amount_details.tip` is not an object");
}

/// A view made by a macro, within a function, beside other derives.
macro_rules! view {
    ($name:ident, $object:literal, $field:ident: $ty:ty) => {
        #[derive(Clone, Debug, PartialEq, Eq, Hash, StripeObject)]
        #[stripe(object = $object)]
        pub(super) struct $name {
            /// Documented.
            pub(super) $field: $ty,
        }
    };
}

#[test]
fn views_made_by_macros_in_functions() {
    view!(Amount, "charge", amount: i64);
    assert_eq!(read::<Amount>(r#"{"amount": 1}"#), Ok(Amount { amount: 1 }));
}
