//! How a handler's arguments are made, and what they need.

use std::sync::Arc;

use serde_json::Value;
use webhook_core::{
    Context, DecodeError, Event, Extract, HandlerError, Invocation, Requirements, State, StateType, States,
    Unchecked, Verdict,
};

use crate::support::{envelope_of, poll_once, run_of};

#[derive(Clone, Debug, PartialEq)]
struct Orders(u8);

#[derive(Clone, Debug, PartialEq)]
struct Mail;

/// An application's own argument, which starts from those there are.
#[derive(Debug, PartialEq)]
struct Order(String);

impl Extract for Order {
    async fn extract(invocation: &Invocation) -> Result<Self, HandlerError> {
        let State(Orders(shop)) = State::extract(invocation).await?;
        let event = Event::<Value>::extract(invocation).await?;
        Ok(Self(format!("{shop}-{}", event.object["id"].as_str().unwrap_or("none"))))
    }

    fn needs(needs: &mut Requirements) {
        State::<Orders>::needs(needs);
    }
}

fn invocation(states: States) -> Invocation {
    let envelope = envelope_of(r#"{"id":"ch_1"}"#);
    Invocation::new(Arc::clone(&envelope), Arc::new(states), Context::new(envelope, run_of("shop::paid")))
}

fn states() -> States {
    let mut states = States::default();
    states.insert(Orders(1));
    states
}

fn needs_of<T: Extract>() -> Requirements {
    let mut needs = Requirements::default();
    T::needs(&mut needs);
    needs
}

#[test]
fn each_argument_is_taken_from_the_run() {
    let invocation = invocation(states());
    assert_eq!(poll_once(Event::<Value>::extract(&invocation)).unwrap().object["id"], "ch_1");
    assert_eq!(poll_once(State::<Orders>::extract(&invocation)).unwrap().0, Orders(1));
    assert_eq!(poll_once(Context::extract(&invocation)).unwrap().handler(), "shop::paid");
    assert_eq!(poll_once(Order::extract(&invocation)).unwrap(), Order("1-ch_1".to_owned()));
}

#[test]
fn an_object_that_does_not_decode_parks_the_event_with_the_place() {
    let error = poll_once(Event::<Unchecked<Vec<u8>>>::extract(&invocation(states()))).unwrap_err();
    assert_eq!(error.verdict(), Verdict::Park, "trying again would not change the object");
    let cause: &DecodeError = error.cause().downcast_ref().unwrap();
    assert!(cause.to_string().starts_with("the object does not fit `alloc::vec::Vec<u8>` at `.`"), "{cause}");
}

#[test]
fn state_that_is_not_there_parks_the_event_and_names_the_type() {
    let error = poll_once(State::<Mail>::extract(&invocation(states()))).unwrap_err();
    assert_eq!(error.verdict(), Verdict::Park);
    assert_eq!(
        error.cause().to_string(),
        "the application has no state of type `api::extract::Mail`, which the extractor's `needs` does not add"
    );
    assert!(
        poll_once(Order::extract(&invocation(States::default()))).is_err(),
        "also within another argument"
    );
}

#[test]
fn arguments_say_what_they_need() {
    assert_eq!(needs_of::<Context>(), Requirements::default());
    assert_eq!(needs_of::<State<Mail>>().states, [StateType::of::<Mail>()]);
    assert_eq!(needs_of::<Order>().states, [StateType::of::<Orders>()]);
    assert_eq!(
        needs_of::<Event<Unchecked<Vec<u8>>>>().payload,
        Some("webhook_core::payload::Unchecked<alloc::vec::Vec<u8>>")
    );
    assert_eq!(needs_of::<Event>().payload, Some("serde_json::value::Value"));
}

#[test]
fn state_holds_one_value_of_each_type() {
    let mut states = states();
    assert!(states.insert(Mail), "the first of its type");
    assert!(!states.insert(Orders(2)), "the second");
    assert!(states.holds(StateType::of::<Orders>()) && states.holds(StateType::of::<Mail>()));
    assert!(!states.holds(StateType::of::<Arc<Orders>>()), "another type, though it holds the same");
    let last = poll_once(State::<Orders>::extract(&invocation(states))).unwrap();
    assert_eq!(last.0, Orders(2), "the last one counts");
}

#[test]
fn types_of_state_are_equal_if_they_are_the_same() {
    assert_eq!(StateType::of::<Mail>(), StateType::of::<Mail>());
    assert_ne!(StateType::of::<Mail>(), StateType::of::<Orders>());
    assert_eq!(StateType::of::<Mail>().name(), "api::extract::Mail");
    assert_eq!(format!("{:?}", StateType::of::<Mail>()), "api::extract::Mail");
}
