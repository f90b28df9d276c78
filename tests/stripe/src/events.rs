//! `/v1/events` and `/v2/core/events`.

use serde_json::Value;
use webhook_core::catalog;

use crate::deliver::Delivery;
use crate::list;
use crate::reply::{Answered, Reply};
use crate::state::{Recorded, Request, State};

pub(crate) const PATH: &str = "/v1/events";
pub(crate) const PATH_V2: &str = "/v2/core/events";

/// How many types can be asked for at once.
const MOST_TYPES: usize = 20;

pub(crate) fn list(state: &mut State, request: &Request) -> Answered {
    let parameters = request.parameters();
    let wanted = Wanted::of(&parameters)?;
    let events = &state.account(&request.account()).events;
    let mut fit: Vec<&Recorded> = events.iter().filter(|recorded| wanted.includes(recorded)).collect();
    // Those of one second stay as they were recorded.
    fit.sort_by_key(|recorded| recorded.event["created"].as_i64());
    let fit: Vec<Value> = fit.into_iter().rev().map(|recorded| recorded.event.clone()).collect();
    list::page(PATH, &fit, &parameters)
}

pub(crate) fn get(state: &mut State, request: &Request, id: &str) -> Answered {
    found(state, &request.account(), &request.path, id).map(|recorded| recorded.event.clone())
}

/// Finds the event, and what is to be sent of it: in the endpoint's version.
pub(crate) fn retry(
    state: &mut State,
    request: &Request,
    id: &str,
) -> Result<(Value, Option<Delivery>), Reply> {
    let fields = request.fields();
    let account = fields["account"].as_str().map_or_else(|| request.account(), str::to_owned);
    let event = found(state, &account, &request.path, id)?.event.clone();
    let to = fields["webhook_endpoint"].as_str().unwrap_or_default();
    let own = &state.account(&request.account()).endpoints;
    let endpoint = own.iter().find(|endpoint| endpoint["id"] == to).cloned().ok_or_else(|| {
        Reply::invalid(Some("resource_missing"), "webhook_endpoint", "No such webhook endpoint")
    })?;
    let mut sent = event.clone();
    if !endpoint["api_version"].is_null() {
        sent["api_version"] = endpoint["api_version"].clone();
    }
    let text = |name: &str| endpoint[name].as_str().unwrap_or_default().to_owned();
    let delivery =
        Delivery { url: text("url"), secret: text("secret"), body: sent.to_string(), now: state.now() };
    Ok((event, Some(delivery)))
}

/// Notes that an event was delivered.
pub(crate) fn note_delivered(state: &mut State, request: &Request, id: &str) {
    let account = request.fields()["account"].as_str().map_or_else(|| request.account(), str::to_owned);
    if let Ok(recorded) = found(state, &account, "", id) {
        recorded.is_delivered = true;
    }
}

pub(crate) fn list_thin(state: &mut State, request: &Request) -> Answered {
    let parameters = request.parameters();
    if !parameters["delivery_success"].is_null() {
        return Err(Reply::invalid_fields("delivery_success: it is unknown"));
    }
    let types = types(&parameters["types"])?;
    let object = parameters["object_id"].as_str();
    let is_wanted = |event: &&Value| {
        (types.is_empty() || types.iter().any(|wanted| event["type"] == *wanted))
            && object.is_none_or(|object| event["related_object"]["id"] == object)
    };
    let all: Vec<Value> =
        state.account(&request.account()).thin_events.iter().rev().filter(is_wanted).cloned().collect();
    list::page_v2(PATH_V2, &request.query, &all, &parameters)
}

pub(crate) fn get_thin(state: &mut State, request: &Request, id: &str) -> Answered {
    let events = &state.account(&request.account()).thin_events;
    events.iter().find(|event| event["id"] == id).cloned().ok_or_else(|| Reply::missing(&request.path))
}

fn found<'s>(state: &'s mut State, account: &str, path: &str, id: &str) -> Result<&'s mut Recorded, Reply> {
    let events = &mut state.account(account).events;
    events.iter_mut().find(|recorded| recorded.event["id"] == id).ok_or_else(|| Reply::missing(path))
}

/// Which events are asked for.
struct Wanted {
    delivered: Option<bool>,
    types: Vec<String>,
    /// Bounds in seconds: at least, and less than.
    from: i64,
    to: i64,
}

impl Wanted {
    fn of(parameters: &Value) -> Result<Self, Reply> {
        let known =
            ["created", "delivery_success", "ending_before", "limit", "starting_after", "type", "types"];
        if let Some(name) = parameters
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name)
            .find(|name| !known.contains(&&***name))
        {
            return Err(Reply::invalid(
                Some("parameter_unknown"),
                name,
                &format!("Received unknown parameter: {name}"),
            ));
        }
        let mut types = types(&parameters["types"])?;
        if let Some(only) = parameters["type"].as_str() {
            if !types.is_empty() {
                return Err(Reply::invalid(None, "type", "You may only specify one of: type, types."));
            }
            types.push(only.to_owned());
        }
        let delivered = match parameters["delivery_success"].as_str() {
            None => None,
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(_) => return Err(Reply::invalid(None, "delivery_success", "Invalid boolean")),
        };
        let (mut from, mut to) = (i64::MIN, i64::MAX);
        let number = |text: &Value| {
            let number = text.as_str().and_then(|text| text.parse::<i64>().ok());
            number.ok_or_else(|| Reply::invalid(None, "created", "Invalid timestamp"))
        };
        match &parameters["created"] {
            Value::Object(bounds) => {
                for (name, bound) in bounds {
                    match &**name {
                        "gt" => from = number(bound)? + 1,
                        "gte" => from = number(bound)?,
                        "lt" => to = number(bound)?,
                        "lte" => to = number(bound)? + 1,
                        _ => return Err(Reply::invalid(None, "created", "Unknown bound")),
                    }
                }
            }
            Value::Null => {}
            exact => (from, to) = (number(exact)?, number(exact)? + 1),
        }
        Ok(Self { delivered, types, from, to })
    }

    fn includes(&self, recorded: &Recorded) -> bool {
        let created = recorded.event["created"].as_i64().unwrap_or_default();
        let matches = |wanted: &String| match wanted.strip_suffix('*') {
            Some(beginning) => recorded.text("type").starts_with(beginning),
            None => recorded.text("type") == wanted,
        };
        self.delivered.is_none_or(|delivered| delivered == recorded.is_delivered)
            && (self.types.is_empty() || self.types.iter().any(matches))
            && (self.from..self.to).contains(&created)
    }
}

fn types(value: &Value) -> Result<Vec<String>, Reply> {
    let types: Vec<String> =
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if types.len() > MOST_TYPES {
        return Err(Reply::invalid(None, "types", "Too many types: the maximum is 20"));
    }
    match types.iter().find(|name| catalog::find(name).is_none()) {
        None => Ok(types),
        Some(name) => Err(Reply::invalid(None, "types", &format!("{name} is not an event type"))),
    }
}
