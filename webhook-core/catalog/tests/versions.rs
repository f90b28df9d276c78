//! Every API version can be read completely, and what is known of Stripe's great moves is right in each.

use std::collections::BTreeSet;

use webhook_catalog::{
    Catalog, Field, Kind, Mismatch, Shape, Version, enabled, expand, newest, span, versions,
};

fn version(name: &str) -> Version {
    Version::named(name).expect("there is such a version")
}

fn catalog(name: &str) -> &'static Catalog {
    version(name).catalog().expect("its texts are compiled in")
}

/// Whether the version has a field at a path of an object, through lists and references.
fn has(version: &str, object: &str, path: &str) -> bool {
    fn inner(shape: &Shape, catalog: &'static Catalog) -> Vec<Field> {
        match shape {
            Shape::Array(of) | Shape::Expandable(of) | Shape::List(of) => inner(of, catalog),
            Shape::Nested(fields) => fields.clone(),
            Shape::Object(names) => catalog.object(names[0]).expect("it is described").fields.clone(),
            _ => Vec::new(),
        }
    }
    let catalog = catalog(version);
    let mut fields = catalog.object(object).expect("it is described").fields.clone();
    path.split('.').all(|step| {
        let Some(field) = fields.iter().find(|field| field.name == step).cloned() else { return false };
        fields = inner(&field.shape, catalog);
        true
    })
}

#[test]
fn every_version_has_the_events_that_stripes_package_names() {
    let counts =
        versions().map(|version| (version.name(), version.catalog().unwrap().snapshot_types().len()));
    assert_eq!(
        counts.collect::<Vec<_>>(),
        [
            ("2023-08-16", 225),
            ("2023-10-16", 234),
            ("2024-04-10", 233),
            ("2024-06-20", 237),
            ("2025-02-24.acacia", 239),
            ("2025-08-27.basil", 249),
            ("2026-02-25.clover", 260),
            ("2026-08-26.dahlia", 265),
            ("2026-10-28.endive", 275),
        ]
    );
}

#[test]
fn every_event_of_every_version_carries_described_objects_which_refer_to_described_ones() {
    fn targets(shape: &Shape, found: &mut BTreeSet<&'static str>) {
        match shape {
            Shape::Array(of) | Shape::Expandable(of) | Shape::List(of) | Shape::Map(of) => targets(of, found),
            Shape::Nested(fields) => fields.iter().for_each(|field| targets(&field.shape, found)),
            Shape::Object(names) => found.extend(names),
            _ => {}
        }
    }
    for version in versions() {
        let catalog = version.catalog().unwrap();
        for known in catalog.snapshot_types() {
            // Stripe's package does not describe the objects of the oldest ones.
            let is_described =
                !["order.", "recipient.", "sku."].iter().any(|group| known.name.starts_with(group));
            assert_eq!(!known.objects.is_empty(), is_described, "{version}: {}", known.name);
            for name in &known.objects {
                assert!(catalog.object(name).is_some(), "{version}: {} carries {name}", known.name);
            }
        }
        for name in catalog.objects() {
            let object = catalog.object(name).unwrap();
            assert!(object.fields.iter().any(|field| field.name == "object"), "{version}: {name}");
            let mut found = BTreeSet::new();
            targets(&Shape::Nested(object.fields.clone()), &mut found);
            for target in found {
                assert!(catalog.object(target).is_some(), "{version}: {name} refers to {target}");
            }
        }
    }
}

#[test]
fn the_great_moves_are_between_the_right_versions() {
    for (object, field, last, to, first) in [
        ("invoice", "subscription", "acacia", "parent.subscription_details.subscription", "basil"),
        ("invoice", "quote", "acacia", "parent.quote_details.quote", "basil"),
        ("invoice", "charge", "acacia", "payments", "basil"),
        ("invoice", "tax", "acacia", "total_taxes", "basil"),
        ("subscription", "current_period_end", "acacia", "items.current_period_end", "basil"),
        ("subscription", "discount", "acacia", "id", "2023-08-16"),
        ("payment_intent", "invoice", "acacia", "latest_charge", "2023-08-16"),
        ("charge", "invoice", "acacia", "id", "2023-08-16"),
        ("credit_note", "refund", "acacia", "refunds", "basil"),
        (
            "checkout.session",
            "shipping_details",
            "acacia",
            "collected_information.shipping_details",
            "acacia",
        ),
        ("discount", "coupon", "basil", "source.coupon", "clover"),
        ("promotion_code", "coupon", "basil", "promotion.coupon", "clover"),
        ("product", "features", "2023-10-16", "marketing_features", "2024-04-10"),
        ("invoice", "rendering_options", "2023-10-16", "rendering", "2023-08-16"),
    ] {
        for version in versions() {
            let (name, is_old, is_new) =
                (version.name(), version <= self::version(last), version >= self::version(first));
            assert_eq!(has(name, object, field), is_old, "{name}: {object}.{field}");
            assert_eq!(has(name, object, to), is_new, "{name}: {object}.{to}");
        }
    }
}

