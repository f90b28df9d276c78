//! One call: who may make it, what it is about, and its answer.

use serde_json::Value;

use crate::deliver::Delivery;
use crate::reply::{Answered, Reply};
use crate::state::{Done, Request, State};
use crate::{destinations, endpoints, events};

/// What becomes of a call.
pub(crate) struct Outcome {
    pub(crate) reply: Reply,
    /// What is sent before the answer, and the event that is then delivered.
    pub(crate) delivery: Option<(Delivery, String)>,
}

impl From<Answered> for Outcome {
    fn from(answered: Answered) -> Self {
        let reply = answered.map_or_else(|reply| reply, |body| Reply::success(&body));
        Self { reply, delivery: None }
    }
}

/// Does what is asked; if it was done under the same idempotency key, only gives the same answer.
pub(crate) fn answer(state: &mut State, request: &Request) -> Outcome {
    if let Err(reply) = authenticate(state, request) {
        return Err(reply).into();
    }
    let takes_key =
        request.method == "POST" || request.method == "DELETE" && request.path.starts_with("/v2/");
    let key = request.header("idempotency-key").filter(|_| takes_key);
    let Some(key) = key.map(|key| (request.account(), key.to_owned())) else {
        return dispatch(state, request);
    };
    if let Some(done) = state.done.get(&key) {
        let is_same = done.method == request.method && done.path == request.path && done.body == request.body;
        let other = || {
            let error = serde_json::json!({
                "type": "idempotency_error",
                "message": "Keys for idempotent requests can only be used with the same parameters.",
            });
            Reply::error(400, error)
        };
        let mut reply = if is_same { done.reply.clone() } else { other() };
        reply.headers.push(("idempotent-replayed".to_owned(), "true".to_owned()));
        return Outcome { reply, delivery: None };
    }
    let outcome = dispatch(state, request);
    if outcome.reply.status == 200 {
        let (method, path, body) = (request.method.clone(), request.path.clone(), request.body.clone());
        state.done.insert(key, Done { method, path, body, reply: outcome.reply.clone() });
    }
    outcome
}

fn authenticate(state: &State, request: &Request) -> Result<(), Reply> {
    let key = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let is_known = |key: &&str| match &state.key {
        Some(known) => known == key,
        None => ["sk_", "rk_", "rkcs_"].iter().any(|beginning| key.starts_with(beginning)),
    };
    let key = key.filter(is_known).ok_or_else(Reply::unknown_key)?;
    if key.starts_with("sk_org_") && request.account().is_empty() {
        return Err(Reply::invalid(None, "stripe-context", "This key must name an account"));
    }
    match (&state.permissions, permission(request)) {
        (Some(granted), Some(needed)) if !granted.contains(&needed) => {
            Err(Reply::missing_permission(&needed))
        }
        _ => Ok(()),
    }
}

/// The permission that a call needs, as far as names are known.
fn permission(request: &Request) -> Option<String> {
    let mut parts = request.path.split('/').skip(1);
    let resource = match (parts.next()?, parts.next()?) {
        ("v2", _) => parts.next()?,
        (_, resource) => resource,
    };
    let verb = if request.method == "GET" { "read" } else { "write" };
    let name = match resource {
        "webhook_endpoints" | "event_destinations" => "webhook",
        "prices" => "plan",
        resource => resource.strip_suffix('s').unwrap_or(resource),
    };
    Some(format!("rak_{name}_{verb}"))
}

fn dispatch(state: &mut State, request: &Request) -> Outcome {
    let parts: Vec<&str> = request.path.split('/').skip(1).collect();
    match (&*request.method, &parts[..]) {
        ("GET", ["v1", "webhook_endpoints"]) => endpoints::list(state, request).into(),
        ("POST", ["v1", "webhook_endpoints"]) => endpoints::create(state, request).into(),
        ("GET", ["v1", "webhook_endpoints", id]) => endpoints::get(state, request, id).into(),
        ("POST", ["v1", "webhook_endpoints", id]) => endpoints::update(state, request, id).into(),
        ("DELETE", ["v1", "webhook_endpoints", id]) => endpoints::delete(state, request, id).into(),
        ("GET", ["v2", "core", "event_destinations"]) => destinations::list(state, request).into(),
        ("POST", ["v2", "core", "event_destinations"]) => destinations::create(state, request).into(),
        ("GET", ["v2", "core", "event_destinations", id]) => destinations::get(state, request, id).into(),
        ("POST", ["v2", "core", "event_destinations", id]) => destinations::update(state, request, id).into(),
        ("DELETE", ["v2", "core", "event_destinations", id]) => {
            destinations::delete(state, request, id).into()
        }
        ("POST", ["v2", "core", "event_destinations", id, "enable"]) => {
            destinations::set_status(state, request, id, true).into()
        }
        ("POST", ["v2", "core", "event_destinations", id, "disable"]) => {
            destinations::set_status(state, request, id, false).into()
        }
        ("POST", ["v2", "core", "event_destinations", id, "ping"]) => {
            sending(destinations::ping(state, request, id))
        }
        ("GET", ["v1", "events"]) => events::list(state, request).into(),
        ("GET", ["v1", "events", id]) => events::get(state, request, id).into(),
        ("POST", ["v1", "events", id, "retry"]) => sending(events::retry(state, request, id)),
        ("GET", ["v2", "core", "events"]) => events::list_thin(state, request).into(),
        ("GET", ["v2", "core", "events", id]) => events::get_thin(state, request, id).into(),
        ("GET", _) => object(state, request).into(),
        _ => Err(Reply::unrecognized(&request.method, &request.path)).into(),
    }
}

fn sending(answered: Result<(Value, Option<Delivery>), Reply>) -> Outcome {
    match answered {
        Err(reply) => Err(reply).into(),
        Ok((event, delivery)) => {
            let id = event["id"].as_str().unwrap_or_default().to_owned();
            Outcome { delivery: delivery.map(|delivery| (delivery, id)), ..Ok(event).into() }
        }
    }
}

/// An object that a test has put there.
fn object(state: &mut State, request: &Request) -> Answered {
    if let Some(object) = state.account(&request.account()).objects.get(&request.path) {
        return Ok(object.clone());
    }
    // Without an id it would be a list, which is not there.
    let has_id = request.path.split('/').skip(3).any(|part| part.contains('_') || part.len() > 8);
    Err(match has_id {
        true => Reply::missing(&request.path),
        false => Reply::unrecognized("GET", &request.path),
    })
}
