//! Reading is exact, and reads nothing else.

use proptest::prelude::*;
use serde_json::{Value, json};
use webhook_core::{Json, StripeObject};

use crate::read;

#[derive(Debug, PartialEq, StripeObject)]
#[stripe(object = "charge")]
struct Charge {
    id: String,
    amount: i64,
    paid: bool,
    description: Option<String>,
    metadata: Value,
}

const DEPTH: usize = 300_000;

#[test]
fn what_is_not_read_is_skipped_at_any_depth() {
    let deep = "[".repeat(DEPTH) + &"]".repeat(DEPTH);
    let json =
        format!(r#"{{"id": "ch_1", "x": {deep}, "amount": 1, "paid": true, "metadata": {{}}, "y": 1e999}}"#);
    assert_eq!(read::<Charge>(&json).unwrap().id, "ch_1");
    let error =
        read::<Charge>(&json.replace("\"metadata\": {}", &format!("\"metadata\": {deep}"))).unwrap_err();
    let expected = "the object is nested too deeply for the types that read it, at `metadata`";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_field_that_occurs_twice_is_an_error_only_where_it_is_read() {
    let once = r#"{"id": "ch_1", "amount": 1, "paid": true, "x": 1, "x": 2}"#;
    assert!(read::<Charge>(once).is_ok());
    let error = read::<Charge>(&once.replace("\"x\": 2", "\"amount\": 2")).unwrap_err();
    assert_eq!(error.to_string(), "`amount` occurs twice");
}

#[test]
fn what_is_no_object_is_refused() {
    for json in ["", "null", "5", "\"x\"", "[]", "[\"ch_1\", 1, true]", "{", "{}{}", "{\"id\"}", "nonsense"] {
        let error = read::<Charge>(json).unwrap_err();
        assert_eq!(error.to_string(), "`.` is not an object", "{json}");
    }
}

#[test]
fn an_error_names_the_place_and_never_the_value() {
    const VALUE: &str = "4242 jenny@example.com";
    for field in ["id", "amount", "paid", "description"] {
        let value = if field == "id" || field == "description" { json!([VALUE]) } else { json!(VALUE) };
        let mut object = json!({"id": "ch_1", "amount": 1, "paid": true});
        object[field] = value;
        let error = read::<Charge>(&object.to_string()).unwrap_err();
        assert_eq!(error.path(), field);
        assert!(!format!("{error} {error:?}").contains("4242"), "{error:?}");
    }
}

#[test]
fn keys_are_compared_as_text_not_as_written() {
    let json = r#"{"\u0069d": "ch_1", "am\u006funt": 1, "paid": true}"#;
    assert_eq!(read::<Charge>(json).unwrap().amount, 1);
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1000..1000).prop_map(|number| Value::from(f64::from(number) / 8.0)),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,5}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// What a view reads, told from the whole JSON.
fn model(object: &Value) -> Option<Charge> {
    let description = match &object["description"] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        _ => return None,
    };
    object.as_object()?;
    Some(Charge {
        id: object["id"].as_str()?.to_owned(),
        amount: object["amount"].as_i64()?,
        paid: object["paid"].as_bool()?,
        description,
        metadata: object["metadata"].clone(),
    })
}

proptest! {
    #[test]
    fn a_view_reads_what_the_whole_json_says(
        mut object in json_value(),
        fields in prop::collection::btree_map(
            prop::sample::select(vec!["id", "amount", "paid", "description", "metadata"]), json_value(), 0..6),
        good in any::<bool>(),
    ) {
        if let Value::Object(map) = &mut object {
            if good {
                map.extend([("id".to_owned(), json!("ch_1")), ("amount".to_owned(), json!(5)), ("paid".to_owned(), json!(true))]);
            }
            map.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
        prop_assert_eq!(read::<Charge>(&object.to_string()).ok(), model(&object));
        prop_assert_eq!(read::<Charge>(&format!("{object:#}")).ok(), model(&object), "white space changes nothing");
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*") {
        let _ = read::<Charge>(&text);
        let _ = Json::new(&text).decode::<i64>("a number");
    }
}
