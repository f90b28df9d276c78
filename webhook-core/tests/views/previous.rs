//! Previous attributes: the keys of an object that changed, at every level, null for what was not set, and whole arrays.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use webhook_core::{Envelope, Event, Expandable, StripeObject};

/// An event that says what changed.
fn updated(previous: &str) -> Event {
    let body = format!(
        r#"{{"id": "evt_1", "object": "event", "type": "x.updated", "created": 1, "livemode": false,
            "data": {{"object": {{}}, "previous_attributes": {previous}}}}}"#
    );
    let envelope = Envelope::parse_stored(&Bytes::from(body)).expect("an event");
    Event::decode(Arc::new(envelope)).expect("untyped JSON")
}

#[derive(Debug, PartialEq, StripeObject)]
#[stripe(object = "payment_method", at = "card.checks", previous)]
struct Checks {
    cvc_check: Option<String>,
}

#[derive(Debug, PartialEq, StripeObject)]
#[stripe(object = "payment_method", at = "card", previous)]
struct Card {
    brand: Option<String>,
    exp_year: Option<i64>,
    checks: Option<Box<Checks>>,
}

#[derive(Debug, PartialEq, StripeObject)]
#[stripe(transparent)]
struct Former<T>(T);

#[derive(Debug, PartialEq, StripeObject)]
#[stripe(object = "payment_method", previous)]
struct Method<C> {
    card: Option<C>,
    #[stripe(path = "card.exp_month")]
    month: Option<i64>,
    metadata: Option<HashMap<String, Option<String>>>,
    customer: Option<String>,
}

#[test]
fn a_nested_view_reads_the_keys_that_changed() {
    let event = updated(
        r#"{"card": {"exp_month": 8, "exp_year": 2026, "checks": {"cvc_check": null}}, "metadata": {"k": null}}"#,
    );
    let card = Card { brand: None, exp_year: Some(2026), checks: Some(Box::new(Checks { cvc_check: None })) };
    let metadata = || Some(HashMap::from([("k".to_owned(), None)]));
    assert_eq!(
        event.previous::<Method<Former<Card>>>().unwrap().unwrap(),
        Method { card: Some(Former(card)), month: Some(8), metadata: metadata(), customer: None }
    );
    let untyped = event.previous::<Method<serde_json::Value>>().unwrap().unwrap();
    assert_eq!(untyped.card.unwrap()["exp_year"], 2026);
}

#[test]
fn nothing_has_changed_where_the_attributes_are_null_or_empty() {
    assert!(updated("null").previous::<Method<Card>>().unwrap().is_none());
    let empty = updated("{}").previous::<Method<Card>>().unwrap().unwrap();
    assert_eq!(empty, Method { card: None, month: None, metadata: None, customer: None });
}

#[derive(StripeObject)]
#[stripe(object = "price", at = "currency_options", previous)]
struct InCurrency {
    unit_amount: Option<i64>,
}

#[derive(StripeObject)]
#[stripe(object = "price", previous)]
struct Price {
    currency_options: Option<BTreeMap<String, Option<InCurrency>>>,
}

#[test]
fn a_view_of_another_object_is_refused() {
    let of = |object: &str| {
        let body = format!(
            r#"{{"id": "evt_1", "object": "event", "type": "x.updated", "created": 1, "livemode": false,
                "data": {{"object": {{"object": "{object}"}}, "previous_attributes": {{"customer": "cus_1"}}}}}}"#
        );
        let envelope = Envelope::parse_stored(&Bytes::from(body)).expect("an event");
        let event: Event = Event::decode(Arc::new(envelope)).expect("untyped JSON");
        event.previous::<Method<Card>>().map(|before| before.and_then(|before| before.customer))
    };
    assert_eq!(of("payment_method").unwrap().as_deref(), Some("cus_1"));
    let refused = of("charge").unwrap_err();
    assert!(refused.is_other_object(), "all of its fields would seem unchanged: {refused}");
}

#[test]
fn a_map_of_views_reads_the_entries_that_changed() {
    let event = updated(r#"{"currency_options": {"chf": null, "eur": {"unit_amount": 1500}}}"#);
    let options = event.previous::<Price>().unwrap().unwrap().currency_options.unwrap();
    assert!(options["chf"].is_none());
    assert_eq!(options["eur"].as_ref().unwrap().unit_amount, Some(1500));
}

/// An element of an array is sent whole, and a view of it may want all of it.
#[derive(StripeObject)]
#[stripe(object = "subscription_item")]
struct Item {
    id: String,
    metadata: HashMap<String, String>,
}

#[derive(StripeObject)]
#[stripe(object = "subscription", previous)]
struct Subscription {
    items: Option<Vec<Item>>,
}

#[test]
fn of_a_list_the_array_is_read_which_is_sent_whole() {
    let event = updated(r#"{"items": {"data": [{"id": "si_1", "metadata": {"seat": "a"}}]}}"#);
    let items = event.previous::<Subscription>().unwrap().unwrap().items.unwrap();
    assert_eq!((&*items[0].id, &*items[0].metadata["seat"]), ("si_1", "a"));
    for unchanged in
        [r#"{"items": {"url": "/v1/items"}}"#, r#"{"items": {"data": null}}"#, r#"{"items": null}"#]
    {
        assert!(
            updated(unchanged).previous::<Subscription>().unwrap().unwrap().items.is_none(),
            "{unchanged}"
        );
    }
}

#[derive(StripeObject)]
#[stripe(object = "customer", previous)]
struct Customer {
    name: Option<String>,
}

#[derive(StripeObject)]
#[stripe(object = "charge", previous)]
struct Charge {
    customer: Option<Expandable<Customer>>,
    #[stripe(rename = "customer")]
    id: Option<String>,
    #[stripe(rename = "customer")]
    shared: Option<Box<Arc<str>>>,
}

#[test]
fn a_reference_is_the_former_id_or_the_keys_that_changed() {
    let before = |customer: &str| {
        let event = updated(&format!(r#"{{"customer": {customer}}}"#));
        let before = event.previous::<Charge>().unwrap().unwrap();
        let name = before.customer.as_ref().and_then(Expandable::object).map(|it| it.name.clone());
        (name, before.id, before.shared.map(|id| id.to_string()))
    };
    let id = |id: &str| Some(id.to_owned());
    assert_eq!(before(r#""cus_1""#), (None, id("cus_1"), id("cus_1")));
    assert_eq!(before("null"), (None, None, None));
    assert_eq!(before(r#"{"id": "cus_1", "name": "A"}"#), (Some(id("A")), id("cus_1"), id("cus_1")));
    assert_eq!(before(r#"{"name": null}"#), (Some(None), None, None), "the id has not changed");
}
