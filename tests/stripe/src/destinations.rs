//! `/v2/core/event_destinations`.

use serde_json::{Map, Value, json};
use webhook_core::catalog::{self, Kind};

use crate::deliver::Delivery;
use crate::endpoints::set_metadata;
use crate::list;
use crate::reply::{Answered, Reply};
use crate::state::{Request, State};

pub(crate) const PATH: &str = "/v2/core/event_destinations";

/// What is shown only if it is asked for.
const INCLUDED: [&str; 2] = ["webhook_endpoint.url", "webhook_endpoint.signing_secret"];

pub(crate) fn list(state: &mut State, request: &Request) -> Answered {
    let parameters = request.parameters();
    let account = state.account(&request.account());
    let own = account.destinations.iter();
    let of_v1 = account.endpoints.iter().map(as_destination);
    let mut all: Vec<Value> = own.cloned().chain(of_v1).collect();
    all.reverse();
    let all: Vec<Value> = all.iter().map(|one| shown(one, &without_secret(&parameters["include"]))).collect();
    list::page_v2(PATH, &request.query, &all, &parameters)
}

pub(crate) fn create(state: &mut State, request: &Request) -> Answered {
    let fields = request.fields();
    refuse_unknown(
        &fields,
        &[
            "name",
            "type",
            "event_payload",
            "enabled_events",
            "events_from",
            "snapshot_api_version",
            "webhook_endpoint",
            "amazon_eventbridge",
            "azure_event_grid",
            "description",
            "metadata",
            "include",
        ],
    )?;
    let text = |name: &str| {
        let value = fields[name].as_str().filter(|text| !text.is_empty());
        value.ok_or_else(|| Reply::invalid_fields(&format!("{name}: it is missing")))
    };
    let (name, kind, payload) = (text("name")?, text("type")?, text("event_payload")?);
    if !["webhook_endpoint", "amazon_eventbridge", "azure_event_grid"].contains(&kind) {
        return Err(Reply::invalid_fields("type: it is not a type of destination"));
    }
    if payload == "thin" && !fields["snapshot_api_version"].is_null() {
        return Err(Reply::invalid_fields("snapshot_api_version: thin events have none"));
    }
    let events = enabled_events(&fields["enabled_events"], payload)?;
    let (id, secret, now) = (
        state.id(if kind == "webhook_endpoint" { "we" } else { "ed_test" }),
        state.secret(),
        state.now_text(),
    );
    let mut metadata = json!({});
    set_metadata(&mut metadata, &fields["metadata"]);
    let mut made = json!({
        "id": id, "object": "v2.core.event_destination", "created": now, "updated": now,
        "description": fields["description"].as_str().unwrap_or_default(), "enabled_events": events,
        "event_payload": payload, "events_from": fields["events_from"], "livemode": false, "metadata": metadata,
        "name": name, "status": "enabled", "type": kind,
    });
    if made["events_from"].is_null() {
        made["events_from"] = json!(["@self"]);
    }
    if payload == "snapshot" {
        made["snapshot_api_version"] = fields["snapshot_api_version"].clone();
    }
    match kind {
        "webhook_endpoint" => {
            let url = fields["webhook_endpoint"]["url"].as_str().filter(|url| url.starts_with("http"));
            let url = url.ok_or_else(|| Reply::invalid_fields("webhook_endpoint.url: it is not a URL"))?;
            made["webhook_endpoint"] = json!({ "url": url, "signing_secret": secret });
        }
        cloud => made[cloud] = fields[cloud].clone(),
    }
    state.account(&request.account()).destinations.push(made.clone());
    Ok(shown(&made, &fields["include"]))
}

pub(crate) fn get(state: &mut State, request: &Request, id: &str) -> Answered {
    let include = without_secret(&request.parameters()["include"]);
    found(state, request, id).map(|destination| shown(destination, &include))
}

pub(crate) fn update(state: &mut State, request: &Request, id: &str) -> Answered {
    let (fields, now) = (request.fields(), state.now_text());
    refuse_unknown(
        &fields,
        &["name", "description", "enabled_events", "metadata", "webhook_endpoint", "include"],
    )?;
    let destination = found(state, request, id)?;
    let mut changed = destination.clone();
    if !fields["enabled_events"].is_null() {
        let payload = changed["event_payload"].as_str().unwrap_or_default();
        changed["enabled_events"] = enabled_events(&fields["enabled_events"], payload)?.into();
    }
    for name in ["name", "description"] {
        if let Some(text) = fields[name].as_str() {
            changed[name] = text.into();
        }
    }
    if let Some(url) = fields["webhook_endpoint"]["url"].as_str() {
        changed["webhook_endpoint"]["url"] = url.into();
    }
    set_metadata(&mut changed["metadata"], &fields["metadata"]);
    changed["updated"] = now.into();
    *destination = changed;
    Ok(shown(destination, &without_secret(&fields["include"])))
}

