//! Views, an enum over them and ready-made objects, under strict lints.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unused_qualifications, unreachable_pub)]

use webhook_core::{Expandable, Sample, StripeEnum, StripeObject, objects};

objects! {
    pub(crate) mod stripe { payment_intent, checkout.session }
}

/// What is read of a card.
#[derive(Debug, StripeObject)]
#[stripe(object = "card")]
pub struct Card {
    /// The last digits.
    pub last4: String,
    /// Whose it is.
    pub customer: Option<Expandable>,
    /// How it is paid out to.
    pub available_payout_methods: Option<Vec<PayoutMethod>>,
}

/// What a card was.
#[derive(Debug, StripeObject)]
#[stripe(object = "card", previous)]
pub struct FormerCard {
    /// The last digits.
    pub last4: Option<String>,
}

/// What is read of a bank account.
#[derive(Debug, StripeObject)]
#[stripe(object = "bank_account")]
pub struct Bank {
    /// The last digits.
    pub last4: String,
}

/// The one or the other.
#[derive(Debug, StripeObject)]
pub enum Source {
    /// A card.
    Card(Card),
    /// A bank account.
    Bank(Bank),
}

/// How a card is paid out to.
#[derive(Debug, StripeEnum)]
#[stripe(object = "card", at = "available_payout_methods")]
pub enum PayoutMethod {
    /// At once.
    Instant,
    /// Some other way.
    Other(String),
}

fn main() {
    let mut sample = Sample::new("customer.source.created", 1).unwrap();
    sample.set("object", "card").unwrap();
    let event = sample.event::<Source>().unwrap();
    assert!(matches!(&event.object, Source::Card(card) if card.last4 == "4242"));
    let paid = Sample::new("payment_intent.succeeded", 1).unwrap().event::<stripe::PaymentIntent>().unwrap();
    assert_eq!(paid.object.amount, 2000);
}
