//! Metadata has one level: everything after `metadata.` in a path is the key.

use webhook_core::{Event, StripeObject, fixture};

#[derive(Debug, PartialEq, StripeObject)]
#[stripe(object = "payment_intent")]
struct Paid {
    #[stripe(path = "metadata.Order No.")]
    order: Option<String>,
    #[stripe(path = "metadata.a.b.c")]
    dotted: Option<String>,
    #[stripe(path = "metadata. {}")]
    odd: Option<String>,
    #[stripe(path = "metadata.a")]
    plain: Option<String>,
}

#[test]
fn a_key_with_dots_and_spaces_is_read_and_set() {
    let sample = fixture!(
        "payment_intent.succeeded",
        "metadata.Order No." = "37018189",
        "metadata.a.b.c" = "abc",
        "metadata. {}" = "odd"
    );
    let event: Event<Paid> = sample.event().unwrap();
    let text = |text: &str| Some(text.to_owned());
    let expected = Paid { order: text("37018189"), dotted: text("abc"), odd: text("odd"), plain: None };
    assert_eq!(event.object, expected);
    for (path, expected) in
        [("metadata.Order No.", "37018189"), ("metadata.a.b.c", "abc"), ("metadata. {}", "odd")]
    {
        assert_eq!(event.text_at(path).as_deref(), Some(expected), "{path}");
    }
}

/// A map of objects has two levels: a key contains no dot.
#[derive(StripeObject)]
#[stripe(object = "price")]
struct Price {
    #[stripe(path = "currency_options.eur.unit_amount")]
    euros: Option<i64>,
}

#[test]
fn what_a_map_of_objects_holds_is_reached_as_before() {
    let sample = fixture!("price.updated", "currency_options.eur.unit_amount" = 1500);
    assert_eq!(sample.event::<Price>().unwrap().object.euros, Some(1500));
}
