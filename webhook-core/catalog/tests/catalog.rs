//! The checked-in catalog can be read completely, and the special cases of Stripe's naming are right.

use std::collections::BTreeSet;

use webhook_catalog::{
    Field, Kind, Mismatch, Shape, expand, find, nearest, newest, object, objects, snapshot_types, thin_types,
};

#[test]
fn every_type_is_there_once_and_in_order() {
    assert_eq!((snapshot_types().len(), thin_types().len()), (275, 326));
    for types in [snapshot_types(), thin_types()] {
        assert!(types.windows(2).all(|pair| pair[0].name < pair[1].name));
    }
    assert_eq!(newest().name(), "2026-10-28.endive");
}

#[test]
fn thin_types_carry_what_stripe_says() {
    let count =
        |holds: fn(&webhook_catalog::EventType) -> bool| thin_types().iter().filter(|t| holds(t)).count();
    assert_eq!(count(|thin| !thin.objects.is_empty() && !thin.singleton), 306);
    assert_eq!(count(|thin| thin.singleton), 7);
    assert_eq!(count(|thin| thin.objects.is_empty()), 13);
    assert_eq!(count(|thin| thin.data), 14);
    assert_eq!(count(|thin| thin.name.contains('[')), 10);
    let twins = thin_types().iter().filter_map(|thin| find(thin.name.strip_prefix("v1.")?));
    assert_eq!(twins.filter(|twin| twin.kind == Kind::Snapshot).count(), 216);
}

#[test]
fn events_carry_the_object_that_stripe_sends() {
    for (event, carried) in [
        ("payment_intent.succeeded", &["payment_intent"][..]),
        ("charge.dispute.created", &["dispute"]),
        ("charge.refund.updated", &["refund"]),
        ("application_fee.refund.updated", &["fee_refund"]),
        ("customer.subscription.deleted", &["subscription"]),
        ("customer.discount.created", &["discount"]),
        ("customer.tax_id.created", &["tax_id"]),
        ("account.application.authorized", &["application"]),
        ("issuing_authorization.request", &["issuing.authorization"]),
        ("sigma.scheduled_query_run.created", &["scheduled_query_run"]),
        ("billing.alert.triggered", &["billing.alert_triggered"]),
        ("source.mandate_notification", &["source_mandate_notification"]),
        ("source.transaction.created", &["source_transaction"]),
        ("account.external_account.updated", &["bank_account", "card"]),
        ("customer.source.expiring", &["account", "bank_account", "card", "source"]),
    ] {
        assert_eq!(find(event).unwrap().objects, carried, "{event}");
    }
    let unions: Vec<_> = snapshot_types().iter().filter(|known| known.objects.len() > 1).collect();
    assert_eq!(unions.len(), 7);
}

#[test]
fn every_carried_object_is_described_and_refers_only_to_described_ones() {
    let carried: BTreeSet<_> = snapshot_types().iter().flat_map(|known| &known.objects).copied().collect();
    for name in &carried {
        assert!(object(name).is_some(), "{name} is not described");
    }
    for name in objects() {
        let object = object(name).unwrap();
        assert!(object.fields.iter().any(|field| field.name == "object"), "{name} has no `object`");
        each_field(&object.fields, &mut |field| {
            for target in targets(&field.shape) {
                assert!(crate::object(target).is_some(), "{name}.{} refers to {target}", field.name);
            }
        });
    }
}

#[test]
fn objects_without_an_id_are_known() {
    let without: Vec<_> = snapshot_types()
        .iter()
        .flat_map(|known| &known.objects)
        .filter(|name| object(name).unwrap().fields.iter().all(|field| field.name != "id" || field.optional))
        .copied()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    for name in [
        "balance",
        "balance_settings",
        "billing.alert_triggered",
        "cash_balance",
        "entitlements.active_entitlement_summary",
        "tax.settings",
    ] {
        assert!(without.contains(&name), "{name} has an id: {without:?}");
    }
}

