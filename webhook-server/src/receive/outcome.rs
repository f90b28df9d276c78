//! What became of a request: a receipt or a refusal.
//!
//! A test compares these values instead of status codes. Their texts are for the log: the sender never sees them.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::{Method, Uri};
use thiserror::Error;
use webhook_core::{Envelope, EnvelopeError, Reply, SignatureHeaderError, VerifyError};

use crate::run::attempt::AttemptReport;
use crate::settings::how_to_set;
use crate::store::StoreError;

/// What became of a request.
pub(crate) type Outcome = Result<Receipt, Refusal>;

/// What became of a request that was accepted.
#[derive(Debug)]
pub(crate) enum Receipt {
    /// The event is stored.
    Stored {
        envelope: Arc<Envelope>,
        /// The number of tasks that were created for it.
        tasks: usize,
        /// How many handlers have a task of the event's twin instead.
        known_occurrences: usize,
        /// Whether an event of another type or object has the same id.
        id_is_reused: bool,
        /// The answer of a handler whose run the sender waited for.
        reply: Option<Reply>,
    },
    /// The event was stored before.
    Duplicate {
        envelope: Arc<Envelope>,
        same_body: bool,
        /// The number of tasks that it got, because it came through this endpoint for the first time.
        tasks: usize,
        /// The answer of a handler whose run the sender waited for.
        reply: Option<Reply>,
    },
    /// The body is verified, but it is not an event that can be dispatched, or not one that the inbox can keep. It is kept in
    /// quarantine; `is_new` is false if it was there already.
    Quarantined { reason: String, is_new: bool },
    /// The endpoint takes events of the other mode alone: the event is not stored, and no handler runs.
    OtherMode { event_id: String, livemode: bool },
    /// The event was handled without being stored.
    Handled(Handled),
}

impl Receipt {
    /// The event, if it is handled.
    pub(crate) fn envelope(&self) -> Option<&Envelope> {
        match self {
            Self::Stored { envelope, .. } | Self::Duplicate { envelope, .. } => Some(envelope),
            Self::Handled(handled) => Some(&handled.envelope),
            Self::Quarantined { .. } | Self::OtherMode { .. } => None,
        }
    }
}

/// An event whose handlers ran before the answer.
#[derive(Debug)]
pub(crate) struct Handled {
    pub(crate) envelope: Arc<Envelope>,
    /// In the order of the handlers' ids. Empty if the type has no handler.
    pub(crate) attempts: Vec<AttemptReport>,
    /// Whether the sender need not send it again: every handler succeeded or skipped it, or could not decode
    /// it where `accept-undecodable` allows that.
    pub(crate) is_success: bool,
}

impl Handled {
    /// The answer that a handler gave.
    pub(crate) fn reply(&self) -> Option<&Reply> {
        self.attempts.iter().find_map(|report| report.reply.as_ref())
    }
}

/// Any error of a body's source.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a request was refused.
#[derive(Debug, Error)]
pub(crate) enum Refusal {
    #[error("the body did not arrive whole")]
    BodyBroken(#[source] BoxError),
    #[error("the application's own limit for bodies is lower than `body-limit`, and the body is longer")]
    BodyLimited,
    #[error(
        "the body had not arrived after {}, which is `body-timeout`: {}",
        humantime::format_duration(*.0),
        how_to_set("body_timeout")
    )]
    BodyTimeout(Duration),
    #[error("the body is longer than {limit} bytes, which is `body-limit`: {}", how_to_set("body_limit"))]
    BodyTooLong { limit: u64 },
    #[error("the transfer coding `chunked` is there more than once")]
    ChunkedTwice,
    #[error("the body is encoded as `{0}`: does a proxy compress it?")]
    ContentEncoding(String),
    #[error("verified, but not an event that can be dispatched")]
    Envelope(#[from] EnvelopeError),
    #[error("the sender expects `{0}`, which is not `100-continue`")]
    Expect(String),
    #[error("the server failed while it received the request")]
    Failed,
    #[error("it took so long to arrive that it had to make way for others")]
    GaveWay,
    #[error("the `Host` header {0}")]
    Host(&'static str),
    #[error("event {event_id} is being handled right now, from another delivery")]
    InProgress { event_id: String },
    #[error("not stored")]
    Inbox(#[from] StoreError),
    #[error("the method is {0}; an endpoint only accepts POST")]
    Method(String),
    #[error("more bodies are being received than there is memory for")]
    NoMemory,
    #[error(
        "no `Stripe-Signature` header: does the sender sign its requests, or does a proxy remove the header?"
    )]
    NotSigned,
    #[error("there is no endpoint at `{asked}`, only at {endpoints}")]
    Path { asked: String, endpoints: String },
    #[error("{0} `Stripe-Signature` headers where one is expected")]
    SignedTwice(usize),
    #[error("the server is stopping")]
    Stopping,
    #[error("more requests are being received than the server accepts at once")]
    TooMany,
    #[error("the signature header cannot be used")]
    SignatureHeader(#[from] SignatureHeaderError),
    #[error("the target is `{0}`, and not a path: the request is meant for a proxy")]
    Target(String),
    #[error("the transfer coding is `{0}`; only `chunked` is supported")]
    TransferEncoding(String),
    #[error(
        "by its own timestamp, the signature is {} s {}: that is outside the tolerance, so it was not verified",
        signed_at.abs_diff(*now),
        if signed_at < now { "old" } else { "ahead of this machine's clock" }
    )]
    Untimely { signed_at: u64, now: u64 },
    #[error("not verified{}", hint(*.looks))]
    Verify {
        source: VerifyError,
        /// What the body looks like, if it is not formatted as Stripe formats it.
        looks: Option<&'static str>,
    },
}

