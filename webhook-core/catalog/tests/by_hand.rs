//! What is written by hand agrees with what is generated.

use std::collections::BTreeSet;

use webhook_catalog::{
    Field, Kind, Shape, awaited, awaited_types, deviations, expand, find, moved, moved_at, moved_to, moves,
    object, objects,
};

#[test]
fn a_deviation_is_about_a_field_that_the_events_object_has_and_says_something_new() {
    for deviation in deviations() {
        let event = find(deviation.event).unwrap_or_else(|| panic!("no event {}", deviation.event));
        for name in &event.objects {
            let object = object(name).unwrap();
            let field = object.fields.iter().find(|field| field.name == deviation.field);
            let field = field.unwrap_or_else(|| panic!("`{name}` has no `{}`", deviation.field));
            let may_be_missing = field.optional || field.nullable;
            assert_eq!(may_be_missing, deviation.is_sent, "{deviation:?} says what the type says");
        }
        assert!(deviation.source.starts_with("npm:") || deviation.source.starts_with("https://"));
    }
}

#[test]
fn an_event_has_its_object_as_it_carries_it() {
    let field = |event: &str, object: &str, field: &str| {
        let object = find(event).unwrap().object(object).unwrap().into_owned();
        object.fields.into_iter().find(|known| known.name == field)
    };
    assert_eq!(find("invoice.upcoming").unwrap().lacks().collect::<Vec<_>>(), ["id"]);
    assert_eq!(field("invoice.upcoming", "invoice", "id"), None);
    assert!(field("invoice.upcoming", "invoice", "customer").is_some());
    assert!(field("invoice.created", "invoice", "id").is_some());
    // Of another object than the event's own, nothing is missing.
    assert!(field("invoice.upcoming", "customer", "id").is_some());
    let pending = |event| field(event, "issuing.authorization", "pending_request").unwrap().nullable;
    assert_eq!(
        (pending("issuing_authorization.request"), pending("issuing_authorization.created")),
        (false, true)
    );
}

#[test]
fn a_move_leads_from_a_field_that_is_gone_to_one_that_is_there() {
    for known in moves() {
        assert!(holds(known.object, known.field).is_none(), "it has not moved: {known}");
        for to in &known.to {
            assert!(holds(known.object, to).is_some(), "it is not there: {known}");
        }
        assert!(!known.to.is_empty() || known.note.is_some(), "what to do instead? {known}");
        assert!(known.source.starts_with("https://"), "{known:?}");
        let (year, rest) = known.version.split_once('-').unwrap();
        assert!(year.len() == 4 && rest.len() >= 5, "{known:?}");
        assert_eq!(moved(known.object, known.field), Some(known), "listed twice");
    }
    assert!(moves().windows(2).all(|pair| pair[0].version <= pair[1].version), "the oldest first");
}

#[test]
fn a_note_of_a_move_names_what_there_is() {
    let values: BTreeSet<&str> = objects()
        .flat_map(|name| &object(name).unwrap().fields)
        .flat_map(|field| values_in(&field.shape))
        .collect();
    for known in moves() {
        for named in known.note.iter().flat_map(|note| note.split('`').skip(1).step_by(2)) {
            let is_known = holds(known.object, named).is_some()
                || object(named).is_some()
                || expand(named).is_ok()
                || values.contains(named);
            assert!(is_known, "there is no `{named}`: {known}");
        }
    }
}

#[test]
fn a_move_reads_as_a_sentence() {
    for (object, field, sentence) in [
        (
            "subscription",
            "current_period_end",
            "`current_period_end` of `subscription` moved to `items.data[].current_period_end` in 2025-03-31.basil",
        ),
        (
            "invoice",
            "subscription",
            "`subscription` of `invoice` moved to `parent.subscription_details.subscription` in 2025-03-31.basil",
        ),
        (
            "discount",
            "coupon",
            "`coupon` of `discount` moved to `source.coupon` in 2025-09-30.clover: it is an id",
        ),
        (
            "charge",
            "destination",
            "`destination` of `charge` moved to `transfer_data.destination` or `on_behalf_of` in 2023-08-16",
        ),
        (
            "invoice",
            "paid",
            "`paid` of `invoice` was removed in 2025-03-31.basil: compare `status` with `paid`",
        ),
    ] {
        assert_eq!(moved(object, field).unwrap().to_string(), sentence);
    }
}

