//! The playground of `dev`: a person makes up an event, and sees what the handlers do with it.
//!
//! It exists only where something sends for it ([`Subject::playground`](crate::admin::Subject)): never in `serve`.

mod fields;

use std::sync::Arc;
use std::time::SystemTime;

use askama::Template;
use hyper::{Response, StatusCode};
use serde_json::Value;
use webhook_core::catalog::{self, Object};
use webhook_core::{Registration, Sample, Story};

use self::fields::Field;
use super::{Backend, Frame, PageError, Rendered, actions, problem, render};
use crate::admin::answer::{html, see_other};
use crate::admin::body::AdminBody;
use crate::admin::query::{Query, query_text};
use crate::admin::token::seconds;
use crate::endpoint::ServedEndpoint;
use crate::server::playground::{Playground, Signed};

#[derive(Template)]
#[template(path = "playground.html")]
struct PlaygroundPage {
    frame: Frame,
    note: Option<Note>,
    /// The types to choose from.
    handled: Vec<&'static str>,
    others: Vec<&'static str>,
    event_type: &'static str,
    object: &'static str,
    handlers: Vec<&'static str>,
    /// What the made-up values come from: a number, and when they are from.
    seed: u64,
    at: i64,
    /// The fields that handlers read, and all others.
    read: Vec<Field>,
    rest: Vec<Field>,
    is_wrong: bool,
    json: String,
    json_error: Option<String>,
    stories: Vec<(&'static str, &'static str)>,
}

/// What the server has answered to what was sent.
struct Note {
    class: &'static str,
    text: String,
}

/// An event that is being made up.
struct Draft {
    sample: Sample,
    seed: u64,
    at: i64,
    handlers: Vec<&'static Registration>,
    /// The paths that these read.
    read: Vec<&'static str>,
    fields: Vec<Field>,
    json: String,
}

pub(super) async fn page(backend: &Backend, query: &Query) -> Rendered {
    playground(backend)?;
    let draft = draft(backend, query)?;
    let note = query.number("answered").map(|status| Note::of(status, query));
    show(backend, draft, (note, false, None)).await
}

/// Carries out what a form of the playground asks for.
pub(super) async fn act(backend: &Backend, path: &str, form: &Query) -> Response<AdminBody> {
    let done = match path {
        "/playground/send" => send(backend, form).await,
        "/playground/story" => story(backend, form).await,
        "/playground/again" => again(backend, form).await,
        _ => Err(PageError::Missing("There is no such action.")),
    };
    match done {
        Ok(Done::Sent(page)) => see_other(&format!("{}{page}", backend.base)),
        Ok(Done::Wrong(page)) => html(StatusCode::UNPROCESSABLE_ENTITY, page),
        Err(error) => problem(backend, &error),
    }
}

enum Done {
    /// The browser goes to this page.
    Sent(String),
    /// The form is shown again, with what is wrong.
    Wrong(String),
}

async fn send(backend: &Backend, form: &Query) -> Result<Done, PageError> {
    let mut draft = draft(backend, form)?;
    let mut object = None;
    if let Some(json) = form.all("json").next() {
        match serde_json::from_str::<Value>(json) {
            Ok(value @ Value::Object(_)) => object = Some(value),
            wrong => {
                let why = wrong.map_or_else(
                    |error| format!("This is not JSON: {error}."),
                    |_| "This is not an object: it begins with { and ends with }.".to_owned(),
                );
                draft.json = json.to_owned();
                return Ok(Done::Wrong(show(backend, draft, (None, false, Some(why))).await?));
            }
        }
    } else {
        let mut sample = draft.sample.clone();
        let set: Vec<bool> = draft.fields.iter_mut().map(|field| field.set_from(form, &mut sample)).collect();
        if set.contains(&false) {
            return Ok(Done::Wrong(show(backend, draft, (None, true, None)).await?));
        }
        draft.sample = sample;
    }
    let signed = if form.get("signed") == Some("wrongly") { Signed::ByAnother } else { Signed::ByStripe };
    let event_type = draft.sample.event_type();
    let (id, status) = deliver(backend, draft.sample.event_id(new_id()?), object, signed).await?;
    // Only what was stored has a page.
    if status == 200 && backend.subject.operations.is_some() {
        return Ok(Done::Sent(format!("/event?{}", query_text(&[("id", Some(&id))]))));
    }
    let status = status.to_string();
    let signed = (signed == Signed::ByAnother).then_some("wrongly");
    let page = query_text(&[("type", Some(event_type)), ("answered", Some(&status)), ("signed", signed)]);
    Ok(Done::Sent(format!("/playground?{page}")))
}

/// Sends the events of a story, one after another.
async fn story(backend: &Backend, form: &Query) -> Result<Done, PageError> {
    let story = Story::named(form.get("story").unwrap_or_default());
    let story = story.map_err(|_| PageError::Missing("There is no such story."))?;
    for event in story.events(random()?) {
        deliver(backend, event, None, Signed::ByStripe).await?;
    }
    Ok(Done::Sent("/live".to_owned()))
}

