//! How many more tasks a claim may start.

use std::collections::HashMap;

use crate::store::Capacity;

/// How many more tasks may be started.
pub(super) struct Remaining<'c> {
    slots: usize,
    handlers: HashMap<&'c str, usize>,
}

impl<'c> Remaining<'c> {
    pub(super) fn of(capacity: &'c Capacity) -> Self {
        let handlers = capacity.handlers.iter().map(|(handler, tasks)| (&**handler, *tasks));
        Self { slots: capacity.slots, handlers: handlers.collect() }
    }

    pub(super) fn has(&self, handler: &str) -> bool {
        self.slots > 0 && self.handlers.get(handler).is_some_and(|tasks| *tasks > 0)
    }

    pub(super) fn take(&mut self, handler: &str) {
        self.slots = self.slots.saturating_sub(1);
        if let Some(tasks) = self.handlers.get_mut(handler) {
            *tasks = tasks.saturating_sub(1);
        }
    }
}
