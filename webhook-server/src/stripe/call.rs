//! What is asked of Stripe's API.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::error::Reason;
use super::key::ApiKey;
use super::{form, path};
use crate::report::format::hex;

/// A call of Stripe's API: what is asked, in whose name, and how long the answer may take.
#[derive(Clone)]
pub(crate) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    /// The query, encoded.
    pub(super) query: String,
    body: Option<Value>,
    account: Option<String>,
    context: Option<String>,
    cause: Option<String>,
    idempotency_key: Option<String>,
    pub(super) deadline: Option<Duration>,
}

/// Shows what is asked, and nothing that is sent with it.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("method", &self.method).field("path", &self.path).finish_non_exhaustive()
    }
}

impl Call {
    /// Reads an object or a list.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into())
    }

    /// Creates or changes something.
    pub(crate) fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path.into())
    }

    /// Deletes an object. If the answer is lost, the call is repeated, and may then find nothing more to delete.
    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path.into())
    }

    fn new(method: Method, path: String) -> Self {
        Self {
            method,
            path,
            query: String::new(),
            body: None,
            account: None,
            context: None,
            cause: None,
            idempotency_key: None,
            deadline: None,
        }
    }

    /// The fields of the query, as an object.
    pub(crate) fn query(mut self, fields: &Value) -> Self {
        self.query = form::encode(fields);
        self
    }

    /// A query that Stripe has written.
    pub(super) fn written_query(mut self, query: &str) -> Self {
        query.clone_into(&mut self.query);
        self
    }

    /// Adds fields to the query.
    pub(super) fn and_query(mut self, fields: &Value) -> Self {
        let added = form::encode(fields);
        let between = if self.query.is_empty() || added.is_empty() { "" } else { "&" };
        self.query = format!("{}{between}{added}", self.query);
        self
    }

    /// The fields of the body, as an object. `/v1/` gets them as a form, `/v2/` as JSON.
    pub(crate) fn body(mut self, fields: Value) -> Self {
        self.body = Some(fields);
        self
    }

    /// Asks in the name of a connected account (`acct_…`).
    pub(crate) fn account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Asks in a context: what an event has in `context`.
    pub(crate) fn context(mut self, context: impl Into<String>) -> Self {
        self.context = Some(context.into());
        self
    }

    /// Says that an event is why this is asked.
    pub(crate) fn because_of(mut self, event: &str) -> Self {
        self.cause = Some(format!("event={event}"));
        self
    }

    /// The key under which Stripe does this once. By default it is random, and kept while the call is repeated.
    pub(crate) fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }

    /// How long the call may take, with everything that it waits for.
    pub(crate) fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    fn is_of_v2(&self) -> bool {
        self.path.starts_with("/v2/")
    }

    /// Checks that the call can be made with a key.
    pub(super) fn check(&self, key: &ApiKey) -> Result<(), Reason> {
        path::check(&self.path).map_err(Reason::Path)?;
        if key.needs_account() && self.account.is_none() && self.context.is_none() {
            return Err(Reason::NeedsAccount);
        }
        Ok(())
    }

    /// The path with its query.
    pub(super) fn target(&self) -> String {
        match &*self.query {
            "" => self.path.clone(),
            query => format!("{}?{query}", self.path),
        }
    }

    /// The body as it is sent.
    pub(super) fn encoded_body(&self) -> Bytes {
        match &self.body {
            None => Bytes::new(),
            Some(fields) if self.is_of_v2() => fields.to_string().into(),
            Some(fields) => form::encode(fields).into(),
        }
    }

    /// The headers, which are the same each time the call is repeated.
    ///
    /// # Errors
    ///
    /// Fails if a value cannot be one of a header, or if a key for it would have to be random and cannot.
    pub(super) fn headers(&self, key: &ApiKey, version: &str) -> Result<HeaderMap, Reason> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, key.authorization().ok_or(Reason::Unsendable("the API key"))?);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if self.body.is_some() || self.method == Method::POST {
            let form = if self.is_of_v2() { "application/json" } else { "application/x-www-form-urlencoded" };
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(form));
        }
        let own_key = match self.idempotency_key.clone() {
            None if self.takes_idempotency_key() => Some(random_key()?),
            given => given,
        };
        for (name, what, value) in [
            ("stripe-version", "the API version", Some(version)),
            ("stripe-account", "the account", self.account.as_deref()),
            ("stripe-context", "the context", self.context.as_deref()),
            ("stripe-request-trigger", "the event's id", self.cause.as_deref()),
            ("idempotency-key", "the idempotency key", own_key.as_deref()),
        ] {
            let Some(value) = value else { continue };
            // The header's own check lets through what is not ASCII.
            let value = HeaderValue::from_str(value).ok().filter(|value| value.to_str().is_ok());
            headers.insert(HeaderName::from_static(name), value.ok_or(Reason::Unsendable(what))?);
        }
        Ok(headers)
    }

    /// Whether Stripe heeds an idempotency key.
    fn takes_idempotency_key(&self) -> bool {
        self.method == Method::POST || self.is_of_v2() && self.method == Method::DELETE
    }
}

fn random_key() -> Result<String, Reason> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| Reason::Unsendable("an idempotency key, without randomness"))?;
    Ok(hex(&bytes))
}
