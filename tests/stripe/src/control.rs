//! What tests tell the fake over HTTP, where it is a process of its own: the paths below `/_fake/`.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::reply::Reply;
use crate::state::{Recorded, Request, State};

/// What a test puts there, in the body of a `POST` of `/_fake/state`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    #[serde(default)]
    account: String,
    #[serde(default)]
    undelivered: Vec<Value>,
    #[serde(default)]
    delivered: Vec<Value>,
    #[serde(default)]
    thin_events: Vec<Value>,
    /// By their paths.
    #[serde(default)]
    objects: serde_json::Map<String, Value>,
    #[serde(default)]
    faults: Vec<Fault>,
    key: Option<String>,
    permissions: Option<Vec<String>>,
    now: Option<u64>,
}

/// Answers a test; `None` if the request is one for Stripe.
pub(crate) fn answer(state: &mut State, request: &Request) -> Option<Reply> {
    let what = request.path.strip_prefix("/_fake/")?;
    Some(match (&*request.method, what) {
        ("GET", "requests") => Reply::success(&json!(state.requests)),
        ("GET", "state") => Reply::success(&shown(state, &request.account())),
        ("POST", "state") => match serde_json::from_str(&request.body) {
            Ok(given) => {
                take(state, given);
                Reply::success(&json!({}))
            }
            Err(error) => Reply::invalid(None, "body", &error.to_string()),
        },
        _ => Reply::unrecognized(&request.method, &request.path),
    })
}

/// What an account has, with what Stripe does not show.
pub(crate) fn shown(state: &mut State, account: &str) -> Value {
    let account = state.account(account);
    let undelivered = account.events.iter().filter(|event| !event.is_delivered).map(|event| event.text("id"));
    json!({
        "endpoints": account.endpoints, "destinations": account.destinations,
        "undelivered": undelivered.collect::<Vec<_>>(),
    })
}

fn take(state: &mut State, given: Given) {
    for (events, is_delivered) in [(given.undelivered, false), (given.delivered, true)] {
        let recorded = events.into_iter().map(|event| Recorded { event, is_delivered });
        state.account(&given.account).events.extend(recorded);
    }
    let account = state.account(&given.account);
    account.thin_events.extend(given.thin_events);
    account.objects.extend(given.objects);
    given.faults.into_iter().for_each(|fault| state.faults.add(fault));
    state.key = given.key.or(state.key.take());
    state.permissions = given.permissions.map(|them| them.into_iter().collect()).or(state.permissions.take());
    state.now = given.now.or(state.now);
}
