//! How many runs there may be at once: of all handlers, and of each.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use webhook_core::Registration;

use super::store::Capacity;

/// How many runs may be awaited at once. Beyond that, they are made like all others.
const AWAITED: u32 = 256;

/// The places of runs.
#[derive(Debug)]
pub(super) struct Slots {
    all: Arc<Semaphore>,
    /// How many there are in all.
    total: u32,
    /// Of each handler by its id: so that one that is slow, or waits for something that is down, leaves some to the others.
    of: HashMap<&'static str, Arc<Semaphore>>,
    /// The slots of runs that the sender waits for: they wait for no other.
    awaited: Arc<Semaphore>,
}

/// A run's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    _of_all: OwnedSemaphorePermit,
    _of_handler: Option<OwnedSemaphorePermit>,
}

impl Slots {
    pub(super) fn new(total: u32, handlers: &[&'static Registration]) -> Self {
        let share = if handlers.len() > 1 { share(total) } else { total };
        let share = || Arc::new(Semaphore::new(share as usize));
        Self {
            all: Arc::new(Semaphore::new(total as usize)),
            total,
            of: handlers.iter().map(|handler| (handler.id, share())).collect(),
            awaited: Arc::new(Semaphore::new(AWAITED as usize)),
        }
    }

    /// A slot for a handler's run on an event that has just arrived, if there is one free.
    pub(super) fn at_once(&self, handler: &Registration) -> Option<Slot> {
        if handler.policy.replies {
            let awaited = Arc::clone(&self.awaited).try_acquire_owned().ok()?;
            return Some(Slot { _of_all: awaited, _of_handler: None });
        }
        self.slot(Arc::clone(&self.all).try_acquire_owned().ok()?, handler.id)
    }

    /// Takes all slots that are free, when at least one is.
    pub(super) async fn free(&self) -> Free<'_> {
        let mut of_all = Vec::from_iter(Arc::clone(&self.all).acquire_owned().await.ok());
        while let Ok(another) = Arc::clone(&self.all).try_acquire_owned() {
            of_all.push(another);
        }
        Free { slots: self, of_all }
    }

    /// Waits until no run is left.
    pub(super) async fn all_free(&self) {
        let _ = tokio::join!(self.all.acquire_many(self.total), self.awaited.acquire_many(AWAITED));
    }

    fn slot(&self, of_all: OwnedSemaphorePermit, handler: &str) -> Option<Slot> {
        let of_handler = Arc::clone(self.of.get(handler)?).try_acquire_owned().ok()?;
        Some(Slot { _of_all: of_all, _of_handler: Some(of_handler) })
    }
}

/// Slots that are free, and that nobody else takes meanwhile.
pub(super) struct Free<'s> {
    slots: &'s Slots,
    of_all: Vec<OwnedSemaphorePermit>,
}

impl Free<'_> {
    pub(super) fn capacity(&self) -> Capacity {
        let of = self.slots.of.iter();
        Capacity {
            slots: self.of_all.len(),
            handlers: of.map(|(&handler, slots)| (handler.to_owned(), slots.available_permits())).collect(),
        }
    }

    /// Takes one for a run of a handler.
    pub(super) fn take(&mut self, handler: &str) -> Option<Slot> {
        self.slots.slot(self.of_all.pop()?, handler)
    }
}

/// How many of all slots one of several handlers may have: three in four, and not all.
fn share(total: u32) -> u32 {
    (total - (total / 4).max(1)).max(1)
}
