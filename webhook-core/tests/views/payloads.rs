//! Views as the payload of events: alone, in an enum, of former values, and in fixtures.

use serde_json::Value;
use webhook_core::{Event, List, Payload, StripeObject, Unchecked, fixture};

use crate::sample;

#[derive(Debug, StripeObject)]
#[stripe(object = "card")]
struct Card {
    last4: String,
}

#[derive(Debug, StripeObject)]
#[stripe(object = "bank_account")]
struct BankAccount {
    last4: String,
}

#[derive(Debug, StripeObject)]
enum Source {
    Card(Card),
    Bank(BankAccount),
}

#[test]
fn an_enum_takes_the_object_that_came() {
    let event: Event<Source> = sample("customer.source.created", &[("object", "card")]).event().unwrap();
    assert!(matches!(&event.object, Source::Card(card) if card.last4 == "4242"), "{:?}", event.object);
    let event: Event<Source> =
        sample("customer.source.created", &[("object", "bank_account")]).event().unwrap();
    assert!(matches!(&event.object, Source::Bank(bank) if bank.last4 == "6789"), "{:?}", event.object);
    let error = sample("customer.source.created", &[("object", "source")]).event::<Source>().unwrap_err();
    assert!(error.is_other_object());
    assert_eq!(error.to_string(), "the object is `source`, but the handler reads `card` or `bank_account`");
}

#[test]
fn one_alternative_alone_takes_only_its_object() {
    let taken: Event<Card> =
        sample("account.external_account.updated", &[("object", "card")]).event().unwrap();
    assert_eq!(taken.object.last4, "4242");
    let other = sample("account.external_account.updated", &[("object", "bank_account")]);
    assert!(other.event::<Card>().unwrap_err().is_other_object(), "though it has a `last4` as well");
}

#[test]
fn a_payload_says_what_it_reads() {
    assert_eq!(
        (<Source as Payload>::NAME, <Source as Payload>::OBJECTS),
        ("Source", &["card", "bank_account"][..])
    );
    assert_eq!((<Card as Payload>::OBJECTS, <Card as Payload>::FIELDS), (&["card"][..], &["last4"][..]));
    assert!(<Value as Payload>::OBJECTS.is_empty() && <Unchecked<Value> as Payload>::OBJECTS.is_empty());
}

#[derive(Debug, StripeObject)]
#[stripe(object = "charge", previous)]
struct Before {
    amount_refunded: Option<i64>,
    #[stripe(path = "metadata.order")]
    order: Option<String>,
    refunded: Option<bool>,
}

#[test]
fn former_values_are_partial() {
    use webhook_core::{Envelope, Secret, SignatureHeader, Tolerance, sign, verify};

    let with = |previous: &str| {
        let secret = [Secret::new("whsec_test_secret").unwrap()];
        let body = format!(
            r#"{{"id": "evt_1", "object": "event", "type": "charge.updated", "livemode": false,
                "data": {{"object": {{}} {previous}}}}}"#
        );
        let header = sign(&secret, 0, body.as_bytes());
        let header = SignatureHeader::parse(header.as_bytes()).unwrap();
        let verified = verify(&secret, &header, body, std::time::UNIX_EPOCH, Tolerance::DISABLED).unwrap();
        Event::<Value>::decode(std::sync::Arc::new(Envelope::parse(&verified).unwrap())).unwrap()
    };
    assert!(with("").previous::<Before>().unwrap().is_none());
    let event = with(
        r#", "previous_attributes": {"amount_refunded": 0, "metadata": {"order": null}, "refunded": null}"#,
    );
    let before = event.previous::<Before>().unwrap().unwrap();
    assert_eq!((before.amount_refunded, before.order, before.refunded), (Some(0), None, None));
    let error =
        with(r#", "previous_attributes": {"amount_refunded": "0"}"#).previous::<Before>().unwrap_err();
    assert_eq!(error.path(), "amount_refunded");
}

#[derive(Debug, StripeObject)]
#[stripe(object = "subscription")]
struct Subscription {
    items: List<Item>,
    customer: String,
    #[stripe(path = "metadata.order")]
    order: Option<String>,
    trial_end: Option<i64>,
    cancel_at_period_end: bool,
    status: String,
}

#[derive(Debug, StripeObject)]
#[stripe(object = "subscription_item")]
struct Item {
    quantity: Option<i64>,
}

#[test]
fn a_fixture_sets_every_kind_of_field() {
    let quantity = 3_i64;
    let order = String::from("o_1");
    let sample = fixture!(
        "customer.subscription.created",
        "items.data.0.quantity" = quantity,
        "items.data.1.quantity" = 4,
        customer = "cus_7",
        metadata.order = order,
        trial_end = null,
        cancel_at_period_end = true,
        status = "past_due",
        collection_method = serde_json::json!("send_invoice"),
    );
    let event: Event<Subscription> = sample.event().unwrap();
    let Subscription { items, customer, order, trial_end, cancel_at_period_end, status } = event.object;
    assert_eq!(items.data.iter().map(|item| item.quantity).collect::<Vec<_>>(), [Some(3), Some(4)]);
    assert_eq!((customer.as_str(), order.as_deref(), trial_end), ("cus_7", Some("o_1"), None));
    assert_eq!((cancel_at_period_end, status.as_str()), (true, "past_due"));
}

#[test]
fn fixtures_differ_from_one_another() {
    let make = || fixture!("charge.succeeded");
    assert_ne!(make().id(), make().id());
    let card = fixture!("customer.source.created", object = "card", last4 = "0005");
    assert_eq!(card.event::<Card>().unwrap().object.last4, "0005");
}

#[test]
#[should_panic(expected = "cannot make the fixture: `status` cannot be `flying`")]
fn a_value_that_only_the_run_decides_is_checked_in_the_run() {
    let status = String::from("flying");
    let _ = fixture!("payment_intent.succeeded", status = status);
}
