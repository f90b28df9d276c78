//! The circumstances of one run of a handler.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

use sha2::{Digest, Sha256};

use crate::Envelope;

/// The circumstances of one run of a handler, as an argument.
#[derive(Clone, Debug)]
pub struct Context {
    envelope: Arc<Envelope>,
    run: Attempt,
}

/// What the server knows of a run besides its event.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the server makes it, and must state every field")]
pub struct Attempt {
    /// The handler's id.
    pub handler: &'static str,
    /// The path of the endpoint that received the event.
    pub endpoint: Arc<str>,
    /// Which try this is, from 1.
    pub attempt: u32,
    /// Whether an operator asked for the run.
    pub is_replay: bool,
    /// Whether the handler has done a newer event of the same object.
    pub is_stale: bool,
    /// When the run will be cancelled.
    pub deadline: Option<Instant>,
}

impl Context {
    /// Puts the circumstances together.
    pub fn new(envelope: Arc<Envelope>, run: Attempt) -> Self {
        Self { envelope, run }
    }

    /// Returns the event's id, `evt_…`.
    pub fn event_id(&self) -> &str {
        &self.envelope.id
    }

    /// Returns what tells this event from all others: its id, its type and the id of its object, `evt_…/type/object`.
    ///
    /// From Stripe itself, the id alone does. Test consoles send events of every type under one id
    /// (`evt_00000000000000`); each is stored and handled as an event of its own. So a table in which a handler notes
    /// what it has done takes this as its key, as [`idempotency_key`](Self::idempotency_key) does.
    pub fn event_key(&self) -> String {
        self.envelope.key()
    }

    /// Returns the connected account that the event happened on, `acct_…`.
    pub fn account(&self) -> Option<&str> {
        self.envelope.account.as_deref()
    }

    /// Returns the API version that the event's object was rendered in.
    pub fn api_version(&self) -> Option<&str> {
        self.envelope.api_version.as_deref()
    }

    /// Tells whether the event happened in live mode.
    pub fn livemode(&self) -> bool {
        self.envelope.livemode
    }

    /// Returns the handler's id.
    pub fn handler(&self) -> &'static str {
        self.run.handler
    }

    /// Returns the path of the endpoint that received the event.
    pub fn endpoint(&self) -> &str {
        &self.run.endpoint
    }

    /// Returns which try this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.run.attempt
    }

    /// Tells whether an operator asked for the run.
    pub fn is_replay(&self) -> bool {
        self.run.is_replay
    }

    /// Tells whether this handler, or another of its `order` group, has already done an event of the same object that
    /// happened later, as events may arrive in any order: this event's view of the object is out of date. Known with an
    /// inbox only.
    ///
    /// Stripe tells whole seconds. Within one, `*.created` is taken for the first event and `*.deleted` for the last;
    /// of any two others, neither makes the other stale.
    pub fn is_stale(&self) -> bool {
        self.run.is_stale
    }

    /// Returns when the run will be cancelled; `None` if it may take as long as it likes.
    pub fn deadline(&self) -> Option<Instant> {
        self.run.deadline
    }

    /// Returns a key for a request that the handler makes, the same in every run of this handler on this event.
    ///
    /// Give each request of the handler a `step` of its own, and send the key as the request's `Idempotency-Key`:
    /// then a second run repeats no effect. It is below Stripe's limit of 255 characters.
    /// (<https://docs.stripe.com/api/idempotent_requests>)
    pub fn idempotency_key(&self, step: &str) -> String {
        let mut hash = Sha256::new();
        // Neither a handler's id nor an event's key holds a NUL, so no two triples are written alike.
        for part in [&*self.event_key(), "\0", self.handler(), "\0", step] {
            hash.update(part);
        }
        hash.finalize().iter().fold(String::from("webhook-"), |mut key, byte| {
            // Writing to a `String` cannot fail.
            let _ = write!(key, "{byte:02x}");
            key
        })
    }
}
