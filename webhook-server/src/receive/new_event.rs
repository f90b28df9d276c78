//! Builds the stored record of an event and one task per handler.
//!
//! Here a handler's policy becomes what a store understands: the scope and the lane of a task, and the place of the event
//! among those of its object. Arrivals and replays use the same functions.

use std::borrow::Cow;
use std::sync::Arc;

use webhook_core::{Envelope, OrderMode, Registration};

use crate::store::keys::stored_key;
use crate::store::{CameBy, Lane, NewEvent, NewTask, StartMode, moment};

/// Builds the record of an event with its tasks. `object` is the id of the object that the event is about.
pub(crate) fn new_event(
    envelope: &Arc<Envelope>,
    object: Option<String>,
    came_by: CameBy,
    signed_at: u64,
    tasks: Vec<NewTask>,
) -> NewEvent {
    NewEvent {
        envelope: Arc::clone(envelope),
        came_by,
        object_id: object,
        signed_at: i64::try_from(signed_at).unwrap_or(i64::MAX),
        tasks,
    }
}

/// Builds the task of one handler for an event about `object`. It starts when it is claimed, unless the caller changes
/// `at_once`.
pub(crate) fn new_task(handler: &Registration, envelope: &Envelope, object: Option<&str>) -> NewTask {
    let policy = &handler.policy;
    let account = envelope.account.as_deref().unwrap_or_default();
    let of_account = |value: &str| stored_key([account, "|", value].concat());
    // An object without the ordering field has a lane of its own.
    let by_field = policy.order.per.and_then(|path| envelope.text_at(path));
    let value = by_field.as_deref().or(object);
    // In a lane of several objects, `created` and `deleted` in the same second may concern two different objects.
    let event_type = if policy.order.per.is_none() { &*envelope.event_type } else { "" };
    let is_ordered = policy.order.mode != OrderMode::Unordered && !policy.replies;
    let strict = policy.order.mode == OrderMode::Strict;
    NewTask {
        handler: handler.id,
        scope: scope(handler),
        object: object.map(of_account),
        moment: moment(event_type, envelope.created.map(|created| created.unix_seconds())),
        lane: value.filter(|_| is_ordered).map(|value| Lane { key: of_account(value), strict }),
        at_once: StartMode::No,
        is_of_endpoint: handler.depends_on_endpoint(),
        occurrence: occurrence(handler, envelope),
    }
}

/// The occurrence that an event reports, for a handler that takes its twin as well. Other handlers need not be told.
fn occurrence(handler: &Registration, envelope: &Envelope) -> Option<String> {
    let takes_both = handler.names_twin_of(&envelope.event_type);
    takes_both.then(|| envelope.occurrence()).flatten().map(stored_key)
}

/// The scope of a handler's lanes: its group, or else itself. No handler id begins with `*`, as a group's scope does.
fn scope(handler: &Registration) -> Cow<'static, str> {
    match handler.policy.order.group {
        Some(group) => format!("*{group}").into(),
        None => handler.id.into(),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use webhook_core::{Order, Policy, Subscription};

    use super::*;
    use crate::run::test_handlers::registration;

    fn event(account: &str, object: &str) -> Envelope {
        let body = format!(
            r#"{{"id":"evt_1","object":"event","type":"payment_intent.succeeded","livemode":false{account},
                "data":{{"object":{object}}}}}"#
        );
        Envelope::parse_stored(&Bytes::from(body)).expect("it is an event")
    }

    fn handler(policy: Policy) -> Registration {
        registration("shop::paid", Subscription::Unhandled, policy, |_| Box::pin(async { Ok(None) }))
    }

    #[test]
    fn a_lane_is_the_object_of_the_account_unless_the_policy_says_otherwise() {
        let policy = Policy::DEFAULT;
        let by = |path| Policy { order: Order { per: Some(path), ..policy.order }, ..policy };
        let of_mode = |mode| Policy { order: Order { mode, ..policy.order }, ..policy };
        let platform = r#"{"id":"pi_1","customer":"cus_1","invoice":{"id":"in_1"},"review":null}"#;
        for (name, policy, account, object, lane) in [
            ("the object", policy, "", platform, Some("|pi_1")),
            ("of an account", policy, r#","account":"acct_1""#, platform, Some("acct_1|pi_1")),
            ("an object without id", policy, "", "{}", None),
            ("a field", by("customer"), "", platform, Some("|cus_1")),
            ("a field in its place whole", by("invoice"), "", platform, Some("|in_1")),
            ("a field inside", by("invoice.id"), "", platform, Some("|in_1")),
            ("a field that is null", by("review"), "", platform, Some("|pi_1")),
            ("a field that is absent", by("source"), "", platform, Some("|pi_1")),
            ("no order", of_mode(OrderMode::Unordered), "", platform, None),
            ("one that the sender waits for", Policy { replies: true, ..policy }, "", platform, None),
        ] {
            let event = event(account, object);
            let task = new_task(&handler(policy), &event, event.object_id().as_deref());
            assert_eq!(task.lane.as_ref().map(|lane| &*lane.key), lane, "{name}");
            assert!(task.lane.is_none_or(|lane| !lane.strict), "{name}");
        }
        // In a lane of several objects, nothing is known of what happened in one second.
        let of_type = |event_type: &str, policy| {
            let body = format!(
                r#"{{"id":"evt_1","object":"event","type":"{event_type}","created":7,"livemode":false,
                    "data":{{"object":{{"id":"sub_1","customer":"cus_1"}}}}}}"#
            );
            let event = Envelope::parse_stored(&Bytes::from(body)).expect("it is an event");
            new_task(&handler(policy), &event, Some("sub_1")).moment
        };
        let [created, updated, deleted] = ["x.created", "x.updated", "x.deleted"];
        assert!(of_type(created, policy) < of_type(updated, policy));
        assert!(of_type(updated, policy) < of_type(deleted, policy));
        assert_eq!(of_type(created, by("customer")), of_type(deleted, by("customer")));
        assert!(
            new_task(&handler(of_mode(OrderMode::Strict)), &event("", platform), Some("pi_1"))
                .lane
                .is_some_and(|lane| lane.strict)
        );
    }
}
