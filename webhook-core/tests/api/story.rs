//! Stories: events that belong together, in an order in which Stripe sends them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use webhook_core::Story;

const NOW: i64 = 1_790_000_000;

fn bodies(story: &'static Story) -> Vec<Value> {
    story.events(9).into_iter().map(|sample| serde_json::from_slice(&sample.body(NOW)).unwrap()).collect()
}

#[test]
fn the_stories_that_a_shop_needs_are_told_in_stripes_order() {
    for (name, order) in [
        (
            "checkout",
            &[
                "payment_intent.created",
                "payment_intent.succeeded",
                "checkout.session.completed",
                "invoice.paid",
            ][..],
        ),
        (
            "subscription",
            &[
                "customer.subscription.created",
                "invoice.created",
                "invoice.finalized",
                "invoice.paid",
                "customer.subscription.updated",
                "customer.subscription.deleted",
            ],
        ),
        (
            "dispute-lost",
            &["charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed"],
        ),
        ("refund", &["charge.succeeded", "refund.created", "charge.refunded", "refund.updated"]),
        ("payment-failed", &["payment_intent.payment_failed", "payment_intent.succeeded"]),
        (
            "renewal-failed",
            &[
                "invoice.payment_failed",
                "customer.subscription.updated",
                "invoice.paid",
                "customer.subscription.updated",
            ],
        ),
        (
            "trial",
            &[
                "customer.subscription.created",
                "customer.subscription.trial_will_end",
                "customer.subscription.updated",
            ],
        ),
    ] {
        let mut types = Story::named(name).unwrap().event_types();
        for wanted in order {
            assert!(types.any(|told| told == *wanted), "{name}: {wanted} is missing, or too early");
        }
    }
}

#[test]
fn the_events_of_a_story_come_one_after_the_other_and_once() {
    for story in Story::all() {
        let mut ids = BTreeSet::new();
        let mut last = i64::MIN;
        for event in bodies(story) {
            let created = event["created"].as_i64().unwrap();
            assert!(created >= last, "{}: {} goes back in time", story.name(), event["type"]);
            last = created;
            assert!(
                ids.insert(event["id"].as_str().unwrap().to_owned()),
                "{}: {} twice",
                story.name(),
                event["id"]
            );
            let born = event["data"]["object"]["created"].as_i64().unwrap_or(created);
            assert!(born <= created, "{}: {} is of an object to come", story.name(), event["type"]);
        }
        assert_eq!(last, NOW, "{}: the last event happens when it is delivered", story.name());
        assert!(!story.about().is_empty());
    }
}

/// What an event says that a field was, the event before it on the same object said that it is.
#[test]
fn a_former_value_is_what_the_earlier_event_said() {
    let mut compared = 0;
    for story in Story::all() {
        let mut said: BTreeMap<String, Value> = BTreeMap::new();
        for event in bodies(story) {
            let (object, event_type) = (&event["data"]["object"], &event["type"]);
            let Some(id) = object["id"].as_str() else { continue };
            // Of two events about one change, the second has nothing to compare with.
            let earlier = said.get(id).filter(|earlier| *earlier != object);
            if let (Some(earlier), former @ Value::Object(_)) =
                (earlier, &event["data"]["previous_attributes"])
            {
                compared += compare(former, earlier, object, &format!("{}: {event_type}", story.name()));
            }
            said.insert(id.to_owned(), object.clone());
        }
    }
    assert!(compared > 30, "only {compared} values were compared");
}

fn compare(former: &Value, earlier: &Value, now: &Value, at: &str) -> usize {
    match former {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, former)| compare(former, &earlier[name], &now[name], &format!("{at}: {name}")))
            .sum(),
        former => {
            assert_eq!(former, earlier, "{at} was something else");
            assert_ne!(former, now, "{at} did not change");
            1
        }
    }
}

#[test]
fn an_object_is_created_once_in_a_story() {
    for story in Story::all() {
        let mut births: BTreeMap<String, i64> = BTreeMap::new();
        for event in bodies(story) {
            let object = &event["data"]["object"];
            let (Some(id), Some(created)) = (object["id"].as_str(), object["created"].as_i64()) else {
                continue;
            };
            let first = *births.entry(id.to_owned()).or_insert(created);
            assert_eq!(created, first, "{}: {} has another `created`", story.name(), event["type"]);
        }
    }
}

#[test]
fn all_events_of_a_story_are_about_one_customer() {
    for story in Story::all() {
        let customers: BTreeSet<_> = bodies(story)
            .iter()
            .filter_map(|event| {
                let object = &event["data"]["object"];
                let own = (object["object"] == "customer").then(|| object["id"].as_str());
                own.unwrap_or_else(|| object["customer"].as_str()).map(str::to_owned)
            })
            .collect();
        assert!(customers.len() <= 1, "{}: {customers:?}", story.name());
    }
}

#[test]
fn another_seed_tells_the_story_of_others() {
    let story = Story::named("refund").unwrap();
    let ids = |seed| story.events(seed).iter().map(webhook_core::Sample::id).collect::<BTreeSet<_>>();
    assert_eq!(ids(1), ids(1));
    assert!(ids(1).is_disjoint(&ids(2)));
}

#[test]
fn a_story_that_there_is_not_names_those_that_there_are() {
    let error = Story::named("refunds").unwrap_err().to_string();
    assert!(
        error.starts_with("there is no story `refunds`: the stories are checkout, subscription, "),
        "{error}"
    );
}
