//! The data of thin events, which they have when they are fetched.

use webhook_catalog::{
    Catalog, Field, Shape, field_named, find, object, objects, read_path, snapshot_types, thin_types,
    versions,
};

/// The shape of a field, through lists, arrays and nested objects.
fn shape(event: &str, path: &str) -> Option<Shape> {
    let mut shape = Shape::Nested(object(event)?.fields.clone());
    for step in path.split('.') {
        while let Shape::Array(inner) = shape {
            shape = *inner;
        }
        let Shape::Nested(fields) = shape else { return None };
        shape = fields.into_iter().find(|field| field.name == step)?.shape;
    }
    Some(shape)
}

/// Read from the declarations by eye. Of an enum, one value.
#[test]
fn the_fourteen_types_with_data_have_what_stripe_declares() {
    let one_of = |value| Shape::Enum(vec![value]);
    let checks = [
        ("v1.billing.meter.error_report_triggered", "developer_message_summary", Shape::String),
        ("v1.billing.meter.error_report_triggered", "validation_start", Shape::DateTime),
        ("v1.billing.meter.error_report_triggered", "reason.error_count", Shape::Integer),
        ("v1.billing.meter.error_report_triggered", "reason.error_types.code", one_of("no_meter")),
        ("v1.billing.meter.no_meter_found", "validation_end", Shape::DateTime),
        (
            "v1.billing.meter.no_meter_found",
            "reason.error_types.sample_errors.request.identifier",
            Shape::String,
        ),
        ("v1.invoice.upcoming", "customer", Shape::String),
        ("v1.invoice.upcoming", "subscription", Shape::String),
        (
            "v2.core.account[configuration.customer].capability_status_updated",
            "updated_capability",
            one_of("automatic_indirect_tax"),
        ),
        (
            "v2.core.account[configuration.merchant].capability_status_updated",
            "updated_capability",
            one_of("card_payments"),
        ),
        (
            "v2.core.account[configuration.recipient].capability_status_updated",
            "updated_capability",
            one_of("bank_accounts.wire"),
        ),
        ("v2.core.account_link.returned", "account_id", Shape::String),
        ("v2.core.account_link.returned", "use_case", one_of("account_onboarding")),
        ("v2.core.account_person.created", "account_id", Shape::String),
        ("v2.core.account_person.deleted", "account_id", Shape::String),
        ("v2.core.account_person.updated", "account_id", Shape::String),
        ("v2.money_management.inbound_transfer.available", "transaction_id", Shape::String),
        ("v2.money_management.received_credit.available", "transaction_id", Shape::String),
        ("v2.money_management.transaction.created", "v1_id", Shape::String),
        ("v2.money_management.transaction.updated", "treasury_transaction", Shape::String),
    ];
    for (event, path, expected) in &checks {
        let found = shape(event, path).unwrap_or_else(|| panic!("{event} has no {path}"));
        let is_right = match expected {
            Shape::Enum(value) => has(&found, value[0]),
            expected => found == *expected,
        };
        assert!(is_right, "{event}: {path} is {found}");
    }
    let mut named: Vec<_> = checks.iter().map(|(event, ..)| *event).collect();
    named.dedup();
    let with_data: Vec<_> = thin_types().iter().filter(|known| known.data).map(|known| known.name).collect();
    assert_eq!((with_data.len(), with_data), (14, named));
}

fn has(shape: &Shape, value: &str) -> bool {
    matches!(shape, Shape::Enum(values) if values.contains(&value))
}

#[test]
fn what_may_be_absent_is_what_stripe_declares_so() {
    let optional = |event: &str| -> Vec<_> {
        let fields = &object(event).unwrap().fields;
        fields.iter().filter(|field| field.optional).map(|field| field.name).collect()
    };
    assert_eq!(optional("v1.invoice.upcoming"), ["subscription"]);
    assert_eq!(optional("v2.money_management.transaction.created"), ["treasury_transaction", "v1_id"]);
    assert!(optional("v1.billing.meter.no_meter_found").is_empty());
}

#[test]
fn every_version_describes_the_data_of_its_thin_types_and_no_other() {
    let described = versions().map(|version| {
        let catalog = version.catalog().unwrap();
        for known in catalog.thin_types().iter().chain(catalog.snapshot_types()) {
            let data = catalog.object(known.name);
            assert_eq!(data.is_some(), known.data, "{version}: {}", known.name);
            assert!(data.is_none_or(|data| !data.fields.is_empty()), "{version}: {}", known.name);
        }
        (version.release(), catalog.thin_types().iter().filter(|known| known.data).count())
    });
    let expected = [
        ("2023-08-16", 0),
        ("2023-10-16", 0),
        ("2024-04-10", 0),
        ("2024-06-20", 0),
        ("acacia", 2),
        ("basil", 2),
        ("clover", 9),
        ("dahlia", 9),
        ("endive", 14),
    ];
    assert_eq!(described.collect::<Vec<_>>(), expected);
}

#[test]
fn several_versions_together_have_the_data_of_each() {
    let all: &'static Catalog = Box::leak(Box::new(Catalog::together(&versions().collect::<Vec<_>>())));
    for known in all.thin_types() {
        assert_eq!(all.object(known.name).is_some(), known.data, "{}", known.name);
    }
    let of = |catalog: &'static Catalog, name: &str| -> Vec<Field> {
        catalog.object(name).unwrap().fields.clone()
    };
    for name in ["v1.billing.meter.error_report_triggered", "v1.invoice.upcoming"] {
        assert_eq!(
            of(all, name),
            of(Catalog::enabled(), name),
            "versions that lack it do not make it optional"
        );
    }
}

/// The older version names the values that it lacks.
#[test]
fn the_data_of_an_older_version_lacks_newer_values() {
    let has = |version: &str, value: &str| {
        let version = versions().find(|known| known.release() == version).unwrap();
        let event = "v2.core.account[configuration.merchant].capability_status_updated";
        let fields = &version.catalog().unwrap().object(event).unwrap().fields;
        has(&fields[0].shape, value)
    };
    for (version, sequra, sunbit, card) in
        [("clover", false, false, true), ("dahlia", false, true, true), ("endive", true, true, true)]
    {
        let found = ["sequra_payments", "sunbit_payments", "card_payments"]
            .map(|capability| has(version, capability));
        assert_eq!(found, [sequra, sunbit, card], "{version}");
    }
}

#[test]
fn data_is_not_taken_for_an_object() {
    for version in versions() {
        let catalog = version.catalog().unwrap();
        assert!(catalog.objects().all(|name| catalog.find(name).is_none()), "{version}");
    }
    assert!(objects().all(|name| object(name).unwrap().fields.iter().any(|field| field.name == "object")));
    for known in thin_types().iter().filter(|known| known.data) {
        assert_eq!(read_path(known.name), None);
        assert_eq!(find(known.name).map(|found| found.name), Some(known.name));
        let mut carrying = snapshot_types().iter().chain(thin_types());
        assert!(carrying.all(|event| !event.objects.contains(&known.name)), "{}", known.name);
    }
}

/// So that an error can name them: a key that is not one of these may be personal data.
#[test]
fn the_fields_of_data_are_known_by_name() {
    for name in ["developer_message_summary", "sample_errors", "updated_capability"] {
        assert_eq!(field_named(name).map(|known| (known.name, known.is_a_map)), Some((name, false)));
    }
}