/// Sends a stored event again, as it is.
async fn again(backend: &Backend, form: &Query) -> Result<Done, PageError> {
    let key = actions::event(form)?;
    let found = backend.operations()?.event(&key).await?;
    let found = found.ok_or(PageError::Missing("The inbox has no such event."))?;
    let body = found.body.ok_or(PageError::Missing("The body of this event is not kept."))?;
    let came_by = found.event.endpoints.first().map(|row| &*row.endpoint).unwrap_or_default();
    let endpoints = &backend.subject.endpoints;
    let endpoint = endpoints.named(came_by).unwrap_or(endpoints.first());
    let status = playground(backend)?.send(endpoint, body.into_bytes(), Signed::ByStripe).await;
    let status = status.map_err(PageError::NotSent)?.to_string();
    let cursor = key.cursor.to_string();
    let page =
        query_text(&[("id", Some(&key.event_id)), ("cursor", Some(&cursor)), ("again", Some(&status))]);
    Ok(Done::Sent(format!("/event?{page}")))
}

/// Sends an event, with another object if there is one. Returns its id and the answer's status.
async fn deliver(
    backend: &Backend,
    sample: Sample,
    object: Option<Value>,
    signed: Signed,
) -> Result<(String, u16), PageError> {
    let endpoint = endpoint(backend, sample.event_type());
    let sample = sample.livemode(!endpoint.accepts(false));
    let id = sample.id();
    let mut body = sample.body(now());
    if let Some(object) = object
        && let Ok(mut event) = serde_json::from_slice::<Value>(&body)
    {
        event["data"]["object"] = object;
        body = format!("{event:#}").into_bytes();
    }
    let status = playground(backend)?.send(endpoint, body, signed).await.map_err(PageError::NotSent)?;
    Ok((id, status))
}

/// The endpoint that events of a type are sent to: the first one whose handlers take it.
fn endpoint<'b>(backend: &'b Backend, event_type: &str) -> &'b Arc<ServedEndpoint> {
    let (endpoints, registry) = (&backend.subject.endpoints, &backend.subject.registry);
    let takes = |place: &&Arc<ServedEndpoint>| !registry.handlers_at(event_type, [&*place.name]).is_empty();
    endpoints.iter().find(takes).unwrap_or(endpoints.first())
}

/// The event that the parameters name, with made-up values.
fn draft(backend: &Backend, query: &Query) -> Result<Draft, PageError> {
    let registry = &backend.subject.registry;
    let first = || catalog::snapshot_types().iter().map(|known| known.name).find(|name| registry.names(name));
    let event_type = query.get("type").or_else(first).unwrap_or("customer.created");
    let seed = query.get("seed").and_then(|seed| seed.parse().ok()).map_or_else(random, Ok)?;
    let sample = Sample::new(event_type, seed).map_err(|_| PageError::Missing("There is no such type."))?;
    let at = query.number("at").unwrap_or_else(now);
    let body: Value = serde_json::from_slice(&sample.clone().body(at)).unwrap_or_default();
    let object = &body["data"]["object"];
    let handlers = registry.handlers_of(sample.event_type()).to_vec();
    let read: Vec<_> = handlers.iter().flat_map(|handler| handler.needs().fields).copied().collect();
    let known = known(&sample, object);
    let fields = known.map_or_else(Vec::new, |known| Field::all(&known.fields, object, &read));
    Ok(Draft { seed, at, handlers, read, fields, json: format!("{object:#}"), sample })
}

/// The time in seconds since the Unix epoch.
fn now() -> i64 {
    i64::try_from(seconds(SystemTime::now())).unwrap_or(i64::MAX)
}

/// What is known of the object of an event.
fn known(sample: &Sample, object: &Value) -> Option<Object> {
    catalog::find(sample.event_type())?.object(object["object"].as_str()?).map(|known| known.as_ref().clone())
}

async fn show(
    backend: &Backend,
    draft: Draft,
    (note, is_wrong, json_error): (Option<Note>, bool, Option<String>),
) -> Rendered {
    let registry = &backend.subject.registry;
    let types = catalog::snapshot_types().iter().map(|known| known.name);
    let (handled, others) = types.partition(|name| registry.names(name));
    let (read, rest) = draft.fields.into_iter().partition(|field| field.is_read(&draft.read));
    let event_type = draft.sample.event_type();
    render(PlaygroundPage {
        frame: backend.frame("/playground"),
        note,
        handled,
        others,
        object: catalog::find(event_type)
            .and_then(|known| known.objects.first().copied())
            .unwrap_or_default(),
        event_type,
        handlers: draft.handlers.iter().map(|handler| handler.id).collect(),
        seed: draft.seed,
        at: draft.at,
        read,
        rest,
        is_wrong,
        json: draft.json,
        json_error,
        stories: Story::all().iter().map(|story| (story.name(), story.about())).collect(),
    })
    .await
}

impl Note {
    fn of(status: i64, query: &Query) -> Self {
        match (status, query.get("signed")) {
            (400, Some(_)) => Self {
                class: "done-note",
                text: "Refused with 400, as it should be: the signature was not made with the endpoint’s secret. Nothing \
                       was stored, and no handler ran."
                    .to_owned(),
            },
            (200..300, _) => Self { class: "done-note", text: format!("Answered {status}.") },
            _ => Self { class: "error", text: format!("The server answered {status}: see its log.") },
        }
    }
}

/// What sends; without it, there is no playground.
fn playground(backend: &Backend) -> Result<&dyn Playground, PageError> {
    backend.subject.playground.as_deref().ok_or(PageError::Missing("There is no such page."))
}

fn random() -> Result<u64, PageError> {
    getrandom::u64().map_err(|_| PageError::NotSent("there is no random number to be had".to_owned()))
}

/// The id of an event that has not been sent before.
fn new_id() -> Result<String, PageError> {
    Ok(format!("evt_{:016x}{:08x}", random()?, random()? >> 32))
}
