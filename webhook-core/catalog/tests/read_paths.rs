//! Where Stripe's API has an object.

use webhook_catalog::{Shape, object, objects, read_path, snapshot_types};

/// Checked by hand against Stripe's API reference.
#[test]
fn an_object_is_read_where_stripes_reference_says() {
    for (object, path) in [
        ("account", "/v1/accounts/the-id"),
        ("application_fee", "/v1/application_fees/the-id"),
        ("balance", "/v1/balance"),
        ("balance_settings", "/v1/balance_settings"),
        ("balance_transaction", "/v1/balance_transactions/the-id"),
        ("bank_account", "/v1/accounts/the-account/external_accounts/the-id"),
        ("billing.meter", "/v1/billing/meters/the-id"),
        ("billing_portal.configuration", "/v1/billing_portal/configurations/the-id"),
        ("capability", "/v1/accounts/the-account/capabilities/the-id"),
        ("card", "/v1/accounts/the-account/external_accounts/the-id"),
        ("cash_balance", "/v1/customers/the-customer/cash_balance"),
        ("charge", "/v1/charges/the-id"),
        ("checkout.session", "/v1/checkout/sessions/the-id"),
        ("climate.order", "/v1/climate/orders/the-id"),
        ("coupon", "/v1/coupons/the-id"),
        ("credit_note", "/v1/credit_notes/the-id"),
        ("customer", "/v1/customers/the-id"),
        ("customer_balance_transaction", "/v1/customers/the-customer/balance_transactions/the-id"),
        ("customer_cash_balance_transaction", "/v1/customers/the-customer/cash_balance_transactions/the-id"),
        ("dispute", "/v1/disputes/the-id"),
        ("fee_refund", "/v1/application_fees/the-fee/refunds/the-id"),
        ("file", "/v1/files/the-id"),
        ("financial_connections.account", "/v1/financial_connections/accounts/the-id"),
        ("identity.verification_session", "/v1/identity/verification_sessions/the-id"),
        ("invoice", "/v1/invoices/the-id"),
        ("invoiceitem", "/v1/invoiceitems/the-id"),
        ("issuing.authorization", "/v1/issuing/authorizations/the-id"),
        ("issuing.card", "/v1/issuing/cards/the-id"),
        ("issuing.transaction", "/v1/issuing/transactions/the-id"),
        ("mandate", "/v1/mandates/the-id"),
        ("payment_intent", "/v1/payment_intents/the-id"),
        ("payment_method", "/v1/payment_methods/the-id"),
        ("payout", "/v1/payouts/the-id"),
        ("person", "/v1/accounts/the-account/persons/the-id"),
        ("plan", "/v1/plans/the-id"),
        ("price", "/v1/prices/the-id"),
        ("product", "/v1/products/the-id"),
        ("promotion_code", "/v1/promotion_codes/the-id"),
        ("quote", "/v1/quotes/the-id"),
        ("radar.early_fraud_warning", "/v1/radar/early_fraud_warnings/the-id"),
        ("refund", "/v1/refunds/the-id"),
        ("reporting.report_run", "/v1/reporting/report_runs/the-id"),
        ("review", "/v1/reviews/the-id"),
        ("scheduled_query_run", "/v1/sigma/scheduled_query_runs/the-id"),
        ("setup_intent", "/v1/setup_intents/the-id"),
        ("source", "/v1/sources/the-id"),
        ("subscription", "/v1/subscriptions/the-id"),
        ("subscription_item", "/v1/subscription_items/the-id"),
        ("subscription_schedule", "/v1/subscription_schedules/the-id"),
        ("tax.settings", "/v1/tax/settings"),
        ("tax_id", "/v1/tax_ids/the-id"),
        ("tax_rate", "/v1/tax_rates/the-id"),
        ("terminal.reader", "/v1/terminal/readers/the-id"),
        ("test_helpers.test_clock", "/v1/test_helpers/test_clocks/the-id"),
        ("topup", "/v1/topups/the-id"),
        ("transfer", "/v1/transfers/the-id"),
        ("transfer_reversal", "/v1/transfers/the-transfer/reversals/the-id"),
        ("treasury.financial_account", "/v1/treasury/financial_accounts/the-id"),
        ("treasury.received_credit", "/v1/treasury/received_credits/the-id"),
    ] {
        let read = read_path(object).unwrap_or_else(|| panic!("nothing reads {object}"));
        assert_eq!(read.with(|field| Some(format!("the-{field}"))).as_deref(), Some(path), "{object}");
    }
}

