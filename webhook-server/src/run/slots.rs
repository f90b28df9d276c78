//! How many runs there may be at once, of all handlers and of each; and how many tasks are claimed ahead of them.
//!
//! A task that is claimed has a [`Reservation`] until its handler has returned, and a [`Slot`] while it runs. A handler has
//! more places than slots if its runs are short: as many more as can begin within [`AHEAD`]; and so have all together.
//! Without these, a fast handler would wait for a commit after every few runs. A slow one has none, so that a task which
//! another process, or an operator, could have is not kept waiting here.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use webhook_core::Registration;

use crate::store::{Capacity, ClaimResult};

/// How many runs may be awaited at once. Beyond that, they are made like all others.
const AWAITED: usize = 256;

/// How soon a task that is claimed ahead begins.
const AHEAD: Duration = Duration::from_millis(100);

/// How many tasks are claimed ahead at most, for each slot.
const MOST_AHEAD: u64 = 32;

/// How many tasks one claim asks for at most: whoever else writes waits that long.
const MOST_AT_ONCE: usize = 512;

/// The places and slots of all handlers.
#[derive(Debug)]
pub(crate) struct Slots {
    all: Arc<Share>,
    /// Of each handler by its id: so that one that is slow, or waits for something that is down, leaves some to the others.
    of: HashMap<&'static str, Arc<Share>>,
    /// Of runs that the sender waits for: they wait for no other.
    awaited: Arc<Semaphore>,
    /// Told when a place is free for which something may be due.
    due: Arc<Notify>,
}

/// The slots and places of one handler, or of all.
#[derive(Debug)]
struct Share {
    slots: Arc<Semaphore>,
    /// How many slots there are.
    total: usize,
    /// How many tasks have a place.
    claimed: AtomicUsize,
    /// Whether tasks may be due that have no place: then what arrives goes behind them.
    is_behind: AtomicBool,
    /// How long its last runs took on average, in nanoseconds; 0 before the first has ended.
    took: AtomicU64,
}

impl Share {
    fn new(slots: usize) -> Arc<Self> {
        Arc::new(Self {
            slots: Arc::new(Semaphore::new(slots)),
            total: slots,
            claimed: AtomicUsize::new(0),
            is_behind: AtomicBool::new(false),
            took: AtomicU64::new(0),
        })
    }

    /// How many tasks may have a place.
    fn places(&self) -> usize {
        let ahead = match self.took.load(Ordering::Relaxed) {
            0 => 0,
            took => u64::try_from(AHEAD.as_nanos()).unwrap_or(u64::MAX) / took,
        };
        let ahead = usize::try_from(ahead.min(MOST_AHEAD)).unwrap_or(0);
        self.total.saturating_mul(1 + ahead)
    }

    fn room(&self) -> usize {
        self.places().saturating_sub(self.claimed.load(Ordering::SeqCst))
    }

    /// How many tasks may be claimed. If none, the next place that is free is told of.
    fn room_or_behind(&self) -> usize {
        match self.room() {
            0 => {
                self.is_behind.store(true, Ordering::SeqCst);
                // One that was given back before this was noted was not told of.
                self.room()
            }
            room => room,
        }
    }

    fn took(&self, last: Duration) {
        let last = u64::try_from(last.as_nanos()).unwrap_or(u64::MAX).max(1);
        let average = |took: u64| if took == 0 { last } else { took - took / 8 + last / 8 };
        // Of two that end at once, one may count for nothing.
        self.took.store(average(self.took.load(Ordering::Relaxed)).max(1), Ordering::Relaxed);
    }
}

