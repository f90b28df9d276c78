//! Reading from Stripe's API while a handler's arguments are made.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;

use crate::{Envelope, HandlerError, Invocation, RawJson};

/// The future of a read: the answer's body; `None` if Stripe has no such object (any more).
pub type ReadFuture<'r> = Pin<Box<dyn Future<Output = Result<Option<Bytes>, HandlerError>> + Send + 'r>>;

/// What reads from Stripe's API: the server's client, or in a test the fixtures.
pub trait StripeReader: fmt::Debug + Send + Sync + 'static {
    /// Reads what is at a path.
    ///
    /// # Errors
    ///
    /// Fails if no answer comes, or one that is not the object. The error says whether another run may succeed.
    fn read<'r>(&'r self, read: &'r StripeRead) -> ReadFuture<'r>;
}

/// A request for what is at a path of Stripe's API.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StripeRead {
    /// The path, which begins with `/v1/` or `/v2/`.
    pub path: String,
    /// The event that causes the read, with the account or the context in which it happened.
    pub envelope: Arc<Envelope>,
    /// When the run will be cancelled.
    pub deadline: Option<Instant>,
}

impl StripeRead {
    /// Asks for what is at a path, for a run of an event's handler.
    pub fn new(path: impl Into<String>, envelope: Arc<Envelope>, deadline: Option<Instant>) -> Self {
        Self { path: path.into(), envelope, deadline }
    }
}

/// The reads of one run. Each is made once, however many arguments need it.
#[derive(Clone, Debug)]
pub(crate) struct Reads {
    reader: Arc<dyn StripeReader>,
    made: Arc<Mutex<Vec<Made>>>,
}

/// A read that was made, and its answer.
#[derive(Debug)]
struct Made {
    path: String,
    answer: Option<RawJson>,
}

impl Reads {
    pub(super) fn new(reader: Arc<dyn StripeReader>) -> Self {
        Self { reader, made: Arc::default() }
    }

    fn made(&self, path: &str) -> Option<Option<RawJson>> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.iter().find(|made| made.path == path).map(|made| made.answer.clone())
    }
}

/// Reads what is at a path, for the event of a run. `None` if Stripe has no such object (any more).
///
/// # Errors
///
/// Fails if the run cannot read from Stripe, if the read fails, and if the answer is not JSON.
pub(crate) async fn read(invocation: &Invocation, path: String) -> Result<Option<RawJson>, HandlerError> {
    // The start checks this, so only a caller that is not the server gets here.
    let Some(reads) = &invocation.reads else {
        return Err(HandlerError::park("this run cannot read from Stripe's API"));
    };
    if let Some(made) = reads.made(&path) {
        return Ok(made);
    }
    let read = StripeRead::new(path, Arc::clone(&invocation.envelope), invocation.context.deadline());
    let answer = reads.reader.read(&read).await?.map(json).transpose()?;
    let mut made = reads.made.lock().unwrap_or_else(PoisonError::into_inner);
    made.push(Made { path: read.path, answer: answer.clone() });
    Ok(answer)
}

fn json(body: Bytes) -> Result<RawJson, HandlerError> {
    let read = std::str::from_utf8(&body).ok().and_then(|text| RawJson::checked(text, body.clone()).ok());
    read.ok_or_else(|| HandlerError::retry("the answer of Stripe's API is not JSON"))
}
