//! Parameters as Stripe's API reads them in a query and in the body of a `/v1/` call: `a[b]=c` for what is nested, `a[0]=x` for
//! what is listed.

use form_urlencoded::byte_serialize;
use serde_json::Value;

/// Encodes the fields of an object. `null` and what is empty become an empty text, which unsets a field. What is not an object
/// has no fields.
pub(super) fn encode(fields: &Value) -> String {
    let mut form = String::new();
    if let Value::Object(fields) = fields {
        for (name, value) in fields {
            add(&mut form, &escaped(name), value);
        }
    }
    form
}

fn add(form: &mut String, name: &str, value: &Value) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                add(form, &format!("{name}[{}]", escaped(key)), value);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, value) in items.iter().enumerate() {
                add(form, &format!("{name}[{index}]"), value);
            }
        }
        value => {
            if !form.is_empty() {
                form.push('&');
            }
            form.push_str(name);
            form.push('=');
            form.push_str(&match value {
                Value::String(text) => escaped(text),
                Value::Bool(_) | Value::Number(_) => escaped(&value.to_string()),
                Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
            });
        }
    }
}

fn escaped(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_written_as_stripe_reads_it() {
        for (fields, expected) in [
            (json!({}), ""),
            (json!({ "limit": 100, "delivery_success": false }), "delivery_success=false&limit=100"),
            (
                json!({ "types": ["charge.failed", "payout.paid"] }),
                "types[0]=charge.failed&types[1]=payout.paid",
            ),
            (json!({ "created": { "gte": 1_790_000_000 } }), "created[gte]=1790000000"),
            (json!({ "metadata": { "managed_by": "webhook:shop" } }), "metadata[managed_by]=webhook%3Ashop"),
            (json!({ "metadata": { "a b[]&=": "é+ " } }), "metadata[a+b%5B%5D%26%3D]=%C3%A9%2B+"),
            (json!({ "a": [{ "b": 1 }, { "b": 2 }] }), "a[0][b]=1&a[1][b]=2"),
            (json!({ "description": null, "metadata": {}, "types": [] }), "description=&metadata=&types="),
        ] {
            assert_eq!(encode(&fields), expected);
        }
    }

    /// A text, or a list or a map of such, as far as the form can tell them apart.
    fn field() -> impl Strategy<Value = Value> {
        let leaf = any::<String>().prop_map(Value::String);
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(Value::Array),
                // A key of digits alone would be a place in a list.
                prop::collection::btree_map("[a-z][ -~é]{0,6}", inner, 1..4)
                    .prop_map(|map| { Value::Object(map.into_iter().collect()) }),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_fake_reads_what_is_written(fields in prop::collection::btree_map("[a-z][a-z_]{0,8}", field(), 0..5)) {
            let fields = Value::Object(fields.into_iter().collect());
            prop_assert_eq!(fake_stripe::decode_form(encode(&fields).as_bytes()), Some(fields));
        }
    }
}
