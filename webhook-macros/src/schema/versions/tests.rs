//! Whatever changed between neighbouring versions is judged by one rule, with either version enabled, with both, and with those
//! around them.

use std::collections::BTreeMap;

use webhook_catalog::{Field, Shape, Version, versions};

use super::*;
use crate::schema::object_in;

/// What a version says about a field: whether it may be absent, whether it may be null, and its shape.
#[derive(Clone, Debug, PartialEq)]
struct Said {
    optional: bool,
    nullable: bool,
    shape: Shape,
}

/// The fields of an object and of what is nested in it, by path.
fn said(version: Version, object: &str) -> BTreeMap<String, Said> {
    fn add(fields: &[Field], (path, outer): (&str, (bool, bool)), all: &mut BTreeMap<String, Said>) {
        for field in fields {
            let path = if path.is_empty() { field.name.to_owned() } else { format!("{path}.{}", field.name) };
            let (optional, nullable) = (outer.0 || field.optional, outer.1 || field.nullable);
            if let Shape::Nested(inner) = &field.shape {
                add(inner, (&path, (optional, nullable)), all);
            }
            all.insert(path, Said { optional, nullable, shape: field.shape.clone() });
        }
    }
    let mut all = BTreeMap::new();
    if let Some(object) = version.catalog().and_then(|catalog| catalog.object(object)) {
        add(&object.fields, ("", (false, false)), &mut all);
    }
    all
}

/// The types that read a shape.
fn readers(shape: &Shape) -> Vec<String> {
    let inner =
        |of: &Shape, outer: &str| readers(of).iter().map(|reader| format!("{outer}<{reader}>")).collect();
    let mut all: Vec<String> = match shape {
        Shape::Array(of) => inner(of, "Vec"),
        Shape::List(of) => inner(of, "List"),
        Shape::Map(of) => inner(of, "Map"),
        Shape::Boolean | Shape::Literal("true" | "false") => vec!["bool".to_owned()],
        Shape::Enum(_) | Shape::Literal(_) => vec!["String".to_owned(), "StripeEnum".to_owned()],
        Shape::Expandable(_) => vec!["String".to_owned(), "Expandable".to_owned()],
        // A whole number is a number, too.
        Shape::Integer => vec!["i64".to_owned(), "f64".to_owned()],
        Shape::Float => vec!["f64".to_owned()],
        Shape::Timestamp => vec!["i64".to_owned(), "Timestamp".to_owned()],
        Shape::Nested(_) | Shape::Object(_) => vec!["View".to_owned()],
        Shape::Any => Vec::new(),
        _ => vec!["String".to_owned()],
    };
    all.push("Value".to_owned());
    all
}

/// Checks what the rule says about a field, with these versions enabled.
fn judge(set: &[Version], object: &str, path: &str, of: &BTreeMap<Version, BTreeMap<String, Said>>) {
    let enabled: &'static Catalog = Box::leak(Box::new(Catalog::together(set)));
    let Some(place) = object_in(enabled, enabled, object) else { return };
    let context = || format!("`{path}` of `{object}` in {}", span(set));
    let with_object: Vec<_> = set.iter().filter(|version| !of[version].is_empty()).collect();
    let here: Vec<&Said> = with_object.iter().filter_map(|version| of[version].get(path)).collect();
    let found = place.find(path);
    if !here.is_empty() {
        let found = found.unwrap_or_else(|message| panic!("{}: {message}", context()));
        let in_all = here.len() == with_object.len();
        assert_eq!(found.optional, !in_all || here.iter().any(|said| said.optional), "{}", context());
        // Where it is missing, what contains it may be null, too.
        let is_null = here.iter().any(|said| said.nullable);
        assert!(found.nullable == is_null || (found.nullable && !in_all), "{}", context());
        assert_eq!(found.added_in, None, "{}", context());
        for reader in readers(&found.shape) {
            // An id that is never expanded, and an object that always is, are both references.
            let is_reference =
                |said: &Said| matches!(said.shape, Shape::String | Shape::Nested(_) | Shape::Object(_));
            let reads = |said: &&Said| {
                readers(&said.shape).contains(&reader) || reader == "Expandable" && is_reference(said)
            };
            assert!(here.iter().all(reads), "{}: {reader} reads {:?}", context(), found.shape);
        }
        return;
    }
    let having: Vec<_> = versions().filter(|version| of[version].contains_key(path)).collect();
    match having.iter().find(|version| *version > with_object[0]) {
        Some(first) => match first.brought(object, path) {
            Some(_) => {
                let message = found.err().unwrap_or_else(|| panic!("{} is accepted", context()));
                assert!(message.contains(first.name()) && message.contains(first.feature()), "{message}");
            }
            None => {
                let found = found.unwrap_or_else(|message| panic!("{}: {message}", context()));
                assert_eq!((found.optional, found.added_in), (true, Some(*first)), "{}", context());
            }
        },
        None => {
            let message = found.err().unwrap_or_else(|| panic!("{} is accepted", context()));
            let last = having.last().expect("one of them has it");
            assert!(message.contains(last.feature()), "{}: {message}", context());
        }
    }
}

#[test]
fn every_change_between_versions_is_judged_by_the_rule() {
    let all: Vec<_> = versions().collect();
    let mut names: Vec<&str> = all.iter().flat_map(|version| version.catalog().unwrap().objects()).collect();
    names.sort_unstable();
    names.dedup();
    let (mut judged, mut passing) = (0, 0);
    for object in names {
        let of: BTreeMap<_, _> = all.iter().map(|version| (*version, said(*version, object))).collect();
        for pair in all.windows(2) {
            let (old, new) = (&of[&pair[0]], &of[&pair[1]]);
            let mut paths: Vec<_> = old.keys().chain(new.keys()).collect();
            paths.sort_unstable();
            paths.dedup();
            for path in paths.into_iter().filter(|path| old.get(*path) != new.get(*path)) {
                for set in [&pair[..1], &pair[1..], pair] {
                    judge(set, object, path, &of);
                }
                judged += 1;
            }
        }
        // What only the version in the middle has.
        for around in all.windows(3) {
            let [before, between, after] = [&of[&around[0]], &of[&around[1]], &of[&around[2]]];
            for path in
                between.keys().filter(|path| !before.contains_key(*path) && !after.contains_key(*path))
            {
                judge(&[around[0], around[2]], object, path, &of);
                passing += 1;
            }
        }
    }
    assert!(judged > 2000 && passing > 5, "{judged}, {passing}");
}

#[test]
fn a_field_that_took_another_ones_place_is_not_additive() {
    let version = |name| Version::named(name).unwrap();
    for (name, object, path, brought) in [
        ("basil", "invoice", "parent", true),
        ("basil", "invoice", "parent.subscription_details.subscription", true),
        ("basil", "invoice", "parent.type", true),
        ("basil", "invoice", "payments", true),
        ("clover", "discount", "source", true),
        ("2024-04-10", "product", "marketing_features", true),
        ("basil", "subscription", "billing_mode", false),
        ("acacia", "payment_intent", "last_payment_error.advice_code", false),
        ("dahlia", "invoice", "parent", false),
    ] {
        assert_eq!(version(name).brought(object, path).is_some(), brought, "{name}: {object}.{path}");
    }
}
