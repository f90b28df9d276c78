//! What a handler can know about its run.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::Envelope;
use crate::catalog::Kind;

/// Information about one run of a handler, as an argument.
#[derive(Clone, Debug)]
pub struct Context {
    envelope: Arc<Envelope>,
    run: Attempt,
}

/// What the server knows about a run besides its event.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the server makes it, and must set every field")]
pub struct Attempt {
    /// The handler's id.
    pub handler: &'static str,
    /// The name of the handler's endpoint, or of the first that received the event.
    pub endpoint: Arc<str>,
    /// The number of this run, from 1.
    pub attempt: u32,
    /// Whether an operator requested the run.
    pub is_replay: bool,
    /// Whether the handler has already handled a newer event of the same object.
    pub is_stale: bool,
    /// When the run will be cancelled.
    pub deadline: Option<Instant>,
}

impl Context {
    /// Makes the context of a run.
    pub fn new(envelope: Arc<Envelope>, run: Attempt) -> Self {
        Self { envelope, run }
    }

    /// Returns the event's id, `evt_…`.
    pub fn event_id(&self) -> &str {
        &self.envelope.id
    }

    /// Returns a key that is unique to this event: its id, its type and the id of its object, `evt_…/type/object`.
    ///
    /// Stripe never gives two events the same id, but test consoles send events of every type under one id
    /// (`evt_00000000000000`), and each is stored and handled as an event of its own. So use this key in a table of
    /// handled events, as [`idempotency_key`](Self::idempotency_key) does.
    pub fn event_key(&self) -> String {
        self.envelope.key()
    }

    /// Returns the kind of the event.
    ///
    /// Stripe can report one occurrence by a snapshot event and by a thin one, such as `payment_intent.succeeded` and
    /// `v1.payment_intent.succeeded`. A handler that names both types runs once for the two, on the event that came first, and
    /// this tells which one that is. Without an inbox, it runs for each.
    pub fn kind(&self) -> Kind {
        Kind::of(&self.envelope.event_type)
    }

    /// Returns the connected account that the event happened on, `acct_…`.
    pub fn account(&self) -> Option<&str> {
        self.envelope.account.as_deref()
    }

    /// Returns the API version that the event's object was rendered in.
    pub fn api_version(&self) -> Option<&str> {
        self.envelope.api_version.as_deref()
    }

    /// Tells whether that is an API version that the program was not made for: one whose Cargo feature is not enabled.
    pub fn has_other_version(&self) -> bool {
        self.envelope.has_other_version()
    }

    /// Tells whether the event happened in live mode.
    pub fn livemode(&self) -> bool {
        self.envelope.livemode
    }

    /// Returns the handler's id.
    pub fn handler(&self) -> &'static str {
        self.run.handler
    }

    /// Returns the name of the endpoint that received the event, or its path if it has no name.
    ///
    /// An event may come through several endpoints, and is one event. Then this is the handler's own endpoint, if its
    /// attribute names one, and otherwise the one through which the event came first.
    pub fn endpoint(&self) -> &str {
        &self.run.endpoint
    }

    /// Returns the number of this run, from 1.
    pub fn attempt(&self) -> u32 {
        self.run.attempt
    }

    /// Tells whether an operator requested the run.
    pub fn is_replay(&self) -> bool {
        self.run.is_replay
    }

    /// Tells whether this handler, or another of its `order` group, has already handled a later event of the same
    /// object, since events can arrive in any order. If so, this event's view of the object is out of date. Always false
    /// without an inbox.
    ///
    /// Stripe's times are whole seconds. Within a second, `*.created` counts as the first event and `*.deleted` as the
    /// last; of any other two, neither makes the other stale.
    pub fn is_stale(&self) -> bool {
        self.run.is_stale
    }

    /// Returns when the run will be cancelled; `None` if it has no deadline.
    pub fn deadline(&self) -> Option<Instant> {
        self.run.deadline
    }

    /// Returns a key for a request that the handler makes, the same in every run of this handler on this event.
    ///
    /// Give each request of the handler its own `step`, and send the key as the request's `Idempotency-Key`. Then a
    /// second run repeats no effect. The key is shorter than Stripe's limit of 255 characters.
    /// (<https://docs.stripe.com/api/idempotent_requests>)
    pub fn idempotency_key(&self, step: &str) -> String {
        let mut hash = Sha256::new();
        // Neither a handler's id nor an event's key contains a NUL, so different triples give different input.
        for part in [&*self.event_key(), "\0", self.handler(), "\0", step] {
            hash.update(part);
        }
        format!("webhook-{:x}", Bytes::copy_from_slice(&hash.finalize()))
    }
}