#[test]
fn every_carried_object_is_read_apart_from_those_that_no_call_reads() {
    let carried = snapshot_types().iter().flat_map(|known| &known.objects);
    let mut without: Vec<_> = carried.copied().filter(|name| read_path(name).is_none()).collect();
    without.sort_unstable();
    without.dedup();
    assert_eq!(
        without,
        [
            "application",
            "billing.alert_triggered",
            "billing_portal.session",
            "discount",
            "entitlements.active_entitlement_summary",
            "financial_connections.authorization",
            "reserve.hold",
            "reserve.plan",
            "reserve.release",
            "source_mandate_notification",
            "source_transaction",
        ]
    );
    for name in ["deleted_customer", "v2.core.account", "list", "nothing", "#", ""] {
        assert_eq!(read_path(name), None, "{name}");
    }
}

#[test]
fn a_path_needs_only_ids_that_the_object_has() {
    let mut count = 0;
    for name in objects() {
        let (Some(read), Some(object)) = (read_path(name), object(name)) else { continue };
        count += 1;
        for needed in read.fields() {
            let field = object.fields.iter().find(|field| field.name == needed);
            let field = field.unwrap_or_else(|| panic!("{name} has no {needed}"));
            assert!(matches!(field.shape, Shape::String | Shape::Expandable(_)), "{name}.{needed}");
        }
        let path = read.with(|field| Some(format!("the-{field}"))).expect("all are given");
        assert!(path.starts_with("/v1/") && !path.contains(['{', '}', ' ', '?', '#']), "{path}");
        assert!(path.split('/').skip(1).all(|segment| !segment.is_empty()), "{path}");
        assert_eq!(read.with(|_| None::<&str>).is_some(), read.fields().is_empty(), "{name}");
        let is_only_one = ["balance", "balance_settings", "tax.settings"].contains(&name);
        assert_eq!(read.fields().is_empty(), is_only_one, "{name}");
    }
    let listed = include_str!("../src/paths.txt").lines().skip(1).count();
    assert_eq!(count, listed, "each is the path of an object");
}

#[test]
fn of_several_paths_that_is_taken_of_which_the_ids_are_known() {
    let card = read_path("card").unwrap();
    assert_eq!(card.fields(), ["account", "id", "customer"]);
    for (known, path) in [
        (&["id", "account"][..], Some("/v1/accounts/x/external_accounts/x")),
        (&["id", "customer"], Some("/v1/customers/x/sources/x")),
        (&["id"], None),
        (&["account", "customer"], None),
    ] {
        assert_eq!(card.with(|field| known.contains(&field).then_some("x")).as_deref(), path, "{known:?}");
    }
}

#[test]
fn an_id_stays_one_segment_whatever_it_contains() {
    for (id, segment) in [
        ("price_1", "price_1"),
        ("Gold plan", "Gold%20plan"),
        ("../x", "..%2Fx"),
        ("a/b", "a%2Fb"),
        ("a\\b", "a%5Cb"),
        ("..\\..", "..%5C.."),
        ("%2e%2e", "%252e%252e"),
        ("...", "..."),
        ("a?expand[]=b#c", "a%3Fexpand%5B%5D%3Db%23c"),
        ("x\r\nHost: y", "x%0D%0AHost%3A%20y"),
        ("\0", "%00"),
        ("größe-~._", "gr%C3%B6%C3%9Fe-~._"),
        ("{id}", "%7Bid%7D"),
    ] {
        let path = read_path("plan").unwrap().with(|_| Some(id)).unwrap();
        assert_eq!(path, format!("/v1/plans/{segment}"));
        let reversal = read_path("transfer_reversal").unwrap().with(|_| Some(id)).unwrap();
        assert_eq!(reversal, format!("/v1/transfers/{segment}/reversals/{segment}"));
    }
    for id in ["", ".", ".."] {
        assert_eq!(read_path("plan").unwrap().with(|_| Some(id)), None, "{id:?}");
        let of_parent = |field: &str| Some(if field == "id" { "trr_1" } else { id });
        assert_eq!(read_path("transfer_reversal").unwrap().with(of_parent), None, "{id:?}");
    }
}
