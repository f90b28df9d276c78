//! The pages of the dashboard: each is a value with a template, which is checked when the server is built.
//!
//! A page reads what it shows through [`Operations`], as the commands do, in pages by cursor. It works without its script,
//! which adds keys.
//!
//! Everything that came from outside is text: templates escape it, and what steers the direction of writing or makes text
//! invisible is replaced ([`text`]).

mod actions;
mod endpoints;
mod event;
mod events;
mod handlers;
mod live;
mod login;
mod overview;
mod parked;
mod playground;
mod quarantine;
mod runs;
mod search;
pub(super) mod stream;
mod text;
mod tree;

use askama::Template;
use hyper::{Response, StatusCode};

pub(super) use self::login::{go_on, login};
use super::answer::{SCRIPT, STYLE, failed, html, live, see_other};
use super::body::AdminBody;
use super::query::{Query, query_text};
use super::{MAX_FORM, Subject};
use crate::operate::Operations;
use crate::operate::wire::Named;
use crate::report::format::chain;
use crate::store::{Backlog, HandlerStats, StoreError};

/// What the pages show, and how they link.
pub(super) struct Backend {
    pub(super) subject: Subject,
    /// What every link begins with.
    base: String,
}

impl Backend {
    pub(super) fn new(subject: Subject, base: String) -> Self {
        Self { subject, base }
    }

    /// What surrounds a page.
    fn frame(&self, here: &'static str) -> Frame {
        Frame {
            base: self.base.clone(),
            here,
            is_read_only: self.subject.is_read_only,
            has_token: self.subject.token.is_some(),
            has_playground: self.subject.playground.is_some(),
            said: None,
        }
    }

    /// The same, for a page to which an action may lead.
    fn frame_after(&self, here: &'static str, query: &Query) -> Frame {
        Frame { said: said(query), ..self.frame(here) }
    }

    /// What is open or parked: nothing, without an inbox.
    async fn backlog(&self) -> Result<Backlog, PageError> {
        self.subject.numbers.gauging.backlog().await.map_err(PageError::Unread)
    }

    fn operations(&self) -> Result<&Operations, PageError> {
        self.subject.operations.as_ref().ok_or(PageError::NoInbox)
    }
}

/// What surrounds a page: its links, and which of them is marked as this page.
#[derive(Clone, Debug)]
struct Frame {
    base: String,
    here: &'static str,
    is_read_only: bool,
    /// Whether who sees the page has shown the token.
    has_token: bool,
    has_playground: bool,
    /// What an action has just done.
    said: Option<String>,
}

impl Frame {
    const STYLE: &'static str = STYLE;
    const SCRIPT: &'static str = SCRIPT;

    /// The pages in the navigation: path and name.
    fn pages(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.has_playground.then_some(("/playground", "Playground")).into_iter().chain(Self::PAGES)
    }

    const PAGES: [(&'static str, &'static str); 7] = [
        ("/", "Overview"),
        ("/events", "Events"),
        ("/live", "Live"),
        ("/parked", "Parked"),
        ("/handlers", "Handlers"),
        ("/endpoints", "Endpoints"),
        ("/quarantine", "Quarantine"),
    ];
}

