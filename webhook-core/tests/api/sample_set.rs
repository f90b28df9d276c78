//! Samples with fields that were set: what a path reaches, how a value is read, and what is refused.

use serde_json::{Value, json};
use webhook_core::{Sample, SampleError};

/// A sample's object after the settings; a refusal fails the test.
fn object(event_type: &str, settings: &[(&str, &str)]) -> Value {
    let mut sample = Sample::new(event_type, 1).unwrap();
    for (path, value) in settings {
        sample.set(path, value).unwrap_or_else(|error| panic!("{event_type}: {path} = {value}: {error}"));
    }
    object_of(sample)
}

fn object_of(sample: Sample) -> Value {
    let event: Value = serde_json::from_slice(&sample.body(1_700_000_000)).unwrap();
    event["data"]["object"].clone()
}

fn refused(event_type: &str, path: &str, value: &str) -> SampleError {
    Sample::new(event_type, 1).unwrap().set(path, value).unwrap_err()
}

const PAYMENT: &str = "payment_intent.succeeded";
const SUBSCRIPTION: &str = "customer.subscription.updated";

#[test]
fn a_value_is_read_as_what_the_field_holds() {
    for (name, event_type, path, value, expected) in [
        ("integer", PAYMENT, "amount", "5", json!(5)),
        ("negative integer", PAYMENT, "amount", "-5", json!(-5)),
        ("text", PAYMENT, "currency", "eur", json!("eur")),
        ("text that looks like a number", PAYMENT, "currency", "5", json!("5")),
        ("empty text", PAYMENT, "description", "", json!("")),
        ("text with quotes", PAYMENT, "description", "\"x\"", json!("\"x\"")),
        ("boolean", PAYMENT, "livemode", "true", json!(true)),
        ("timestamp", PAYMENT, "canceled_at", "1700000001", json!(1_700_000_001)),
        ("number", SUBSCRIPTION, "application_fee_percent", "2.5", json!(2.5)),
        ("whole number", SUBSCRIPTION, "application_fee_percent", "2", json!(2)),
        ("decimal", "price.created", "unit_amount_decimal", "0.000000000001", json!("0.000000000001")),
        ("enum", PAYMENT, "status", "canceled", json!("canceled")),
        ("literal", PAYMENT, "object", "payment_intent", json!("payment_intent")),
        ("null where that may be", PAYMENT, "description", "null", Value::Null),
        ("null in the place of an object", PAYMENT, "shipping", "null", Value::Null),
        ("null in the place of an id", PAYMENT, "customer", "null", Value::Null),
        ("id", PAYMENT, "customer", "cus_1", json!("cus_1")),
        ("array", PAYMENT, "payment_method_types", r#"["card","link"]"#, json!(["card", "link"])),
        ("map", PAYMENT, "metadata", r#"{"a":"b"}"#, json!({ "a": "b" })),
        (
            "list",
            SUBSCRIPTION,
            "items",
            r#"{"object":"list","data":[]}"#,
            json!({ "object": "list", "data": [] }),
        ),
    ] {
        assert_eq!(object(event_type, &[(path, value)])[path], expected, "{name}");
    }
}

#[test]
fn a_path_leads_into_whatever_there_is() {
    for (name, event_type, path, value, pointer, expected) in [
        ("key of a map", PAYMENT, "metadata.order_id", "o_1", "/metadata/order_id", json!("o_1")),
        (
            "key with dots and a space",
            PAYMENT,
            "metadata.Order No.",
            "o_1",
            "/metadata/Order No.",
            json!("o_1"),
        ),
        ("key of several dots", PAYMENT, "metadata.a.b.c", "o_1", "/metadata/a.b.c", json!("o_1")),
        ("key of a map that is null", "charge.succeeded", "metadata.a", "b", "/metadata/a", json!("b")),
        ("nested object that is null", PAYMENT, "shipping.name", "Jo", "/shipping/name", json!("Jo")),
        (
            "two levels of null",
            PAYMENT,
            "shipping.address.city",
            "Ulm",
            "/shipping/address/city",
            json!("Ulm"),
        ),
        ("absent object", PAYMENT, "amount_details.tip.amount", "3", "/amount_details/tip/amount", json!(3)),
        ("list item", SUBSCRIPTION, "items.data.0.quantity", "9", "/items/data/0/quantity", json!(9)),
        ("next list item", SUBSCRIPTION, "items.data.1.quantity", "9", "/items/data/1/quantity", json!(9)),
        (
            "object in a list item",
            SUBSCRIPTION,
            "items.data.0.price.id",
            "price_1",
            "/items/data/0/price/id",
            json!("price_1"),
        ),
        (
            "array element",
            PAYMENT,
            "payment_method_types.0",
            "link",
            "/payment_method_types/0",
            json!("link"),
        ),
        (
            "next array element",
            PAYMENT,
            "payment_method_types.1",
            "link",
            "/payment_method_types/1",
            json!("link"),
        ),
        ("expanded id", PAYMENT, "customer.email", "a@b.c", "/customer/email", json!("a@b.c")),
        (
            "expanded twice",
            PAYMENT,
            "latest_charge.customer.email",
            "a@b.c",
            "/latest_charge/customer/email",
            json!("a@b.c"),
        ),
        (
            "map of maps",
            "price.created",
            "currency_options.eur.unit_amount",
            "5",
            "/currency_options/eur/unit_amount",
            json!(5),
        ),
    ] {
        assert_eq!(object(event_type, &[(path, value)]).pointer(pointer), Some(&expected), "{name}");
    }
}

#[test]
fn going_into_an_object_completes_it() {
    let address = &object(PAYMENT, &[("shipping.address.city", "Ulm")])["shipping"]["address"];
    assert!(address.get("postal_code").is_some(), "what Stripe always sends is there: {address}");
    let customer = &object(PAYMENT, &[("customer.email", "a@b.c")])["customer"];
    assert_eq!(customer["object"], "customer");
    let id = object("charge.dispute.created", &[])["charge"].clone();
    assert!(id.as_str().is_some_and(|id| id.starts_with("ch_")), "{id}");
    assert_eq!(
        object("charge.dispute.created", &[("charge.amount", "5")])["charge"]["id"],
        id,
        "the same charge"
    );
    assert_eq!(
        object(SUBSCRIPTION, &[("items.data.1.quantity", "9")])["items"]["data"][1]["object"],
        "subscription_item"
    );
}

#[test]
fn later_settings_keep_earlier_ones() {
    let item = object(SUBSCRIPTION, &[("items.data.0.quantity", "9"), ("items.data.0.price.id", "price_1")]);
    assert_eq!(item["items"]["data"][0]["quantity"], 9);
    assert_eq!(item["items"]["data"][0]["price"]["id"], "price_1");
    let both = object(PAYMENT, &[("customer.email", "a@b.c"), ("customer.name", "Jo")]);
    assert_eq!((&both["customer"]["email"], &both["customer"]["name"]), (&json!("a@b.c"), &json!("Jo")));
    assert_eq!(object(PAYMENT, &[("amount", "1"), ("amount", "2")])["amount"], 2, "the last one counts");
}

#[test]
fn expanding_an_id_that_was_set_keeps_it() {
    let object = object(PAYMENT, &[("customer", "cus_1"), ("customer.email", "a@b.c")]);
    assert_eq!(object["customer"]["id"], "cus_1");
}

#[test]
fn the_fields_of_a_list_itself_can_be_set() {
    let object = object(SUBSCRIPTION, &[("items.has_more", "true"), ("items.url", "/v1/x")]);
    assert_eq!((&object["items"]["has_more"], &object["items"]["url"]), (&json!(true), &json!("/v1/x")));
}

#[test]
fn a_union_takes_the_fields_of_the_object_that_is_there() {
    let card = refused("account.external_account.created", "last5", "1");
    assert!(card.to_string().contains("did you mean `last4`?"), "{card}");
    assert_eq!(object("account.external_account.created", &[("last4", "0005")])["last4"], "0005");
    assert!(matches!(
        refused("account.external_account.created", "exp_year", "2030"),
        SampleError::UnknownField { .. }
    ));
}

#[test]
fn a_value_that_the_field_cannot_hold_is_refused_and_the_field_explained() {
    for (event_type, path, value, expected) in [
        (PAYMENT, "amount", "5.5", "`amount` cannot be `5.5`: expected integer"),
        (PAYMENT, "amount", "five", "`amount` cannot be `five`: expected integer"),
        (PAYMENT, "amount", "", "`amount` cannot be ``: expected integer"),
        (PAYMENT, "amount", "null", "`amount` cannot be `null`: expected integer"),
        (
            PAYMENT,
            "amount",
            "99999999999999999999",
            "`amount` cannot be `99999999999999999999`: expected integer",
        ),
        (PAYMENT, "livemode", "yes", "`livemode` cannot be `yes`: expected boolean"),
        (PAYMENT, "created", "yesterday", "`created` cannot be `yesterday`: expected timestamp"),
        (
            PAYMENT,
            "capture_method",
            "never",
            "`capture_method` cannot be `never`: expected one of automatic, automatic_async, manual",
        ),
        (PAYMENT, "metadata", "x", "`metadata` cannot be `x`: expected map of text"),
        (PAYMENT, "metadata", "[]", "`metadata` cannot be `[]`: expected map of text"),
        (
            PAYMENT,
            "payment_method_types",
            "card",
            "`payment_method_types` cannot be `card`: expected array of text",
        ),
        (PAYMENT, "object", "charge", "`object` cannot be `charge`: expected always \"payment_intent\""),
        (SUBSCRIPTION, "items", "[]", "`items` cannot be `[]`: expected list of subscription_item"),
        (
            SUBSCRIPTION,
            "items.data.0.quantity",
            "x",
            "`items.data.0.quantity` cannot be `x`: expected integer",
        ),
        (
            SUBSCRIPTION,
            "items.data.first",
            "{}",
            "`items.data.first` cannot be `first`: expected a number, the position in an array",
        ),
        (
            SUBSCRIPTION,
            "items.data.2",
            "{}",
            "`items.data.2` cannot be `2`: expected the position of an existing value, or the next",
        ),
        (
            SUBSCRIPTION,
            "items.data.-1",
            "{}",
            "`items.data.-1` cannot be `-1`: expected a number, the position in an array",
        ),
    ] {
        let error = refused(event_type, path, value);
        assert!(
            matches!(error, SampleError::Mismatch { .. } | SampleError::MetadataKey { .. }),
            "{path}: {error:?}"
        );
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_key_that_metadata_cannot_have_is_refused() {
    for key in ["", "a[0]", "the_number_of_the_order_in_our_own_shop.1"] {
        let error = refused(PAYMENT, &format!("metadata.{key}"), "x");
        let expected = format!(
            "`{key}` cannot be a key of `metadata`: a key has 1 to 40 characters and contains neither `[` nor `]`"
        );
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn text_that_spells_no_number_is_no_decimal() {
    for value in ["cheap", "", "1,5", "null and void"] {
        let result = Sample::new("price.created", 1).unwrap().set("unit_amount_decimal", value);
        let error = result.expect_err(value).to_string();
        assert!(error.contains("decimal number as text"), "{error}");
    }
}

#[test]
fn a_field_that_moved_is_told_where_it_went() {
    for (event_type, path, value, expected) in [
        (
            SUBSCRIPTION,
            "current_period_end",
            "1",
            "there is no `current_period_end`: `current_period_end` of `subscription` moved to \
             `items.data.0.current_period_end` in 2025-03-31.basil",
        ),
        (
            "invoice.paid",
            "lines.data.0.price.id",
            "price_1",
            "there is no `lines.data.0.price.id`: `price` of `line_item` moved to `pricing.price_details.price` in \
             2025-03-31.basil: it is an id",
        ),
        (
            "invoice.paid",
            "lines.data.0",
            r#"{"plan": null}"#,
            "there is no `lines.data.0.plan`: `plan` of `line_item` moved to `pricing.price_details.price` in \
             2025-03-31.basil: it is an id",
        ),
    ] {
        let error = refused(event_type, path, value);
        assert!(matches!(error, SampleError::Moved { .. }), "{path}: {error:?}");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_field_that_is_not_there_is_refused_and_the_nearest_named() {
    for (path, expected) in [
        ("amout", "`payment_intent` has no field `amout` (in `amout`): did you mean `amount`?"),
        ("zzz", "`payment_intent` has no field `zzz` (in `zzz`)"),
        ("", "`payment_intent` has no field `` (in ``)"),
        ("Amount", "`payment_intent` has no field `Amount` (in `Amount`): did you mean `amount`?"),
    ] {
        assert_eq!(refused(PAYMENT, path, "5").to_string(), expected);
    }
    let nested = refused(PAYMENT, "shipping.adress.city", "Ulm").to_string();
    assert!(nested.contains("`adress` (in `shipping.adress.city`): did you mean `address`?"), "{nested}");
    for path in ["amount.x", "currency.x", "customer..email", ".amount", "amount.", "shipping.name.first"] {
        assert!(matches!(refused(PAYMENT, path, "5"), SampleError::UnknownField { .. }), "{path}");
    }
}

#[test]
fn a_missing_field_is_not_blamed_on_an_object_that_has_it() {
    for path in ["shipping.amount", "shipping.currency"] {
        let message = refused(PAYMENT, path, "5").to_string();
        assert!(!message.contains("`payment_intent` has no field"), "{message}");
    }
}

#[test]
fn a_setting_that_is_refused_changes_nothing() {
    let mut sample = Sample::new(PAYMENT, 1).unwrap();
    let before = object_of(sample.clone());
    for (path, value) in [
        ("amount", "x"),
        ("shipping.adress", "x"),
        ("customer.emial", "x"),
        ("payment_method_types.1.x", "x"),
    ] {
        assert!(sample.set(path, value).is_err(), "{path}");
        assert_eq!(object_of(sample.clone()), before, "after `{path}`");
    }
}
