//! Parameters as Stripe's API reads them: `a[b]=c`, `a[0]=x`, `a[]=x`.

use serde_json::{Map, Value};

/// Reads a query or a form as an object of texts, lists and objects. `None` if it is not one, or if a name is given twice.
#[must_use]
pub fn decode_form(form: &[u8]) -> Option<Value> {
    let mut fields = Value::Object(Map::new());
    for pair in form.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let (name, value) = split(pair);
        // Brackets in a key are escaped, so names are split before they are unescaped.
        let (first, rest) = match name.iter().position(|byte| *byte == b'[') {
            Some(at) => (&name[..at], brackets(&name[at..])?),
            None => (name, Vec::new()),
        };
        let mut path = vec![unescaped(first)?];
        for part in rest {
            path.push(unescaped(part)?);
        }
        insert(&mut fields, &path, Value::String(unescaped(value)?))?;
    }
    Some(lists(fields))
}

/// The parameters of a text, or an object without any if it is not a form.
pub(crate) fn parameters(form: &str) -> Value {
    decode_form(form.as_bytes()).unwrap_or_else(|| Value::Object(Map::new()))
}

fn split(pair: &[u8]) -> (&[u8], &[u8]) {
    match pair.iter().position(|byte| *byte == b'=') {
        Some(at) => (&pair[..at], &pair[at + 1..]),
        None => (pair, &[]),
    }
}

/// What is in brackets: `[a][0]`.
fn brackets(mut text: &[u8]) -> Option<Vec<&[u8]>> {
    let mut parts = Vec::new();
    while !text.is_empty() {
        let end = text.iter().position(|byte| *byte == b']')?;
        parts.push(text.strip_prefix(b"[")?.get(..end - 1)?);
        text = &text[end + 1..];
    }
    Some(parts)
}

fn unescaped(text: &[u8]) -> Option<String> {
    let pair = [b"x=", text].concat();
    form_urlencoded::parse(&pair).next().map(|(_, value)| value.into_owned())
}

/// Puts a value where its path leads. Lists are objects with numbers as keys until [`lists`] makes lists of them.
fn insert(at: &mut Value, path: &[String], value: Value) -> Option<()> {
    let fields = at.as_object_mut()?;
    let (first, rest) = path.split_first()?;
    let key = if first.is_empty() { fields.len().to_string() } else { first.clone() };
    if rest.is_empty() {
        return fields.insert(key, value).is_none().then_some(());
    }
    insert(fields.entry(key).or_insert_with(|| Value::Object(Map::new())), rest, value)
}

/// Makes lists of the objects whose keys are the numbers from 0.
fn lists(value: Value) -> Value {
    let Value::Object(fields) = value else { return value };
    let is_list =
        !fields.is_empty() && (0..fields.len()).all(|index| fields.contains_key(&index.to_string()));
    if is_list {
        let mut items: Vec<(usize, Value)> =
            fields.into_iter().map(|(key, item)| (key.parse().unwrap_or_default(), lists(item))).collect();
        items.sort_by_key(|(index, _)| *index);
        return Value::Array(items.into_iter().map(|(_, item)| item).collect());
    }
    Value::Object(fields.into_iter().map(|(key, value)| (key, lists(value))).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_way_to_write_a_list_is_read() {
        for (form, fields) in [
            ("", json!({})),
            ("a=1&b=%26+x", json!({ "a": "1", "b": "& x" })),
            ("a[0]=x&a[1]=y", json!({ "a": ["x", "y"] })),
            ("a[]=x&a[]=y", json!({ "a": ["x", "y"] })),
            ("a[b][c]=1", json!({ "a": { "b": { "c": "1" } } })),
            ("a[b%5B%5D]=1", json!({ "a": { "b[]": "1" } })),
            ("a=", json!({ "a": "" })),
        ] {
            assert_eq!(decode_form(form.as_bytes()), Some(fields), "{form}");
        }
        for form in ["a=1&a=2", "a[=1", "a]b=1&a[b", "a=1&a[b]=2"] {
            assert!(decode_form(form.as_bytes()).is_none(), "{form}");
        }
    }
}
