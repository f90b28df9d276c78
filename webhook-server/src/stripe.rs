//! The client of Stripe's API.
//!
//! [`Client::call`] sends a [`Call`] and returns its [`Answer`]; [`Client::list`] returns a list page by page. Where to find
//! what a call does:
//!
//! | file | what it is about |
//! |---|---|
//! | `key` | the key: its forms, where it is found, what is shown of it |
//! | `call`, `path`, `form` | what is asked, and how it is written |
//! | `pace`, `connections` | when a call may begin, and through which connection |
//! | `retries` | when a call is repeated |
//! | `answer`, `pages` | what comes back |
//! | `reader` | reading objects for handlers |
//! | `error` | why a call failed |
//!
//! Sources: <https://docs.stripe.com/api>, <https://docs.stripe.com/rate-limits>, and what Stripe's own libraries do.

mod answer;
mod call;
mod connections;
mod error;
mod form;
mod key;
mod pace;
mod pages;
mod path;
mod reader;
mod retries;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::Uri;
use hyper::header::HeaderMap;
use tokio::time::{sleep, timeout};
use tracing::debug;
use webhook_core::catalog;

pub(crate) use self::answer::Answer;
pub(crate) use self::call::Call;
use self::connections::Connections;
pub(crate) use self::error::{ApiError, Reason};
use self::error::{RATE_LIMITED, Told, without_key};
pub(crate) use self::key::{ApiKey, Caller, Environment, FoundKey, KeyOrigin, find};
use self::pace::Pace;
pub(crate) use self::pages::{Direction, Pages};
pub(crate) use self::reader::reader;
use crate::http_client::connection::BodyError;
use crate::report::format::{chain, printable};
use crate::settings::Settings;

/// Where Stripe's API is.
const STRIPE: &str = "https://api.stripe.com";

/// How long a call may take, with everything that it waits for, as in Stripe's own libraries.
const DEADLINE: Duration = Duration::from_secs(80);

/// The maximum size of an answer, in bytes: more than any list has.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;

/// A client of Stripe's API. Its clones share connections and limits.
///
/// Its connections belong to the runtime on which they were made, so it is used on one that keeps running.
#[derive(Clone, Debug)]
pub(crate) struct Client(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    key: ApiKey,
    connections: Connections,
    pace: Pace,
}

/// What a call sends each time it is repeated.
struct Sent<'c> {
    call: &'c Call,
    target: String,
    headers: HeaderMap,
    body: Bytes,
}

/// An attempt that failed, and whether the call is repeated.
struct Failed {
    error: ApiError,
    is_repeated: bool,
}

impl Client {
    /// Makes a client, which connects when it is asked. The settings were checked.
    pub(crate) fn new(key: ApiKey, settings: &Settings) -> Self {
        let url = settings.stripe_api_url.as_deref().and_then(|url| url.parse().ok());
        let connections = Connections::to(url.unwrap_or_else(|| Uri::from_static(STRIPE)));
        let pace = Pace::new(settings.stripe_api_rate, settings.stripe_api_concurrency);
        Self(Arc::new(Shared { key, connections, pace }))
    }

    /// The key, of which nothing secret is shown.
    pub(crate) fn key(&self) -> &ApiKey {
        &self.0.key
    }

    /// Makes a call, and repeats it if it failed for a reason that may pass.
    ///
    /// Cancel safety: Stripe may have done what was asked, or may do it yet. A call with the same idempotency key then returns
    /// what became of this one.
    ///
    /// # Errors
    ///
    /// Fails if there is no answer in time, and if the answer is not a success.
    pub(crate) async fn call(&self, call: &Call) -> Result<Answer, ApiError> {
        let failed = |reason| ApiError::new(call, reason);
        let key = &self.0.key;
        call.check(key).map_err(failed)?;
        let headers = call.headers(key, catalog::newest().name()).map_err(failed)?;
        let sent = Sent { call, target: call.target(), headers, body: call.encoded_body() };
        let deadline = call.deadline.unwrap_or(DEADLINE);
        let answered = timeout(deadline, self.attempts(&sent)).await;
        answered.unwrap_or_else(|_| Err(failed(Reason::Timeout(deadline))))
    }

    /// Begins a list, which is then read page by page.
    pub(crate) fn list(&self, call: Call, direction: Direction) -> Pages {
        Pages::new(self.clone(), call, direction)
    }

    async fn attempts(&self, sent: &Sent<'_>) -> Result<Answer, ApiError> {
        let mut repeated = 0;
        loop {
            let Failed { error, is_repeated } = match self.attempt(sent).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            if !is_repeated || repeated >= retries::MOST {
                return Err(error);
            }
            let pause = retries::pause(repeated);
            debug!(error = chain(&error), ?pause, "a call of Stripe's API is repeated");
            repeated += 1;
            sleep(pause).await;
        }
    }

    /// Makes the call once.
    async fn attempt(&self, sent: &Sent<'_>) -> Result<Answer, Failed> {
        let Shared { connections, pace, key } = &*self.0;
        let final_error = |reason| Failed { error: ApiError::new(sent.call, reason), is_repeated: false };
        let unanswered = |error| {
            let is_repeated = retries::repeats_after_error(&error);
            Failed { is_repeated, ..final_error(Reason::Connection(error)) }
        };
        let _slot = pace.start().await;
        let (method, headers) = (sent.call.method.clone(), sent.headers.clone());
        let request = connections.server().request(method, &sent.target, headers, sent.body.clone());
        let request = request.map_err(unanswered)?;
        let mut connection = connections.take().await.map_err(unanswered)?;
        let answered = connection.send(request, ANSWER_LIMIT, connections.server()).await;
        let (head, body) = answered.map_err(unanswered)?.into_parts();
        let text = |name| Some(without_key(head.headers.get(name)?.to_str().ok()?, key));
        let request_id = text("request-id");
        debug!(
            method = sent.call.method.as_str(),
            path = printable(&sent.call.path),
            status = head.status.as_u16(),
            request_id,
            "Stripe's API has answered"
        );
        let body = match body {
            Ok(body) => body,
            Err(BodyError::TooLong) => return Err(final_error(Reason::TooLong(ANSWER_LIMIT))),
            Err(BodyError::Incomplete) => {
                return Err(Failed { is_repeated: true, ..final_error(Reason::CutOff) });
            }
        };
        connections.keep(connection);
        if head.status.is_success() {
            let answer = Answer::new(sent.call, body, request_id.clone(), text("date"));
            return answer
                .map_err(|error| Failed { error: error.told(None, request_id), is_repeated: false });
        }
        let told = Told::read(&body, key);
        let reason = Reason::of_answer(head.status, text(RATE_LIMITED), told.as_ref());
        let is_repeated = retries::repeats_after_answer(head.status, &head.headers, &reason);
        let error = ApiError::new(sent.call, reason).told(told.and_then(|told| told.message), request_id);
        Err(Failed { error, is_repeated })
    }
}
