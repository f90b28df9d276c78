//! What becomes of a request: refused, taken into the inbox, or handled at once.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use thiserror::Error;
use webhook_core::{Envelope, EnvelopeError, Reply, SignatureHeaderError, VerifyError};

use crate::run::attempt::AttemptReport;
use crate::settings::how_to_set;
use crate::store::StoreError;

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
    pub(crate) runs: Vec<AttemptReport>,
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
    #[error(
        "the body had not arrived after {}, which is `body-timeout`: {}",
        humantime::format_duration(*.0),
        how_to_set("body-timeout")
    )]
    BodyTimeout(Duration),
    #[error("the body is longer than {limit} bytes, which is `body-limit`: {}", how_to_set("body-limit"))]
    BodyTooLong { limit: u64 },
    #[error("verified, but no event that can be dispatched")]
    Envelope(#[from] EnvelopeError),
    #[error("it took so long to arrive that it had to give way to others")]
    GaveWay,
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
    #[error("there is no endpoint at `{asked}`; the one that there is has the path `{endpoint}`")]
    Path { asked: String, endpoint: String },
    #[error("{0} `Stripe-Signature` headers, and one is expected")]
    SignedTwice(usize),
    #[error("the signature header cannot be used")]
    SignatureHeader(#[from] SignatureHeaderError),
    #[error(
        "the signature says that it is {} s {}: more than the tolerance, so it was not verified",
        signed_at.abs_diff(*now),
        if signed_at < now { "old" } else { "ahead of this machine's clock" }
    )]
    Untimely { signed_at: u64, now: u64 },
    #[error("not verified{}", hint(*.looks))]
    Verify {
        source: VerifyError,
        /// What the body looks like, if not as Stripe prints it.
        looks: Option<&'static str>,
    },
}

/// How much of a path that was asked for is shown, in characters.
const MOST_OF_A_PATH: usize = 100;

impl Refusal {
    /// No endpoint has the path. What is shown of it can neither forge a log nor flood it.
    pub(crate) fn path(asked: &str, endpoint: &str) -> Self {
        let mut shown: String = asked.chars().take(MOST_OF_A_PATH).flat_map(char::escape_debug).collect();
        if asked.chars().nth(MOST_OF_A_PATH).is_some() {
            shown.push('…');
        }
        Self::Path { asked: shown, endpoint: endpoint.to_owned() }
    }

    /// The signature's own time lies outside the tolerance.
    pub(crate) fn untimely(signed_at: u64, now: SystemTime) -> Self {
        Self::Untimely { signed_at, now: now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() }
    }

    /// A word for all refusals that have the same reason, by which they are counted.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::BodyBroken(_) => "body-broken",
            Self::BodyTimeout(_) => "body-timeout",
            Self::BodyTooLong { .. } => "body-too-long",
            Self::Envelope(_) => "no-event",
            Self::GaveWay => "gave-way",
            Self::InProgress { .. } => "in-progress",
            Self::Inbox(_) => "not-stored",
            Self::Method(_) => "method",
            Self::NoRoom => "no-room",
            Self::NotSigned => "not-signed",
            Self::Path { .. } => "path",
            Self::SignatureHeader(_) | Self::SignedTwice(_) => "signature-header",
            Self::Untimely { .. } => "untimely",
            Self::Verify { source: VerifyError::Mismatch { .. }, .. } => "mismatch",
            Self::Verify { .. } => "clock",
        }
    }
}

fn hint(looks: Option<&str>) -> String {
    let hint = |looks| {
        format!(" (the body does not look as Stripe prints it: {looks}; did a proxy or framework change it?)")
    };
    looks.map(hint).unwrap_or_default()
}