impl Slots {
    pub(crate) fn new(total: u32, handlers: &[&'static Registration], due: Arc<Notify>) -> Self {
        let total = total as usize;
        let of_each = if handlers.len() > 1 { share(total) } else { total };
        Self {
            all: Share::new(total),
            of: handlers.iter().map(|handler| (handler.id, Share::new(of_each))).collect(),
            awaited: Arc::new(Semaphore::new(AWAITED)),
            due,
        }
    }

    /// A place for a task of an event that has just arrived, if there is one, and nothing of its handler is due already.
    pub(crate) fn at_once(&self, handler: &Registration) -> Option<Reservation> {
        if handler.policy.replies {
            let awaited = Arc::clone(&self.awaited).try_acquire_owned().ok()?;
            return Some(Reservation { shares: None, due: Arc::clone(&self.due), _awaited: Some(awaited) });
        }
        let of = self.of.get(handler.id)?;
        for share in [of, &self.all] {
            if share.is_behind.load(Ordering::SeqCst) || share.room() == 0 {
                // Whoever stores the event wakes the worker when that is done.
                share.is_behind.store(true, Ordering::SeqCst);
                return None;
            }
        }
        Some(self.place(handler.id))
    }

    /// A place for a task that is claimed.
    pub(crate) fn place(&self, handler: &str) -> Reservation {
        let shares = self.of.get(handler).map(|of| [Arc::clone(of), Arc::clone(&self.all)]);
        for share in shares.iter().flatten() {
            share.claimed.fetch_add(1, Ordering::SeqCst);
        }
        Reservation { shares, due: Arc::clone(&self.due), _awaited: None }
    }

    /// How many tasks may be claimed.
    pub(crate) fn capacity(&self) -> Capacity {
        let handlers: HashMap<String, usize> =
            self.of.iter().map(|(&handler, of)| (handler.to_owned(), of.room_or_behind())).collect();
        let slots = handlers.values().fold(0_usize, |sum, room| sum.saturating_add(*room));
        Capacity { slots: slots.min(self.all.room_or_behind()).min(MOST_AT_ONCE), handlers }
    }

    /// Notes of which handlers more may be due than was claimed.
    pub(crate) fn claimed(&self, capacity: &Capacity, claimed: &ClaimResult) {
        let is_full = claimed.claims.len() >= capacity.slots;
        self.all.is_behind.store(is_full, Ordering::SeqCst);
        let mut taken: HashMap<&str, usize> = HashMap::new();
        for claim in &claimed.claims {
            *taken.entry(&claim.handler).or_default() += 1;
        }
        for (&handler, of) in &self.of {
            let room = capacity.of(handler);
            let taken = taken.get(handler).copied().unwrap_or(0);
            if room > 0 {
                of.is_behind.store(taken >= room || is_full, Ordering::SeqCst);
            }
        }
    }
}

/// The right to have a task claimed, until it is dropped: its handler has returned.
#[derive(Debug)]
pub(crate) struct Reservation {
    /// The handler's, and that of all. `None` of a run that the sender waits for.
    shares: Option<[Arc<Share>; 2]>,
    due: Arc<Notify>,
    _awaited: Option<OwnedSemaphorePermit>,
}

/// The right to run, until it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    _of_handler: Option<OwnedSemaphorePermit>,
    _of_all: Option<OwnedSemaphorePermit>,
}

impl Reservation {
    /// Waits until the task may run.
    ///
    /// Cancel safety: nothing is kept.
    pub(crate) async fn slot(&self) -> Slot {
        let Some([of, all]) = &self.shares else { return Slot::default() };
        // First the handler's: what waits for that takes no slot from the others.
        let of_handler = Arc::clone(&of.slots).acquire_owned().await.ok();
        let of_all = Arc::clone(&all.slots).acquire_owned().await.ok();
        Slot { _of_handler: of_handler, _of_all: of_all }
    }

    /// Gives the place back when a run has ended.
    pub(crate) fn returned(self, took: Duration) {
        for share in self.shares.iter().flatten() {
            share.took(took);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let Some(shares) = &self.shares else { return };
        for share in shares {
            share.claimed.fetch_sub(1, Ordering::SeqCst);
        }
        // Not each time: a claim that finds nothing costs a turn of the writer.
        if shares.iter().any(|share| share.is_behind.load(Ordering::SeqCst)) {
            self.due.notify_one();
        }
    }
}

/// How many of all slots one of several handlers may have: three quarters, but one at least.
fn share(total: usize) -> usize {
    // Nothing is multiplied: a number that is about to be refused comes by here, and may be any.
    (total - total.div_ceil(4)).max(1)
}

/// Counts the tasks that are claimed and whose end is not stored yet.
#[derive(Debug)]
pub(crate) struct InHand(watch::Sender<usize>);

impl InHand {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    /// Counts one more, until what is returned is dropped.
    pub(crate) fn one(&self) -> OneInHand {
        self.0.send_modify(|count| *count += 1);
        OneInHand(self.0.clone())
    }

    /// Waits until there is none.
    pub(crate) async fn none(&self) {
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// A task that is claimed and whose end is not stored yet.
#[derive(Debug)]
pub(crate) struct OneInHand(watch::Sender<usize>);

impl Drop for OneInHand {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}
