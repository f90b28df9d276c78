//! Ready-made objects: each decodes the sample of every event that carries it, whatever Stripe omits or adds.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use webhook_core::catalog::{self, Field, Shape};
use webhook_core::{DecodeError, FromStripe, Json, Sample, objects, shape};

objects! {
    pub mod stripe {
        account,
        application,
        application_fee,
        apps.install,
        balance,
        balance_settings,
        bank_account,
        billing.alert_triggered,
        billing.credit_balance_transaction,
        billing.credit_grant,
        billing.meter,
        billing_portal.configuration,
        billing_portal.session,
        capability,
        card,
        cash_balance,
        charge,
        checkout.session,
        climate.order,
        climate.product,
        coupon,
        credit_note,
        customer,
        customer_cash_balance_transaction,
        discount,
        dispute,
        entitlements.active_entitlement_summary,
        fee_refund,
        file,
        financial_connections.account,
        financial_connections.authorization,
        identity.verification_session,
        invoice,
        invoice_payment,
        invoiceitem,
        issuing.authorization,
        issuing.card,
        issuing.cardholder,
        issuing.dispute,
        issuing.personalization_design,
        issuing.token,
        issuing.transaction,
        mandate,
        payment_intent,
        payment_link,
        payment_method,
        payout,
        person,
        plan,
        price,
        product,
        promotion_code,
        quote,
        radar.early_fraud_warning,
        refund,
        reporting.report_run,
        reporting.report_type,
        reserve.hold,
        reserve.plan,
        reserve.release,
        review,
        scheduled_query_run,
        setup_intent,
        source,
        source_mandate_notification,
        source_transaction,
        subscription,
        subscription_schedule,
        tax.settings,
        tax_id,
        tax_rate,
        terminal.reader,
        test_helpers.test_clock,
        three_d_secure.authentication,
        topup,
        transfer,
        treasury.credit_reversal,
        treasury.debit_reversal,
        treasury.financial_account,
        treasury.inbound_transfer,
        treasury.outbound_payment,
        treasury.outbound_transfer,
        treasury.received_credit,
        treasury.received_debit,
    }
}

type Decode = fn(&Value) -> Result<(), DecodeError>;

fn decode<T: FromStripe<shape::Object>>(object: &Value) -> Result<(), DecodeError> {
    T::read(Json::new(&object.to_string())).map(drop)
}

