//! The admin pages: what a load balancer, Prometheus or an operator's browser asks, and what it is answered.
//!
//! ```text
//! answer:   /healthz, /readyz     no token, whatever the host
//!           guard.check           400 401 403: is the host ours, the token right, the request our own page's?
//!           /metrics              numbers for Prometheus
//!           GET                   a page (pages) or a stream of what happens (pages/stream), which read through Operations
//!           POST                  a change through Operations, then 303 back to the page
//! ```
//!
//! [`listener`] is the way in from the network; a mounted application passes requests to [`Admin::answer`] itself.
//!
//! Nothing here receives events: the pages have an address of their own, which the internet should not reach.

mod answer;
mod body;
mod guard;
mod health;
pub(crate) mod listener;
mod pages;
mod query;
#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests;
mod token;

use std::fmt;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Buf, Bytes};
use hyper::http::request::Parts;
use hyper::{Method, Response};
use tokio::sync::Semaphore;
use tracing::{Instrument, info_span};
use webhook_core::Registry;

use self::answer::{failed, plain, refused, text};
pub use self::body::AdminBody;
use self::guard::Guard;
use self::pages::Backend;
use self::pages::stream;
use self::query::Query;
pub(crate) use self::token::Token;
use crate::endpoint::Endpoints;
use crate::future::BoxFuture;
use crate::operate::Operations;
use crate::phase::Phase;
use crate::receive::outcome::BoxError;
use crate::report::metrics::Metrics;
use crate::report::metrics::page::CONTENT_TYPE;
use crate::server::gauges::Gauging;
use crate::server::playground::Playground;

/// The longest form, in bytes: far more than a page of tasks.
const MAX_FORM: usize = 64 * 1024;

/// How much of a longer form is read and thrown away: only who has sent all of it reads the answer.
const MAX_DISCARDED: usize = 4 * 1024 * 1024;

/// How long a form may take to arrive.
const FORM_TIMEOUT: Duration = Duration::from_secs(10);

/// The body of a request, when it has arrived.
pub(crate) type Form = BoxFuture<'static, Result<Bytes, BoxError>>;

/// Reads a body, unless it is longer than a form of ours.
pub(crate) fn form<B>(body: B) -> Form
where
    B: Body<Data: Buf + Send, Error: Into<BoxError>> + Send + 'static,
{
    Box::pin(async move { tokio::time::timeout(FORM_TIMEOUT, read(body)).await? })
}

async fn read<B>(body: B) -> Result<Bytes, BoxError>
where
    B: Body<Data: Buf + Send, Error: Into<BoxError>> + Send + 'static,
{
    let mut body = pin!(body);
    let form = Limited::new(body.as_mut(), MAX_FORM).collect().await;
    if form.as_ref().is_err_and(|error| error.is::<LengthLimitError>()) {
        let mut discarded = 0;
        while discarded < MAX_DISCARDED
            && let Some(Ok(frame)) = body.frame().await
        {
            discarded += frame.data_ref().map_or(0, Buf::remaining);
        }
    }
    Ok(form?.to_bytes())
}

/// Answers admin requests.
pub(crate) struct Admin {
    guard: Guard,
    backend: Arc<Backend>,
}

/// What this instance has counted since it started, and what looks at what there is now.
#[derive(Clone)]
pub(crate) struct Numbers {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) gauging: Gauging,
}

/// What the pages show, and who may see them.
#[derive(Clone)]
pub(crate) struct Subject {
    /// `None` without an inbox.
    pub(crate) operations: Option<Operations>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) endpoints: Endpoints,
    pub(crate) numbers: Numbers,
    pub(crate) phase: Arc<Phase>,
    pub(crate) token: Option<Arc<Token>>,
    /// `admin-url`
    pub(crate) url: Option<String>,
    pub(crate) is_read_only: bool,
    pub(crate) live: Live,
    /// Sends what a person makes up; only `dev` has it.
    pub(crate) playground: Option<Arc<dyn Playground>>,
}

/// What the streams of all pages share.
#[derive(Clone)]
pub(crate) struct Live {
    /// How many more there may be at once.
    pub(crate) free: Arc<Semaphore>,
    /// How long a stream waits before it looks again.
    pub(crate) pause: Duration,
}

impl Live {
    /// How many streams there may be at once. Each reads the inbox.
    const MOST: usize = 8;

    pub(crate) fn new(pause: Duration) -> Self {
        Self { free: Arc::new(Semaphore::new(Self::MOST)), pause }
    }
}

/// How the pages are reached.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reached<'p> {
    /// On an address of their own.
    Directly,
    /// Below this path of the application's own server, which checks the host.
    Mounted(&'p str),
}

impl Admin {
    pub(crate) fn new(subject: Subject, reached: Reached<'_>) -> Self {
        let guard = Guard::new(subject.url.as_deref(), reached, subject.token.clone());
        let backend = Arc::new(Backend::new(subject, guard.base().to_owned()));
        Self { guard, backend }
    }

    /// Answers one request. `form` is its body, which is only read if the request changes something.
    ///
    /// `peer` is who sent it, as the log says of an action: a proxy, if there is one. `None` if that is not known.
    pub(crate) async fn answer(
        &self,
        head: Parts,
        form: Form,
        peer: Option<SocketAddr>,
    ) -> Response<AdminBody> {
        let span = info_span!("admin", peer = peer.map(display));
        self.answer_in_span(head, form).instrument(span).await
    }

    async fn answer_in_span(&self, head: Parts, form: Form) -> Response<AdminBody> {
        let path = self.guard.path(head.uri.path()).to_owned();
        match &*path {
            "/healthz" => return plain(200, "ok\n"),
            "/readyz" => return health::ready(&self.backend.subject),
            _ => {}
        }
        if let Err(denied) = self.guard.check(&head, &path) {
            return self.guard.deny(denied, &head);
        }
        if path == "/metrics" {
            let Numbers { metrics, gauging } = &self.backend.subject.numbers;
            return text(CONTENT_TYPE, metrics.page(&gauging.gauges().await));
        }
        if head.method == Method::GET || head.method == Method::HEAD {
            let query = Query::of(&head.uri);
            return match &*path {
                "/live/stream" | "/event/stream" => stream::open(&self.backend, &path, &query, &head),
                _ => pages::show(&self.backend, &path, query).await,
            };
        }
        match form.await {
            Ok(form) => self.carry_out(&path, &form, &head).await,
            Err(error) if error.is::<LengthLimitError>() => pages::too_long(&self.backend),
            Err(error) => failed(400, &format!("the form did not arrive: {error}")),
        }
    }

    async fn carry_out(&self, path: &str, form: &Bytes, head: &Parts) -> Response<AdminBody> {
        let form = Query::of_form(form);
        match path {
            "/login" => return self.guard.log_in(&form, head),
            "/logout" => return self.guard.log_out(),
            _ => {}
        }
        if self.backend.subject.is_read_only {
            return refused("these pages change nothing: `admin-read-only` is set");
        }
        // It goes on if the browser leaves.
        let (backend, path) = (Arc::clone(&self.backend), path.to_owned());
        let acting = async move { pages::act(&backend, &path, &form).await };
        let acting = tokio::spawn(acting.in_current_span());
        acting.await.unwrap_or_else(|_| failed(500, "the action failed: see the log"))
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}
