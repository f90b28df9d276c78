//! What becomes of a request: refused, taken into the inbox, or handled at once.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use webhook_core::{Envelope, EnvelopeError, Reply, SignatureHeaderError, VerifyError};

use crate::inbox::store::StoreError;
use crate::run::Ran;

/// What became of a request that was not refused.
#[derive(Debug)]
pub(crate) enum Delivery {
    Taken(Taken),
    Handled(Handled),
}

/// What became of an event that goes into the inbox.
#[derive(Debug)]
pub(crate) enum Taken {
    /// Stored, with so many tasks.
    New {
        envelope: Arc<Envelope>,
        tasks: usize,
        /// Whether its id is also that of an event of another type or object.
        id_is_reused: bool,
        /// What a handler told the sender, which waited for it.
        reply: Option<Reply>,
    },
    /// Stored before.
    Duplicate { envelope: Arc<Envelope>, same_body: bool },
    /// No event; kept in quarantine.
    Quarantined { reason: String, is_new: bool },
}

/// One event and what its handlers made of it.
#[derive(Debug)]
pub(crate) struct Handled {
    pub(crate) envelope: Arc<Envelope>,
    /// In the order of the handlers' ids. Empty if the type has no handler.
    pub(crate) runs: Vec<Ran>,
}

impl Handled {
    /// What a handler told the sender.
    pub(crate) fn reply(&self) -> Option<&Reply> {
        self.runs.iter().find_map(|run| run.reply.as_ref())
    }
}

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a request did not become a delivery.
#[derive(Debug, Error)]
pub(crate) enum Refusal {
    #[error("the body did not arrive whole")]
    BodyBroken(#[source] BoxError),
    #[error("the body had not arrived after {}", humantime::format_duration(*.0))]
    BodyTimeout(Duration),
    #[error("the body is longer than {limit} bytes")]
    BodyTooLong { limit: u64 },
    #[error("verified, but no event that can be dispatched")]
    Envelope(#[from] EnvelopeError),
    #[error("event {event_id} is being handled at this moment, from another delivery")]
    InProgress { event_id: String },
    #[error("not stored")]
    Inbox(#[from] StoreError),
    #[error("the method is {0}, and an endpoint takes POST")]
    Method(hyper::Method),
    #[error("more bodies are being received than there is room for")]
    NoRoom,
    #[error("no `Stripe-Signature` header: does the sender sign, and does a proxy remove it?")]
    NotSigned,
    #[error("no endpoint at this path")]
    Path,
    #[error("{0} `Stripe-Signature` headers, and one is expected")]
    SignedTwice(usize),
    #[error("the signature header cannot be used")]
    SignatureHeader(#[from] SignatureHeaderError),
    #[error("not verified")]
    Verify(#[from] VerifyError),
}