/// Each object that an event carries, with its ready-made type.
fn ready_made() -> Vec<(&'static str, Decode)> {
    vec![
        ("account", decode::<stripe::Account>),
        ("application", decode::<stripe::Application>),
        ("application_fee", decode::<stripe::ApplicationFee>),
        ("apps.install", decode::<stripe::AppsInstall>),
        ("balance", decode::<stripe::Balance>),
        ("balance_settings", decode::<stripe::BalanceSettings>),
        ("bank_account", decode::<stripe::BankAccount>),
        ("billing.alert_triggered", decode::<stripe::BillingAlertTriggered>),
        ("billing.credit_balance_transaction", decode::<stripe::BillingCreditBalanceTransaction>),
        ("billing.credit_grant", decode::<stripe::BillingCreditGrant>),
        ("billing.meter", decode::<stripe::BillingMeter>),
        ("billing_portal.configuration", decode::<stripe::BillingPortalConfiguration>),
        ("billing_portal.session", decode::<stripe::BillingPortalSession>),
        ("capability", decode::<stripe::Capability>),
        ("card", decode::<stripe::Card>),
        ("cash_balance", decode::<stripe::CashBalance>),
        ("charge", decode::<stripe::Charge>),
        ("checkout.session", decode::<stripe::CheckoutSession>),
        ("climate.order", decode::<stripe::ClimateOrder>),
        ("climate.product", decode::<stripe::ClimateProduct>),
        ("coupon", decode::<stripe::Coupon>),
        ("credit_note", decode::<stripe::CreditNote>),
        ("customer", decode::<stripe::Customer>),
        ("customer_cash_balance_transaction", decode::<stripe::CustomerCashBalanceTransaction>),
        ("discount", decode::<stripe::Discount>),
        ("dispute", decode::<stripe::Dispute>),
        ("entitlements.active_entitlement_summary", decode::<stripe::EntitlementsActiveEntitlementSummary>),
        ("fee_refund", decode::<stripe::FeeRefund>),
        ("file", decode::<stripe::File>),
        ("financial_connections.account", decode::<stripe::FinancialConnectionsAccount>),
        ("financial_connections.authorization", decode::<stripe::FinancialConnectionsAuthorization>),
        ("identity.verification_session", decode::<stripe::IdentityVerificationSession>),
        ("invoice", decode::<stripe::Invoice>),
        ("invoice_payment", decode::<stripe::InvoicePayment>),
        ("invoiceitem", decode::<stripe::Invoiceitem>),
        ("issuing.authorization", decode::<stripe::IssuingAuthorization>),
        ("issuing.card", decode::<stripe::IssuingCard>),
        ("issuing.cardholder", decode::<stripe::IssuingCardholder>),
        ("issuing.dispute", decode::<stripe::IssuingDispute>),
        ("issuing.personalization_design", decode::<stripe::IssuingPersonalizationDesign>),
        ("issuing.token", decode::<stripe::IssuingToken>),
        ("issuing.transaction", decode::<stripe::IssuingTransaction>),
        ("mandate", decode::<stripe::Mandate>),
        ("payment_intent", decode::<stripe::PaymentIntent>),
        ("payment_link", decode::<stripe::PaymentLink>),
        ("payment_method", decode::<stripe::PaymentMethod>),
        ("payout", decode::<stripe::Payout>),
        ("person", decode::<stripe::Person>),
        ("plan", decode::<stripe::Plan>),
        ("price", decode::<stripe::Price>),
        ("product", decode::<stripe::Product>),
        ("promotion_code", decode::<stripe::PromotionCode>),
        ("quote", decode::<stripe::Quote>),
        ("radar.early_fraud_warning", decode::<stripe::RadarEarlyFraudWarning>),
        ("refund", decode::<stripe::Refund>),
        ("reporting.report_run", decode::<stripe::ReportingReportRun>),
        ("reporting.report_type", decode::<stripe::ReportingReportType>),
        ("reserve.hold", decode::<stripe::ReserveHold>),
        ("reserve.plan", decode::<stripe::ReservePlan>),
        ("reserve.release", decode::<stripe::ReserveRelease>),
        ("review", decode::<stripe::Review>),
        ("scheduled_query_run", decode::<stripe::ScheduledQueryRun>),
        ("setup_intent", decode::<stripe::SetupIntent>),
        ("source", decode::<stripe::Source>),
        ("source_mandate_notification", decode::<stripe::SourceMandateNotification>),
        ("source_transaction", decode::<stripe::SourceTransaction>),
        ("subscription", decode::<stripe::Subscription>),
        ("subscription_schedule", decode::<stripe::SubscriptionSchedule>),
        ("tax.settings", decode::<stripe::TaxSettings>),
        ("tax_id", decode::<stripe::TaxId>),
        ("tax_rate", decode::<stripe::TaxRate>),
        ("terminal.reader", decode::<stripe::TerminalReader>),
        ("test_helpers.test_clock", decode::<stripe::TestHelpersTestClock>),
        ("three_d_secure.authentication", decode::<stripe::ThreeDSecureAuthentication>),
        ("topup", decode::<stripe::Topup>),
        ("transfer", decode::<stripe::Transfer>),
        ("treasury.credit_reversal", decode::<stripe::TreasuryCreditReversal>),
        ("treasury.debit_reversal", decode::<stripe::TreasuryDebitReversal>),
        ("treasury.financial_account", decode::<stripe::TreasuryFinancialAccount>),
        ("treasury.inbound_transfer", decode::<stripe::TreasuryInboundTransfer>),
        ("treasury.outbound_payment", decode::<stripe::TreasuryOutboundPayment>),
        ("treasury.outbound_transfer", decode::<stripe::TreasuryOutboundTransfer>),
        ("treasury.received_credit", decode::<stripe::TreasuryReceivedCredit>),
        ("treasury.received_debit", decode::<stripe::TreasuryReceivedDebit>),
    ]
}

/// A change to the fields of an object, at every level of it.
type Change = fn(&mut Map<String, Value>, &[Field]);

const CHANGES: [(&str, Change); 6] = [
    ("as it is made", |_, _| {}),
    ("every optional field absent", |object, fields| {
        object.retain(|name, _| fields.iter().any(|field| field.name == name && !field.optional));
    }),
    ("every optional and nullable field present", |object, fields| {
        for field in fields {
            object.insert(field.name.to_owned(), value(&field.shape, 0));
        }
    }),
    ("every nullable field null", |object, fields| {
        for field in fields.iter().filter(|field| field.nullable) {
            object.insert(field.name.to_owned(), Value::Null);
        }
    }),
    ("an unknown value in every enum", |object, fields| {
        for field in fields {
            match &field.shape {
                Shape::Enum(_) => object.insert(field.name.to_owned(), json!("brand_new")),
                Shape::Array(inner) if matches!(**inner, Shape::Enum(_)) => {
                    object.insert(field.name.to_owned(), json!(["brand_new"]))
                }
                _ => None,
            };
        }
    }),
    ("unknown fields at every level", |object, _| {
        object.insert("brand_new".to_owned(), json!({"a": [1, null, {"b": 1e300}]}));
    }),
];

#[test]
fn the_list_is_complete() {
    let carried: BTreeSet<_> =
        catalog::snapshot_types().iter().flat_map(|known| known.objects.clone()).collect();
    let listed: BTreeSet<_> = ready_made().into_iter().map(|(name, _)| name).collect();
    assert_eq!(listed, carried);
    assert_eq!(listed.len(), 84);
}