/// How much is shown of a text that the sender chose, in characters.
const MOST_OF_A_TEXT: usize = 100;

impl Refusal {
    /// No endpoint has the path.
    pub(crate) fn path(asked: &str, endpoints: &str) -> Self {
        Self::Path { asked: shown(asked.as_bytes()), endpoints: endpoints.to_owned() }
    }

    pub(crate) fn method(method: &Method) -> Self {
        Self::Method(shown(method.as_str().as_bytes()))
    }

    pub(crate) fn target(uri: &Uri) -> Self {
        Self::Target(shown(uri.to_string().as_bytes()))
    }

    pub(crate) fn content_encoding(coding: &[u8]) -> Self {
        Self::ContentEncoding(shown(coding))
    }

    pub(crate) fn transfer_encoding(coding: &[u8]) -> Self {
        Self::TransferEncoding(shown(coding))
    }

    pub(crate) fn expect(expected: &[u8]) -> Self {
        Self::Expect(shown(expected))
    }

    /// The signature's own timestamp is outside the tolerance.
    pub(crate) fn untimely(signed_at: u64, now: SystemTime) -> Self {
        Self::Untimely { signed_at, now: now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() }
    }

    /// Whether the connection must end with this refusal: the request's form is wrong, so nothing says where the next one
    /// begins, or the rest of its body is not waited for.
    ///
    /// A refusal of the signature header does not: hyper drops a body that has arrived with the head, and ends the
    /// connection if more is to come.
    pub(crate) fn ends_connection(&self) -> bool {
        !matches!(
            self,
            Self::Envelope(_)
                | Self::InProgress { .. }
                | Self::Inbox(_)
                | Self::NotSigned
                | Self::SignatureHeader(_)
                | Self::SignedTwice(_)
                | Self::Untimely { .. }
                | Self::Verify { .. }
        )
    }

    /// The kind of the refusal, by which refusals are counted.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::BodyBroken(_) => "body-broken",
            Self::BodyTimeout(_) => "body-timeout",
            Self::BodyLimited | Self::BodyTooLong { .. } => "body-too-long",
            Self::ChunkedTwice | Self::TransferEncoding(_) => "transfer-encoding",
            Self::ContentEncoding(_) => "content-encoding",
            Self::Envelope(_) => "no-event",
            Self::Expect(_) => "expect",
            Self::Failed => "failed",
            Self::GaveWay => "gave-way",
            Self::Host(_) => "host",
            Self::InProgress { .. } => "in-progress",
            Self::Inbox(StoreError::Vetoed(_)) => "vetoed",
            Self::Inbox(_) => "not-stored",
            Self::Method(_) => "method",
            Self::NoMemory => "no-memory",
            Self::NotSigned => "not-signed",
            Self::Path { .. } => "path",
            Self::SignatureHeader(_) | Self::SignedTwice(_) => "signature-header",
            Self::Stopping => "stopping",
            Self::TooMany => "too-many",
            Self::Target(_) => "target",
            Self::Untimely { .. } => "untimely",
            Self::Verify { source: VerifyError::Mismatch { .. }, .. } => "mismatch",
            Self::Verify { .. } => "clock",
        }
    }
}

/// A text that the sender chose, escaped and shortened, so that it can neither forge log lines nor flood the log.
fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut shown: String = text.chars().take(MOST_OF_A_TEXT).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST_OF_A_TEXT).is_some() {
        shown.push('…');
    }
    shown
}

/// What to add about a body that was changed on its way.
fn hint(looks: Option<&str>) -> String {
    let hint = |looks| {
        format!(
            " (the body is not formatted as Stripe formats it: {looks}; did a proxy or framework change it?)"
        )
    };
    looks.map(hint).unwrap_or_default()
}
