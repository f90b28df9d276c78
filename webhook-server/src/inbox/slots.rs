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

/// A run's place, until it is dropped. The default is none.
#[derive(Debug, Default)]
pub(super) struct Slot {
    _of_all: Option<OwnedSemaphorePermit>,
    of_handler: Option<OwnedSemaphorePermit>,
}

impl Slots {
    pub(super) fn new(total: u32, handlers: &[&'static Registration]) -> Self {
        let of_each = if handlers.len() > 1 { share(total) } else { total };
        let semaphore = |permits: u32| Arc::new(Semaphore::new(permits as usize));
        Self {
            all: semaphore(total),
            total,
            of: handlers.iter().map(|handler| (handler.id, semaphore(of_each))).collect(),
            awaited: semaphore(AWAITED),
        }
    }

    /// A slot for a handler's run on an event that has just arrived, if there is one free.
    pub(super) fn at_once(&self, handler: &Registration) -> Option<Slot> {
        let one_of = |slots: &Arc<Semaphore>| Arc::clone(slots).try_acquire_owned().ok();
        if handler.policy.replies {
            return Some(Slot { _of_all: Some(one_of(&self.awaited)?), of_handler: None });
        }
        let (of_all, of_handler) = (one_of(&self.all)?, one_of(self.of.get(handler.id)?)?);
        Some(Slot { _of_all: Some(of_all), of_handler: Some(of_handler) })
    }

    /// Takes all slots that are free, when at least one is.
    pub(super) async fn free(&self) -> Free {
        let mut of_all = Arc::clone(&self.all).acquire_owned().await.ok();
        if let (Some(of_all), Some(others)) = (&mut of_all, all_of(&self.all)) {
            of_all.merge(others);
        }
        let of = self.of.iter().filter_map(|(&handler, slots)| Some((handler, all_of(slots)?))).collect();
        Free { of_all, of }
    }

    /// Waits until no run is left.
    pub(super) async fn all_free(&self) {
        let _ = tokio::join!(self.all.acquire_many(self.total), self.awaited.acquire_many(AWAITED));
    }
}

/// Takes what is left of a semaphore.
fn all_of(slots: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    let permits = u32::try_from(slots.available_permits()).ok()?;
    Arc::clone(slots).try_acquire_many_owned(permits).ok()
}

impl Slot {
    /// Whether its handler has no other that is free.
    pub(super) fn is_last(&self) -> bool {
        self.of_handler.as_ref().is_some_and(|slot| slot.semaphore().available_permits() == 0)
    }
}

/// Slots that are free, of all handlers and of each, and that nobody else takes meanwhile.
pub(super) struct Free {
    of_all: Option<OwnedSemaphorePermit>,
    of: HashMap<&'static str, OwnedSemaphorePermit>,
}

impl Free {
    pub(super) fn capacity(&self) -> Capacity {
        let of = self.of.iter();
        Capacity {
            slots: self.of_all.as_ref().map_or(0, OwnedSemaphorePermit::num_permits),
            handlers: of.map(|(&handler, slots)| (handler.to_owned(), slots.num_permits())).collect(),
        }
    }

    /// Takes one for a run of a handler: there is one for each run that has been started within the capacity.
    pub(super) fn take(&mut self, handler: &str) -> Slot {
        let one_of = |slots: Option<&mut OwnedSemaphorePermit>| slots.and_then(|slots| slots.split(1));
        Slot { _of_all: one_of(self.of_all.as_mut()), of_handler: one_of(self.of.get_mut(handler)) }
    }
}

/// How many of all slots one of several handlers may have: three quarters, but one at least.
fn share(total: u32) -> u32 {
    // Nothing is multiplied: a number that is about to be refused comes by here, and may be any.
    (total - total.div_ceil(4)).max(1)
}
