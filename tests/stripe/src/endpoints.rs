//! `/v1/webhook_endpoints`.

use serde_json::{Map, Value, json};
use webhook_core::catalog::{self, Kind};

use crate::list;
use crate::reply::{Answered, Reply};
use crate::state::{Request, State};

/// How many an account may have.
const MOST: usize = 16;

/// What Stripe does not show after the creation, and never.
const HIDDEN: [&str; 2] = ["secret", "connect"];

pub(crate) const PATH: &str = "/v1/webhook_endpoints";

pub(crate) fn list(state: &mut State, request: &Request) -> Answered {
    let endpoints = &state.account(&request.account()).endpoints;
    let shown: Vec<Value> = endpoints.iter().rev().map(shown).collect();
    list::page(PATH, &shown, &request.parameters())
}

pub(crate) fn create(state: &mut State, request: &Request) -> Answered {
    let fields = request.fields();
    let known = ["url", "enabled_events", "api_version", "connect", "description", "metadata"];
    refuse_unknown(&fields, &known)?;
    let events = enabled_events(&fields["enabled_events"])?;
    let url = url(&fields["url"])?;
    if state.account(&request.account()).endpoints.len() >= MOST {
        let message = format!("You have reached the maximum of {MOST} webhook endpoints.");
        return Err(Reply::invalid(None, "url", &message));
    }
    let (id, secret) = (state.id("we"), state.secret());
    let mut metadata = json!({});
    set_metadata(&mut metadata, &fields["metadata"]);
    let endpoint = json!({
        "id": id, "object": "webhook_endpoint", "api_version": text_or_null(&fields["api_version"]),
        "application": null, "connect": fields["connect"] == "true", "created": state.now(),
        "description": text_or_null(&fields["description"]), "enabled_events": events,
        "livemode": false, "metadata": metadata, "secret": secret, "status": "enabled", "url": url,
    });
    state.account(&request.account()).endpoints.push(endpoint.clone());
    let mut answer = shown(&endpoint);
    answer["secret"] = endpoint["secret"].clone();
    Ok(answer)
}

pub(crate) fn get(state: &mut State, request: &Request, id: &str) -> Answered {
    found(state, request, id).map(|endpoint| shown(endpoint))
}

pub(crate) fn update(state: &mut State, request: &Request, id: &str) -> Answered {
    let fields = request.fields();
    refuse_unknown(&fields, &["url", "enabled_events", "description", "metadata", "disabled"])?;
    let endpoint = found(state, request, id)?;
    let mut changed = endpoint.clone();
    if !fields["url"].is_null() {
        changed["url"] = url(&fields["url"])?.into();
    }
    if !fields["enabled_events"].is_null() {
        changed["enabled_events"] = enabled_events(&fields["enabled_events"])?.into();
    }
    if !fields["description"].is_null() {
        changed["description"] = text_or_null(&fields["description"]);
    }
    if let Some(disabled) = fields["disabled"].as_str() {
        changed["status"] = if disabled == "true" { "disabled" } else { "enabled" }.into();
    }
    set_metadata(&mut changed["metadata"], &fields["metadata"]);
    *endpoint = changed;
    Ok(shown(endpoint))
}

pub(crate) fn delete(state: &mut State, request: &Request, id: &str) -> Answered {
    found(state, request, id)?;
    state.account(&request.account()).endpoints.retain(|endpoint| endpoint["id"] != id);
    Ok(json!({ "id": id, "object": "webhook_endpoint", "deleted": true }))
}

fn found<'s>(state: &'s mut State, request: &Request, id: &str) -> Result<&'s mut Value, Reply> {
    let endpoints = &mut state.account(&request.account()).endpoints;
    endpoints.iter_mut().find(|endpoint| endpoint["id"] == id).ok_or_else(|| Reply::missing(&request.path))
}

fn shown(endpoint: &Value) -> Value {
    let fields: Map<String, Value> = endpoint.as_object().cloned().unwrap_or_default();
    Value::Object(fields.into_iter().filter(|(name, _)| !HIDDEN.contains(&&**name)).collect())
}

fn refuse_unknown(fields: &Value, known: &[&str]) -> Result<(), Reply> {
    let given = fields.as_object().into_iter().flat_map(Map::keys);
    match given.filter(|name| !known.contains(&&***name)).min() {
        None => Ok(()),
        Some(name) => {
            let message = format!("Received unknown parameter: {name}");
            Err(Reply::invalid(Some("parameter_unknown"), name, &message))
        }
    }
}

fn url(value: &Value) -> Result<String, Reply> {
    let url = value.as_str().filter(|url| !url.is_empty());
    let url =
        url.ok_or_else(|| Reply::invalid(Some("parameter_missing"), "url", "Missing required param: url."))?;
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(Reply::invalid(Some("url_invalid"), "url", "Invalid URL"));
    }
    Ok(url.to_owned())
}

fn enabled_events(value: &Value) -> Result<Vec<String>, Reply> {
    let name = "enabled_events";
    let events: Vec<String> =
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if events.is_empty() {
        return Err(Reply::invalid(
            Some("parameter_missing"),
            name,
            "Missing required param: enabled_events.",
        ));
    }
    let is_known =
        |event: &str| event == "*" || catalog::find(event).is_some_and(|event| event.kind == Kind::Snapshot);
    match events.iter().position(|event| !is_known(event)) {
        None => Ok(events),
        Some(at) => {
            let message = format!("Invalid enabled_events[{at}]: {} is not an event type", events[at]);
            Err(Reply::invalid(None, &format!("{name}[{at}]"), &message))
        }
    }
}

/// Sets what is given, key by key. An empty text unsets a key, or all of them.
pub(crate) fn set_metadata(metadata: &mut Value, given: &Value) {
    if given == "" || given.is_null() && metadata.is_null() {
        *metadata = json!({});
    }
    let Some(metadata) = metadata.as_object_mut() else { return };
    for (key, value) in given.as_object().into_iter().flatten() {
        if value == "" || value.is_null() {
            metadata.remove(key);
        } else {
            metadata.insert(key.clone(), value.clone());
        }
    }
}

fn text_or_null(value: &Value) -> Value {
    value.as_str().filter(|text| !text.is_empty()).map_or(Value::Null, Value::from)
}