#[test]
fn a_move_is_found_on_any_way_to_the_field() {
    for (object, path, found) in [
        ("subscription", "current_period_end", Some("current_period_end")),
        ("payment_intent", "charges.data[0].receipt_url", Some("charges")),
        ("invoice", "lines.data.0.price.id", Some("price")),
        ("invoice", "lines.data[0].price", Some("price")),
        ("invoice", "lines.price", Some("price")),
        ("invoice", "lines.data.price", Some("price")),
        ("subscription_schedule", "phases.0.coupon", Some("phases.coupon")),
        ("subscription_schedule", "phases[0].coupon", Some("phases.coupon")),
        ("customer", "discount.coupon.id", Some("coupon")),
        ("charge", "payment_intent.invoice", Some("invoice")),
        ("subscription", "items.data.0.price.recurring.aggregate_usage", Some("recurring.aggregate_usage")),
        // What is there, or never was, has not moved.
        ("subscription", "items.data.0.current_period_end", None),
        ("subscription", "items.current_period_start", None),
        ("subscription", "curent_period_end", None),
        ("invoice", "metadata.subscription", None),
        ("invoice", "customer.subscription", None),
        ("nothing", "subscription", None),
    ] {
        assert_eq!(moved_at(object, path).map(|known| known.field), found, "{object}.{path}");
    }
}

#[test]
fn where_a_field_came_from_is_found_by_its_present_path() {
    for (object, path, found) in [
        ("subscription", "items.data[0].current_period_end", Some("current_period_end")),
        ("invoice", "parent.subscription_details.subscription", Some("subscription")),
        ("invoice", "parent.subscription_details.metadata", Some("subscription_details")),
        ("invoice", "parent.quote_details.quote", Some("quote")),
        ("invoice", "lines.data[3].pricing.price_details.price", Some("price")),
        ("checkout.session", "collected_information.shipping_details.name", Some("shipping_details")),
        ("subscription", "items.data[0].price", None),
        ("charge", "amount", None),
        ("nothing", "parent", None),
    ] {
        assert_eq!(moved_to(object, path).map(|known| known.field), found, "{object}.{path}");
    }
}

/// What stands at a path of an object; `[]` goes into an element, and so does a step without it.
fn holds(name: &str, path: &str) -> Option<Shape> {
    let mut shape = Shape::Object(vec![objects().find(|known| *known == name)?]);
    for step in path.split('.') {
        let (step, into) = step.strip_suffix("[]").map_or((step, false), |step| (step, true));
        if let Shape::Array(inner) | Shape::Expandable(inner) = shape {
            shape = *inner;
        }
        let fields = match &shape {
            Shape::Nested(fields) => fields.clone(),
            Shape::Object(names) => object(names[0])?.fields.clone(),
            Shape::List(inner) => Field::of_list(inner),
            _ => return None,
        };
        shape = fields.into_iter().find(|field| field.name == step)?.shape;
        if into {
            let Shape::Array(inner) = shape else { return None };
            shape = *inner;
        }
    }
    Some(shape)
}

fn values_in(shape: &Shape) -> Vec<&'static str> {
    match shape {
        Shape::Enum(values) => values.clone(),
        Shape::Nested(fields) => fields.iter().flat_map(|field| values_in(&field.shape)).collect(),
        Shape::Array(inner) | Shape::Expandable(inner) | Shape::List(inner) | Shape::Map(inner) => {
            values_in(inner)
        }
        _ => Vec::new(),
    }
}

#[test]
fn stripe_waits_for_the_answer_to_snapshot_types_only() {
    let names: Vec<_> = awaited_types().iter().map(|awaited| awaited.event_type).collect();
    assert_eq!(names, ["checkout.session.completed", "issuing_authorization.request"]);
    for name in names {
        assert!(find(name).is_some_and(|known| known.kind == Kind::Snapshot), "{name}");
        let awaited = awaited(name).unwrap();
        assert!(awaited.source.starts_with("https://docs.stripe.com/"), "{name}");
    }
    assert_eq!(awaited("payment_intent.succeeded"), None);
}