/// Why a page cannot be shown.
#[derive(Debug)]
enum PageError {
    /// The program handles events before the answer.
    NoInbox,
    /// There is no such event, or no such page.
    Missing(&'static str),
    /// A parameter is missing, or does not mean anything.
    Unclear(&'static str),
    /// What was to be changed is not as it was shown.
    Changed(&'static str),
    /// A form is longer than ours are.
    TooLong,
    /// What was made up in the playground could not be sent.
    NotSent(String),
    Store(StoreError),
    /// The inbox could not be read, for this reason.
    Unread(String),
    Template(askama::Error),
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A page's text, or why there is none.
type Rendered = Result<String, PageError>;

/// Shows the page at a path.
pub(super) async fn show(backend: &Backend, path: &str, query: Query) -> Response<AdminBody> {
    let rendered = match path {
        "/" => overview::page(backend).await,
        "/events" => events::page(backend, &query).await,
        "/event" => event::page(backend, &query).await,
        "/live" => live::page(backend, &query).await,
        "/parked" => parked::page(backend, &query).await,
        "/parked/confirm" => parked::confirm(backend, &query).await,
        "/playground" => playground::page(backend, &query).await,
        "/handlers" => handlers::page(backend).await,
        "/endpoints" => endpoints::page(backend).await,
        "/quarantine" => quarantine::page(backend).await,
        "/quarantined" => quarantine::one(backend, &query).await,
        _ => Err(PageError::Missing("There is no such page.")),
    };
    match rendered {
        Ok(page) if matches!(path, "/event" | "/live") => live(page),
        Ok(page) => html(StatusCode::OK, page),
        Err(error) => problem(backend, &error),
    }
}

/// Carries out what a form asks for, and sends the browser back to a page.
pub(super) async fn act(backend: &Backend, path: &str, form: &Query) -> Response<AdminBody> {
    if path.starts_with("/playground/") && backend.subject.playground.is_some() {
        return playground::act(backend, path, form).await;
    }
    match actions::act(backend, path, form).await {
        Ok(page) => see_other(&format!("{}{page}", backend.base)),
        Err(error) => problem(backend, &error),
    }
}

/// Answers a form that is too long.
pub(super) fn too_long(backend: &Backend) -> Response<AdminBody> {
    problem(backend, &PageError::TooLong)
}

/// The parameters of a search.
fn searched(words: &str) -> String {
    query_text(&[("q", Some(words))])
}

/// The search for exactly the tasks that a row counts.
fn searched_tasks(row: &HandlerStats) -> String {
    let why = row.why.map(|why| format!(" why:{}", why.name())).unwrap_or_default();
    searched(&format!("handler:{} state:{}{why}", row.handler, row.state.name()))
}

/// What an action has done, which its parameters tell: a number, so that a link cannot claim anything else.
fn said(query: &Query) -> Option<String> {
    if let Some(status) = query.number("again") {
        return Some(format!(
            "Sent again, and answered {status}: a duplicate is counted, and no handler runs again."
        ));
    }
    let nothing = || {
        "Nothing was changed: a task that runs or is settled stays as it is, and one whose handler this program lacks cannot \
         run."
            .to_owned()
    };
    let tasks = |count| if count == 1 { "1 task".to_owned() } else { format!("{count} tasks") };
    let said =
        [("retried", "will run again now"), ("replayed", "will run again now"), ("skipped", "skipped")];
    said.into_iter().find_map(|(name, what)| match query.number(name)? {
        0 => Some(nothing()),
        count => Some(format!("{} {what}.", tasks(count))),
    })
}

/// Renders a page.
async fn render(page: impl Template + Send + 'static) -> Rendered {
    made(move || page).await
}

/// Makes a page and renders it, on a thread that may take its time: an event can be a megabyte long.
async fn made<T: Template>(page: impl FnOnce() -> T + Send + 'static) -> Rendered {
    aside(move || page().render()).await?.map_err(PageError::Template)
}

/// Does what takes its time on another thread: this one receives events.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, PageError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| PageError::Store(StoreError::broken(error)))
}

/// What is shown in place of a page.
#[derive(Template)]
#[template(path = "problem.html")]
struct Problem<'p> {
    frame: Frame,
    sentence: &'p str,
}

fn problem(backend: &Backend, error: &PageError) -> Response<AdminBody> {
    let (status, sentence) = match error {
        PageError::NoInbox => (
            StatusCode::NOT_FOUND,
            "This program handles events before the answer, and keeps none of them.".to_owned(),
        ),
        PageError::Missing(sentence) => (StatusCode::NOT_FOUND, (*sentence).to_owned()),
        PageError::Unclear(sentence) => (StatusCode::BAD_REQUEST, (*sentence).to_owned()),
        PageError::Changed(sentence) => (StatusCode::CONFLICT, (*sentence).to_owned()),
        PageError::TooLong => (
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("Nothing was done: a form may have {} KiB, and this one has more.", MAX_FORM / 1024),
        ),
        PageError::NotSent(why) => (StatusCode::BAD_GATEWAY, format!("Not sent: {why}.")),
        PageError::Store(error) => (StatusCode::SERVICE_UNAVAILABLE, chain(error)),
        PageError::Unread(why) => (StatusCode::SERVICE_UNAVAILABLE, why.clone()),
        PageError::Template(error) => (StatusCode::INTERNAL_SERVER_ERROR, chain(error)),
    };
    let page = Problem { frame: backend.frame(""), sentence: &sentence };
    page.render().map_or_else(|_| failed(500, &sentence), |page| html(status, page))
}
