//! Explanations of every object and event type, and of what API versions have otherwise.

use super::*;

#[test]
fn every_object_and_every_event_type_is_explained() {
    let types = catalog::snapshot_types().iter().map(|known| known.name);
    let with_data = catalog::thin_types().iter().filter(|known| known.data).map(|known| known.name);
    for name in catalog::objects().chain(types).chain(with_data) {
        let subject = Subject::find(Catalog::enabled(), name).unwrap_or_else(|_| panic!("{name}"));
        for part in Explained::of(&subject, 1).objects {
            assert!(!part.fields.is_empty(), "{name}");
            assert!(text(&subject, 1).contains(&format!("\n{}\n", part.object)), "{name}");
        }
    }
}

#[test]
fn the_data_of_a_thin_event_is_not_called_an_object_that_it_carries() {
    let of = |name| text(&Subject::find(Catalog::enabled(), name).unwrap_or_else(|_| panic!("{name}")), 1);
    let data = of("v1.billing.meter.error_report_triggered");
    assert!(
        data.starts_with("v1.billing.meter.error_report_triggered has data when it is fetched (API version ")
    );
    assert!(
        data.contains("\n    error_types: array of object\n      code: one of archived_meter, "),
        "{data}"
    );
    assert!(of("billing_portal.session.created").starts_with("billing_portal.session.created carries "));
}

fn version(name: &str) -> Version {
    Version::named(name).unwrap_or_else(|| panic!("{name}"))
}

#[test]
fn moves_are_earlier_or_later_than_the_version() {
    let told = |name| {
        let catalog = version(name).catalog().expect("it is compiled in");
        text(&Subject::find(catalog, "invoice").unwrap_or_else(|_| panic!("{name}")), 0)
    };
    let (acacia, endive) = (told("acacia"), told("endive"));
    let (earlier, later) = acacia.split_once("Changes in later API versions").expect("there are some");
    assert!(earlier.contains("`rendering_options`") && later.contains("`subscription` of `invoice` moved"));
    let (_, earlier) = endive.split_once("In earlier API versions").expect("there are some");
    assert!(earlier.contains("`subscription` of `invoice` moved") && !endive.contains("later"));
}

#[test]
fn versions_are_told_apart() {
    let both = Box::leak(Box::new(Catalog::together(&["acacia", "endive"].map(version))));
    let invoice = text(&Subject::find(both, "invoice").unwrap_or_else(|_| panic!("it is an object")), 0);
    for line in [
        "application_fee_amount?: integer | null  not in 2026-10-28.endive",
        "paid?: boolean  not in 2026-10-28.endive",
        "total_taxes?: array of object | null  not in 2025-02-24.acacia",
    ] {
        assert!(invoice.contains(&format!("\n  {line}\n")), "{line}: {invoice}");
    }
    let session = Subject::find(both, "checkout.session").unwrap_or_else(|_| panic!("it is an object"));
    assert!(text(&session, 0).contains("\n  client_secret: text | null\n"));
}

#[test]
fn what_only_other_versions_have_is_told_with_them() {
    let told = |name, written| match Subject::find(version(name).catalog().expect("it is there"), written) {
        Err(Failure::Failed(message)) => message,
        _ => panic!("{name} has {written}"),
    };
    for (name, written, message) in [
        (
            "acacia",
            "invoice.parent",
            "`parent` of `invoice` is only in API version 2025-08-27.basil and later",
        ),
        (
            "acacia",
            "discount.source",
            "`source` of `discount` is only in API version 2026-02-25.clover and later",
        ),
        ("acacia", "invoice_payment", "`invoice_payment` is only in API version 2025-08-27.basil and later"),
        (
            "acacia",
            "invoice_payment.invoice",
            "`invoice_payment` is only in API version 2025-08-27.basil and later",
        ),
        (
            "acacia",
            "invoice.overpaid",
            "`invoice.overpaid` is only in API version 2025-08-27.basil and later",
        ),
        (
            "endive",
            "invoice.subscription",
            "`subscription` of `invoice` moved to `parent.subscription_details.subscription` in 2025-03-31.basil",
        ),
        ("endive", "invoice.payd", "there is no event type `invoice.payd`: did you mean `invoice.paid`?"),
    ] {
        assert_eq!(told(name, written), message);
    }
}
