//! How many more tasks a claim may start.

use std::collections::HashMap;

use crate::store::{Capacity, HandlerId};

/// How many more tasks may be started.
pub(super) struct Remaining {
    slots: usize,
    handlers: HashMap<HandlerId, usize>,
}

impl Remaining {
    /// Starts with all of a claim's capacity.
    pub(super) fn of(capacity: &Capacity) -> Self {
        Self { slots: capacity.slots, handlers: capacity.handlers.clone() }
    }

    /// Finds a handler by the text of its id, if the claim asks for its tasks.
    pub(super) fn handler(&self, id: &str) -> Option<HandlerId> {
        self.handlers.get_key_value(id).map(|(handler, _)| *handler)
    }

    /// Whether another task of a handler may be started.
    pub(super) fn has(&self, handler: &str) -> bool {
        self.slots > 0 && self.handlers.get(handler).is_some_and(|tasks| *tasks > 0)
    }

    /// Counts a task of a handler that is started.
    pub(super) fn take(&mut self, handler: &str) {
        self.slots = self.slots.saturating_sub(1);
        if let Some(tasks) = self.handlers.get_mut(handler) {
            *tasks = tasks.saturating_sub(1);
        }
    }
}