pub(crate) fn delete(state: &mut State, request: &Request, id: &str) -> Answered {
    found(state, request, id)?;
    state.account(&request.account()).destinations.retain(|destination| destination["id"] != id);
    Ok(json!({ "id": id, "object": "v2.core.event_destination", "deleted": true }))
}

pub(crate) fn set_status(state: &mut State, request: &Request, id: &str, is_enabled: bool) -> Answered {
    let destination = found(state, request, id)?;
    destination["status"] = if is_enabled { "enabled" } else { "disabled" }.into();
    destination["status_details"] =
        if is_enabled { Value::Null } else { json!({ "disabled": { "reason": "user" } }) };
    Ok(shown(destination, &Value::Null))
}

/// Makes the event that a ping sends, and what is to be sent.
pub(crate) fn ping(
    state: &mut State,
    request: &Request,
    id: &str,
) -> Result<(Value, Option<Delivery>), Reply> {
    let destination = found(state, request, id)?.clone();
    let event = json!({
        "id": state.id("evt_test"), "object": "v2.core.event", "type": "v2.core.event_destination.ping",
        "created": state.now_text(), "livemode": false,
        "related_object": { "id": id, "type": "v2.core.event_destination", "url": format!("{PATH}/{id}") },
    });
    state.account(&request.account()).thin_events.push(event.clone());
    let text = |name: &str| destination["webhook_endpoint"][name].as_str().map(str::to_owned);
    let delivery = text("url").zip(text("signing_secret")).map(|(url, secret)| Delivery {
        url,
        secret,
        body: event.to_string(),
        now: state.now(),
    });
    Ok((event, delivery))
}

fn found<'s>(state: &'s mut State, request: &Request, id: &str) -> Result<&'s mut Value, Reply> {
    let destinations = &mut state.account(&request.account()).destinations;
    destinations.iter_mut().find(|one| one["id"] == id).ok_or_else(|| Reply::missing(&format!("/v2/{id}")))
}

/// An endpoint of `/v1/`, as it is listed among the destinations.
fn as_destination(endpoint: &Value) -> Value {
    let text = |name: &str| endpoint[name].clone();
    json!({
        "id": text("id"), "object": "v2.core.event_destination", "description": text("description"),
        "enabled_events": text("enabled_events"), "event_payload": "snapshot", "livemode": false,
        "metadata": text("metadata"), "name": text("id"), "snapshot_api_version": text("api_version"),
        "status": text("status"), "type": "webhook_endpoint", "webhook_endpoint": { "url": text("url") },
    })
}

/// What is shown of a destination, with what is to be included.
fn shown(destination: &Value, include: &Value) -> Value {
    let mut shown = destination.clone();
    let includes = |name: &str| include.as_array().into_iter().flatten().any(|included| included == name);
    if let Some(endpoint) = shown["webhook_endpoint"].as_object_mut() {
        endpoint.retain(|name, _| includes(&format!("webhook_endpoint.{name}")));
        if endpoint.is_empty() {
            shown["webhook_endpoint"] = Value::Null;
        }
    }
    shown
}

/// What may be included of a destination that exists already: not its secret.
fn without_secret(include: &Value) -> Value {
    let include = include.as_array().into_iter().flatten();
    include.filter(|name| *name != INCLUDED[1]).cloned().collect()
}

fn refuse_unknown(fields: &Value, known: &[&str]) -> Result<(), Reply> {
    let given = fields.as_object().into_iter().flat_map(Map::keys);
    if let Some(name) = given.filter(|name| !known.contains(&&***name)).min() {
        return Err(Reply::invalid_fields(&format!("{name}: it is unknown, or cannot be changed")));
    }
    let include = fields["include"].as_array().into_iter().flatten();
    match include.filter_map(Value::as_str).find(|name| !INCLUDED.contains(name)) {
        None => Ok(()),
        Some(name) => Err(Reply::invalid_fields(&format!("include: {name} cannot be included"))),
    }
}

fn enabled_events(value: &Value, payload: &str) -> Result<Vec<String>, Reply> {
    let kind = match payload {
        "thin" => Kind::Thin,
        "snapshot" => Kind::Snapshot,
        _ => return Err(Reply::invalid_fields("event_payload: it is `thin` or `snapshot`")),
    };
    let events: Vec<String> =
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    let is_known =
        |event: &String| event == "*" || catalog::find(event).is_some_and(|event| event.kind == kind);
    match events.iter().find(|event| !is_known(event)) {
        _ if events.is_empty() => Err(Reply::invalid_fields("enabled_events: there are none")),
        None => Ok(events),
        Some(event) => {
            Err(Reply::invalid_fields(&format!("enabled_events: {event} is not a {payload} event type")))
        }
    }
}