#[test]
fn a_version_is_found_by_what_an_event_says() {
    for (text, found) in [
        ("2025-05-28.basil", Some("2025-08-27.basil")),
        ("2025-03-31.basil", Some("2025-08-27.basil")),
        ("2024-09-30.acacia", Some("2025-02-24.acacia")),
        ("2024-06-20", Some("2024-06-20")),
        ("2024-06-21", None),
        ("2022-11-15", None),
        ("2027-03-01.fuchsia", None),
        ("2025-03-01.dashboard", None),
        ("basil", Some("2025-08-27.basil")),
        ("", None),
    ] {
        assert_eq!(Version::of(text).map(Version::name), found, "{text}");
    }
    for (text, found) in
        [("api-basil", "2025-08-27.basil"), ("acacia", "2025-02-24.acacia"), ("2023-10-16", "2023-10-16")]
    {
        assert_eq!(Version::named(text).map(Version::name), Some(found));
    }
    assert_eq!((enabled(), newest().feature()), (&[version("endive")][..], "api-endive"));
}

#[test]
fn versions_are_named_together() {
    let of = |names: &[&str]| span(&names.iter().map(|name| version(name)).collect::<Vec<_>>());
    assert_eq!(of(&["basil"]), "2025-08-27.basil");
    assert_eq!(of(&["dahlia", "endive"]), "2026-08-26.dahlia and later");
    assert_eq!(of(&["acacia", "basil"]), "2025-02-24.acacia and 2025-08-27.basil");
    assert_eq!(of(&["2023-08-16", "2023-10-16", "2024-04-10"]), "2023-08-16 to 2024-04-10");
    assert_eq!(of(&["2023-08-16", "endive"]), "2023-08-16, 2026-10-28.endive");
}

#[test]
fn an_event_type_of_other_versions_is_refused_with_their_names() {
    let mut seen = 0;
    for other in versions() {
        for known in other.catalog().unwrap().snapshot_types() {
            let is_here =
                newest().catalog().unwrap().find(known.name).is_some_and(|it| it.kind == Kind::Snapshot);
            match expand(known.name) {
                Ok(_) => assert!(is_here, "{} is not in the newest version", known.name),
                Err(Mismatch::OnlyIn(versions)) => {
                    assert!(!is_here && versions.contains(&other), "{}: {versions:?}", known.name);
                    seen += 1;
                }
                Err(mismatch) => panic!("{}: {mismatch:?}", known.name),
            }
        }
    }
    assert!(seen > 0, "some types have gone");
}

#[test]
fn a_pattern_for_types_of_other_versions_is_refused_with_their_names() {
    for (pattern, found) in
        [("sku.*", ["2023-08-16", "2023-10-16"]), ("recipient.*", ["2023-08-16", "2023-10-16"])]
    {
        let Err(Mismatch::OnlyIn(versions)) = expand(pattern) else { panic!("{:?}", expand(pattern)) };
        assert_eq!(versions.iter().map(|version| version.name()).collect::<Vec<_>>(), found);
    }
    assert_eq!(expand("sku").unwrap_err(), Mismatch::Group);
    assert!(matches!(expand("skuu.*"), Err(Mismatch::NoMatch(_))));
}

#[test]
fn where_a_field_was_in_a_version_is_found_by_its_present_path() {
    for (name, object, path, found) in [
        ("acacia", "invoice", "parent.subscription_details.subscription", Some("subscription")),
        // Of the fields that went there, the one of the same name.
        ("acacia", "line_item", "pricing.price_details.price", Some("price")),
        ("acacia", "invoiceitem", "pricing.unit_amount_decimal", Some("unit_amount_decimal")),
        ("basil", "discount", "source.coupon", Some("coupon")),
        ("basil", "invoice", "parent.subscription_details.subscription", None),
        ("acacia", "invoice", "customer", None),
    ] {
        let catalog = version(name).catalog().unwrap();
        assert_eq!(catalog.before(object, path), found, "{name}: {object}.{path}");
    }
}
