//! The handlers that the attributes register in this program.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Deserialize;
use webhook_core::{
    Context, Event, HandlerError, Invocation, Outcome, Registration, Registry, State, StateType, States,
    Subscription, Unchecked, Verdict, catalog, on_event, on_unhandled,
};

use crate::support::{envelope_of, poll_once, run_of};

/// What the handlers below did.
type Log = Arc<Mutex<Vec<String>>>;

#[derive(Debug, Deserialize)]
struct Charge {
    amount: i64,
}

const PAID_LINE: u32 = line!() + 5;

/// Writes the amount down.
///
///   Indented, with a "quote".
#[on_event("charge.succeeded", "charge.captured", timeout = "1m 500ms")]
async fn paid(
    event: Event<Unchecked<Charge>>,
    State(log): State<Log>,
    context: Context,
) -> Result<(), HandlerError> {
    let Unchecked(Charge { amount }) = event.object;
    if amount < 0 {
        return Err(HandlerError::skip("a negative amount"));
    }
    log.lock().unwrap().push(format!("{amount} on {} by {}", event.id, context.handler()));
    Ok(())
}

#[on_event("charge.dispute.*", id = "shop.disputes")]
async fn dispute(event: Event) {
    assert!(event.object.is_object());
}

#[on_event("charge.succeeded")]
async fn also_paid() {}

#[on_unhandled]
async fn note(State(log): State<Log>) {
    log.lock().unwrap().push("unhandled".to_owned());
}

/// A handler can be anywhere a function can; its id says where.
mod inner {
    use webhook_core::on_event;

    /// Fails with an error of the standard library.
    #[on_event("payout.failed")]
    async fn fails() -> Result<(), std::num::ParseIntError> {
        "x".parse::<u8>().map(drop)
    }
}

fn find(id: &str) -> &'static Registration {
    let registry = Registry::linked();
    let found: Vec<_> =
        registry.registrations().iter().filter(|registration| registration.id == id).collect();
    let [registration] = found[..] else { panic!("{id} is linked {} times", found.len()) };
    registration
}

fn start(id: &str, object: &str, log: &Log) -> Outcome {
    let registration = find(id);
    let mut states = States::default();
    states.insert(Arc::clone(log));
    let envelope = envelope_of(object);
    let context = Context::new(Arc::clone(&envelope), run_of(registration.id));
    poll_once((registration.run)(Invocation::new(envelope, Arc::new(states), context))).map(drop)
}

#[test]
fn this_programs_handlers_and_no_others_are_linked_sorted_by_id() {
    let registry = Registry::linked();
    let ids: Vec<_> = registry.registrations().iter().map(|registration| registration.id).collect();
    assert_eq!(
        ids,
        [
            "api::linked::also_paid",
            "api::linked::inner::fails",
            "api::linked::note",
            "api::linked::paid",
            "shop.disputes"
        ]
    );
}

#[test]
fn a_registration_says_all_that_its_attribute_and_function_do() {
    let paid = find("api::linked::paid");
    assert_eq!(paid.takes, Subscription::Types(&["charge.captured", "charge.succeeded"]), "sorted");
    assert_eq!((paid.file, paid.line), (file!(), PAID_LINE));
    assert_eq!(paid.doc, "Writes the amount down.\n\n  Indented, with a \"quote\".");
    assert_eq!(paid.policy.timeout, Some(Duration::from_millis(60_500)));
    let needs = paid.needs();
    assert_eq!(needs.states, [StateType::of::<Log>()]);
    assert!(needs.payload.is_some_and(|name| name.ends_with("linked::Charge>")), "{:?}", needs.payload);

    let note = find("api::linked::note");
    assert_eq!((note.takes, note.doc, note.policy.timeout), (Subscription::Unhandled, "", None));
    assert_eq!(note.needs().payload, None);
    assert_eq!(find("api::linked::inner::fails").doc, "Fails with an error of the standard library.");
}

#[test]
fn a_pattern_stands_for_every_type_below_its_group() {
    let Subscription::Types(types) = find("shop.disputes").takes else { panic!("it names types") };
    let expected = catalog::snapshot_types().iter().map(|known| known.name);
    let expected: Vec<_> = expected.filter(|name| name.starts_with("charge.dispute.")).collect();
    assert_eq!(types, expected);
    assert!(expected.len() >= 5 && expected.contains(&"charge.dispute.created"));
}

#[test]
fn several_handlers_of_one_type_are_found_and_the_rest_is_noted() {
    let registry = Registry::linked();
    let ids = |event_type| registry.handlers_of(event_type).iter().map(|found| found.id).collect::<Vec<_>>();
    assert_eq!(ids("charge.succeeded"), ["api::linked::also_paid", "api::linked::paid"]);
    assert_eq!(ids("charge.dispute.closed"), ["shop.disputes"]);
    assert_eq!(ids("customer.created"), ["api::linked::note"]);
    assert_eq!(registry.problems(&States::default(), &[]).len(), 2, "`paid` and `note` lack the log");
}

#[test]
fn a_handler_runs_with_its_arguments() {
    let log = Log::default();
    start("api::linked::paid", r#"{"amount":2000}"#, &log).unwrap();
    start("api::linked::note", "{}", &log).unwrap();
    start("shop.disputes", "{}", &log).unwrap();
    start("api::linked::also_paid", "{}", &log).unwrap();
    assert_eq!(*log.lock().unwrap(), ["2000 on evt_1 by api::linked::paid", "unhandled"]);
}

#[test]
fn a_handlers_error_comes_back_with_its_verdict() {
    let log = Log::default();
    let skipped = start("api::linked::paid", r#"{"amount":-1}"#, &log).unwrap_err();
    assert_eq!(skipped.verdict(), Verdict::Skip);
    let failed = start("api::linked::inner::fails", "{}", &log).unwrap_err();
    assert_eq!(failed.verdict(), Verdict::Retry { after: None });
    assert!(failed.cause().is::<std::num::ParseIntError>());
}

#[test]
fn a_handler_whose_arguments_cannot_be_taken_is_not_called() {
    let log = Log::default();
    let parked = start("api::linked::paid", r#"{"amount":"x"}"#, &log).unwrap_err();
    assert_eq!(parked.verdict(), Verdict::Park);
    assert!(parked.cause().to_string().contains("`amount`"), "{}", parked.cause());
    assert!(log.lock().unwrap().is_empty());
}

#[test]
fn a_handler_stays_a_function_that_can_be_called() {
    let (log, envelope) = (Log::default(), envelope_of(r#"{"amount":7}"#));
    let context = Context::new(Arc::clone(&envelope), run_of("by hand"));
    let event = Event::decode(envelope).unwrap();
    poll_once(Box::pin(paid(event, State(Arc::clone(&log)), context))).unwrap();
    assert_eq!(*log.lock().unwrap(), ["7 on evt_1 by by hand"]);
}