#[test]
fn fields_say_what_stripe_sends() {
    for (owner, path, optional, nullable, shape) in [
        ("payment_intent", "amount", false, false, Shape::Integer),
        (
            "payment_intent",
            "customer",
            false,
            true,
            Shape::Expandable(Box::new(Shape::Object(vec!["customer", "deleted_customer"]))),
        ),
        ("payment_intent", "canceled_at", false, true, Shape::Timestamp),
        ("payment_intent", "metadata", false, false, Shape::Map(Box::new(Shape::String))),
        ("payment_intent", "amount_details.tip.amount", true, false, Shape::Integer),
        (
            "payment_intent",
            "last_payment_error.payment_method",
            true,
            false,
            Shape::Object(vec!["payment_method"]),
        ),
        ("charge", "refunded", false, false, Shape::Boolean),
        ("tax_rate", "percentage", false, false, Shape::Float),
        ("price", "unit_amount_decimal", false, true, Shape::Decimal),
        ("deleted_customer", "deleted", false, false, Shape::Literal("true")),
        (
            "subscription",
            "items",
            false,
            false,
            Shape::List(Box::new(Shape::Object(vec!["subscription_item"]))),
        ),
    ] {
        let mut fields = &object(owner).unwrap().fields;
        let mut found = None;
        for step in path.split('.') {
            let field =
                fields.iter().find(|field| field.name == step).unwrap_or_else(|| panic!("{owner}.{path}"));
            if let Shape::Nested(nested) = &field.shape {
                fields = nested;
            }
            found = Some(field);
        }
        let found = found.unwrap();
        assert_eq!(
            (found.optional, found.nullable, &found.shape),
            (optional, nullable, &shape),
            "{owner}.{path}"
        );
    }
}

#[test]
fn a_name_stands_for_types_or_says_what_was_meant() {
    let unknown = |near: &[&'static str]| Err(Mismatch::Unknown(near.to_vec()));
    for (written, expected) in [
        ("payment_intent.succeded", unknown(&["payment_intent.succeeded"])),
        ("subscription.deleted", unknown(&["customer.subscription.deleted"])),
        (
            "v1.treasury.credit_reversal.created",
            Err(Mismatch::ThinMissing("treasury.credit_reversal.created")),
        ),
        ("nothing like it", unknown(&[])),
        ("v1.payment_intent.succeeded", Ok(1)),
        ("v1.charge.dispute.*", Ok(5)),
        ("v2.core.account[requirements].*", Ok(1)),
        ("v1.charge.disputes.*", Err(Mismatch::NoMatch(vec!["v1.charge.dispute.*".to_owned()]))),
        ("v1.charge.dispute", Err(Mismatch::Group)),
        ("v1.payment_intent.suceeded", unknown(&["v1.payment_intent.succeeded"])),
        ("price.activated", Err(Mismatch::SnapshotMissing("v1.price.activated"))),
        ("*", Err(Mismatch::MalformedPattern)),
        ("charge.*.created", Err(Mismatch::MalformedPattern)),
        ("charge.dispute*", Err(Mismatch::MalformedPattern)),
        (".*", Err(Mismatch::MalformedPattern)),
        ("charge.disputes.*", Err(Mismatch::NoMatch(vec!["charge.dispute.*".to_owned()]))),
        ("topup.succeeded", Ok(1)),
        ("charge.dispute.*", Ok(5)),
    ] {
        assert_eq!(expand(written).map(|types| types.len()), expected, "{written}");
    }
}

#[test]
fn nearest_is_empty_rather_than_far_fetched() {
    assert_eq!(nearest("amout", ["amount", "currency"]), ["amount"]);
    assert!(nearest("xyz", ["amount", "currency"]).is_empty());
}

fn each_field(fields: &[Field], visit: &mut impl FnMut(&Field)) {
    for field in fields {
        visit(field);
        let mut shape = &field.shape;
        while let Shape::Array(inner) | Shape::Expandable(inner) | Shape::List(inner) | Shape::Map(inner) =
            shape
        {
            shape = inner;
        }
        if let Shape::Nested(nested) = shape {
            each_field(nested, visit);
        }
    }
}

fn targets(shape: &Shape) -> &[&'static str] {
    match shape {
        Shape::Array(inner) | Shape::Expandable(inner) | Shape::List(inner) | Shape::Map(inner) => {
            targets(inner)
        }
        Shape::Object(names) => names,
        _ => &[],
    }
}