#[test]
fn every_object_decodes_from_every_event_that_carries_it() {
    let mut decoded = 0;
    for (name, decode) in ready_made() {
        for known in catalog::snapshot_types().iter().filter(|known| known.objects.contains(&name)) {
            // A handler of such an event with a ready-made type does not compile.
            if known.lacks().next().is_some() {
                continue;
            }
            let mut sample = Sample::new(known.name, 1).unwrap();
            if known.objects.len() > 1 {
                sample.set("object", name).unwrap();
            }
            let event: Value = serde_json::from_slice(&sample.body(1_700_000_000)).unwrap();
            for (what, change) in CHANGES {
                let mut object = event["data"]["object"].clone();
                apply(&mut object, &Shape::Object(vec![name]), change, 0);
                let result = decode(&object);
                assert!(result.is_ok(), "{} with {what}: {}", known.name, result.unwrap_err());
                decoded += 1;
            }
        }
    }
    assert!(decoded >= 274 * CHANGES.len(), "{decoded}");
}

#[test]
fn a_field_that_must_be_there_is_missed_and_named() {
    for (name, decode) in ready_made() {
        let whole = value(&Shape::Object(vec![name]), 0);
        assert!(decode(&whole).is_ok(), "{name}");
        for field in &catalog::object(name).unwrap().fields {
            let mut object = whole.clone();
            object.as_object_mut().unwrap().remove(field.name);
            let missing = decode(&object);
            if field.optional || field.nullable {
                assert!(missing.is_ok(), "{name}.{}", field.name);
                continue;
            }
            let is_array = matches!(field.shape, Shape::Array(_));
            object[field.name] = if is_array { json!("4242") } else { json!([["4242"]]) };
            let wrong = decode(&object);
            // Untyped JSON reads anything, even an absent field, and so does a reference to an object that is not named above.
            if matches!(field.shape, Shape::Any | Shape::Object(_)) {
                continue;
            }
            assert_eq!(missing.unwrap_err().to_string(), format!("`{}` is missing", field.name), "{name}");
            if !matches!(field.shape, Shape::Expandable(_)) {
                let error = wrong.expect_err(field.name);
                assert!(error.path().starts_with(field.name), "{name}: {error}");
                assert!(!format!("{error}{error:?}").contains("4242"), "{name}: {error:?}");
            }
        }
    }
}

/// Applies a change to an object and to all objects in it that the catalog describes in its place.
fn apply(value: &mut Value, shape: &Shape, change: Change, depth: usize) {
    match (shape, value) {
        (Shape::Array(inner), Value::Array(values)) => {
            values.iter_mut().for_each(|value| apply(value, inner, change, depth));
        }
        (Shape::List(inner), Value::Object(list)) => {
            if let Some(Value::Array(values)) = list.get_mut("data") {
                values.iter_mut().for_each(|value| apply(value, inner, change, depth));
            }
        }
        (Shape::Map(inner), Value::Object(entries)) => {
            entries.values_mut().for_each(|value| apply(value, inner, change, depth));
        }
        (Shape::Expandable(inner), value @ Value::Object(_)) => apply(value, inner, change, depth),
        (Shape::Nested(fields), Value::Object(object)) => apply_fields(object, fields, change, depth),
        (Shape::Object(names), Value::Object(object)) => {
            let name = object.get("object").and_then(Value::as_str).unwrap_or(names[0]);
            let fields = catalog::object(name).map_or(&[][..], |object| &object.fields);
            apply_fields(object, fields, change, depth);
        }
        _ => {}
    }
}

fn apply_fields(object: &mut Map<String, Value>, fields: &[Field], change: Change, depth: usize) {
    change(object, fields);
    if depth < 8 {
        for field in fields {
            if let Some(value) = object.get_mut(field.name) {
                apply(value, &field.shape, change, depth + 1);
            }
        }
    }
}

/// A complete value of a shape, except for deeply nested parts.
fn value(shape: &Shape, depth: usize) -> Value {
    match shape {
        Shape::Any | Shape::Map(_) => json!({}),
        Shape::Array(inner) if depth < 3 => json!([value(inner, depth + 1)]),
        Shape::Array(_) => json!([]),
        Shape::Boolean => json!(true),
        Shape::Enum(values) => json!(values[0]),
        Shape::Expandable(_) => json!("id_1"),
        Shape::Float | Shape::Integer | Shape::Timestamp => json!(1),
        Shape::IntegerText | Shape::Decimal => json!("1"),
        Shape::List(_) => json!({"object": "list", "data": [], "has_more": false, "url": "/"}),
        Shape::Literal(text) => serde_json::from_str(text).expect("a literal is JSON"),
        Shape::Nested(fields) => object(fields, depth + 1),
        Shape::Object(names) => {
            object(&catalog::object(names[0]).expect("it is described").fields, depth + 1)
        }
        _ => json!("text"),
    }
}

fn object(fields: &[Field], depth: usize) -> Value {
    let needed = fields.iter().filter(|field| depth < 4 || !(field.optional || field.nullable));
    needed.map(|field| (field.name.to_owned(), value(&field.shape, depth))).collect::<Map<_, _>>().into()
}
