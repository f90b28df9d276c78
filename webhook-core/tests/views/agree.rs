//! Handlers whose payload agrees with their events compile and are registered.

use webhook_core::{Event, Registry, StripeObject, Subscription, on_event};

#[derive(Debug, StripeObject)]
#[stripe(object = "dispute")]
struct Dispute {
    #[expect(dead_code, reason = "nothing runs here")]
    id: String,
}

#[derive(Debug, StripeObject)]
#[stripe(object = "charge")]
struct Charge {
    #[expect(dead_code, reason = "nothing runs here")]
    id: String,
}

#[derive(Debug, StripeObject)]
#[stripe(object = "refund")]
struct Refund {
    #[expect(dead_code, reason = "nothing runs here")]
    id: String,
}

#[derive(Debug, StripeObject)]
#[expect(dead_code, reason = "nothing runs here")]
enum AnyOfThem {
    Charge(Charge),
    Dispute(Dispute),
    Refund(Refund),
}

#[derive(Debug, StripeObject)]
#[stripe(object = "card")]
struct Card<Name> {
    #[expect(dead_code, reason = "nothing runs here")]
    name: Option<Name>,
}

type Disputed = Event<Dispute>;

#[on_event("charge.dispute.*")]
async fn a_pattern_of_one_object(_event: Disputed) {}

#[on_event("charge.refund.updated", "refund.created")]
async fn a_list_of_one_object(_event: Event<Refund>) {}

#[on_event("charge.*")]
async fn a_pattern_of_several_objects(_event: Event<AnyOfThem>) {}

#[on_event("customer.source.*")]
async fn one_alternative_of_a_union(_event: Event<Card<String>>) {}

#[on_event("charge.succeeded", "payout.paid")]
async fn untyped(_event: Event) {}

#[derive(Debug, StripeObject)]
#[stripe(transparent)]
struct Number<T>(T);

#[derive(Debug, StripeObject)]
#[stripe(object = "invoice")]
struct Upcoming<T> {
    #[expect(dead_code, reason = "nothing runs here")]
    id: Number<Option<String>>,
    #[stripe(path = "id")]
    #[expect(dead_code, reason = "nothing runs here")]
    untyped: serde_json::Value,
    #[stripe(path = "id")]
    #[expect(dead_code, reason = "nothing runs here")]
    generic: Box<Option<T>>,
}

/// The invoice has no id yet, and the view does without one.
#[on_event("invoice.*")]
async fn an_upcoming_invoice_among_others(_event: Event<Upcoming<String>>) {}

#[test]
fn handlers_that_agree_are_registered_with_what_they_read() {
    let registry = Registry::linked();
    for (name, types, payload, fields) in [
        ("a_pattern_of_one_object", 5, "views::agree::Dispute", &["id"][..]),
        ("a_list_of_one_object", 2, "views::agree::Refund", &["id"]),
        ("a_pattern_of_several_objects", 13, "views::agree::AnyOfThem", &[]),
        ("one_alternative_of_a_union", 4, "views::agree::Card<alloc::string::String>", &["name"]),
        (
            "an_upcoming_invoice_among_others",
            17,
            "views::agree::Upcoming<alloc::string::String>",
            &["id", "id", "id"],
        ),
        ("untyped", 2, "serde_json::value::Value", &[]),
    ] {
        let id = format!("views::agree::{name}");
        let handler = registry.get(&id).unwrap();
        let Subscription::Types(taken) = handler.takes else { panic!("{name} names types") };
        let needs = handler.needs();
        assert_eq!((taken.len(), needs.payload, needs.fields), (types, Some(payload), fields), "{name}");
    }
}
