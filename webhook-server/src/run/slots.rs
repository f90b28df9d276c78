//! Concurrency: how many handlers run at once, in all and per handler, and how many tasks are claimed ahead of that.
//!
//! A claimed task holds a [`Reservation`] until its handler has returned, and a [`Slot`] while the handler runs. A
//! handler whose runs are short gets more reservations than slots: as many more as can start within [`AHEAD`]. The
//! same holds for all handlers together. Without them, a fast handler would wait for a commit after every few runs. A
//! slow handler gets none, so that a task which another process or an operator could take does not wait here.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use webhook_core::Registration;

use crate::store::{Capacity, ClaimResult, HandlerId};

/// The most runs that a sender waits for at once. Runs beyond that are queued like all others.
const AWAITED: usize = 256;

/// How soon a task that is claimed ahead starts.
const AHEAD: Duration = Duration::from_millis(100);

/// The most tasks that are claimed ahead, per slot.
const MOST_AHEAD: u64 = 32;

/// The most tasks that one claim asks for: all other writes wait for it.
const MOST_AT_ONCE: usize = 512;

/// The reservations and slots of all handlers.
#[derive(Debug)]
pub(crate) struct Slots {
    all: Arc<Share>,
    /// Per handler id, so that one slow or blocked handler cannot take every slot.
    of: HashMap<&'static str, Arc<Share>>,
    /// For runs that the sender waits for: these never queue behind others.
    awaited: Arc<Semaphore>,
    /// Notified when a reservation is returned and a task may be due for it.
    due: Arc<Notify>,
}

/// The slots and reservations of one handler, or of all handlers.
#[derive(Debug)]
struct Share {
    slots: Arc<Semaphore>,
    /// The number of slots.
    total: usize,
    /// The number of reservations that are held.
    claimed: AtomicUsize,
    /// Whether tasks may be due without a reservation: new tasks then queue behind them.
    is_behind: AtomicBool,
    /// The moving average of the last runs' durations, in nanoseconds; 0 before the first has ended.
    took: AtomicU64,
}

impl Share {
    /// With no reservation held, and nothing known about the duration of runs.
    fn new(slots: usize) -> Arc<Self> {
        Arc::new(Self {
            slots: Arc::new(Semaphore::new(slots)),
            total: slots,
            claimed: AtomicUsize::new(0),
            is_behind: AtomicBool::new(false),
            took: AtomicU64::new(0),
        })
    }

    /// The most reservations that may be held.
    fn limit(&self) -> usize {
        let ahead = match self.took.load(Ordering::Relaxed) {
            0 => 0,
            took => u64::try_from(AHEAD.as_nanos()).unwrap_or(u64::MAX) / took,
        };
        let ahead = usize::try_from(ahead.min(MOST_AHEAD)).unwrap_or(0);
        self.total.saturating_mul(1 + ahead)
    }

    /// The number of reservations that are free. Others may take them at any moment.
    fn free(&self) -> usize {
        self.limit().saturating_sub(self.claimed.load(Ordering::SeqCst))
    }

    /// The number of tasks that may be claimed. If it is 0, the next returned reservation wakes the worker.
    fn free_or_behind(&self) -> usize {
        match self.free() {
            0 => {
                self.is_behind.store(true, Ordering::SeqCst);
                // A reservation that was returned before the flag was set did not wake anyone.
                self.free()
            }
            room => room,
        }
    }

    /// Adds a run's duration to the moving average, with a weight of one eighth.
    fn took(&self, last: Duration) {
        let last = u64::try_from(last.as_nanos()).unwrap_or(u64::MAX).max(1);
        let average = |took: u64| if took == 0 { last } else { took - took / 8 + last / 8 };
        // Of two runs that end at once, one may be lost from the average.
        self.took.store(average(self.took.load(Ordering::Relaxed)).max(1), Ordering::Relaxed);
    }
}

impl Slots {
    /// Shares out `total` slots. With several handlers, each may have three quarters of them.
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

    /// Reserves for a task of an event that has just arrived, if there is capacity and no older task of its handler is due.
    pub(crate) fn try_reserve(&self, handler: &Registration) -> Option<Reservation> {
        if handler.policy.replies {
            let awaited = Arc::clone(&self.awaited).try_acquire_owned().ok()?;
            return Some(Reservation { shares: None, due: Arc::clone(&self.due), _awaited: Some(awaited) });
        }
        let of = self.of.get(handler.id)?;
        for share in [of, &self.all] {
            if share.is_behind.load(Ordering::SeqCst) || share.free() == 0 {
                // The recorder wakes the worker when the event is stored.
                share.is_behind.store(true, Ordering::SeqCst);
                return None;
            }
        }
        Some(self.reserve(handler.id))
    }

    /// Reserves for a task that is claimed.
    pub(crate) fn reserve(&self, handler: &str) -> Reservation {
        let shares = self.of.get(handler).map(|of| [Arc::clone(of), Arc::clone(&self.all)]);
        for share in shares.iter().flatten() {
            share.claimed.fetch_add(1, Ordering::SeqCst);
        }
        Reservation { shares, due: Arc::clone(&self.due), _awaited: None }
    }

    /// The number of tasks that may be claimed.
    pub(crate) fn capacity(&self) -> Capacity {
        let handlers: HashMap<HandlerId, usize> =
            self.of.iter().map(|(&handler, of)| (handler, of.free_or_behind())).collect();
        let slots = handlers.values().fold(0_usize, |sum, room| sum.saturating_add(*room));
        Capacity { slots: slots.min(self.all.free_or_behind()).min(MOST_AT_ONCE), handlers }
    }

    /// Notes which handlers may have more due tasks than were claimed.
    pub(crate) fn note_claimed(&self, capacity: &Capacity, claimed: &ClaimResult) {
        let is_full = claimed.claims.len() >= capacity.slots;
        self.all.is_behind.store(is_full, Ordering::SeqCst);
        let mut taken: HashMap<&str, usize> = HashMap::new();
        for claim in &claimed.claims {
            *taken.entry(claim.handler).or_default() += 1;
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

/// The right to have a task claimed. It is returned when it is dropped: the handler has returned.
#[derive(Debug)]
pub(crate) struct Reservation {
    /// The handler's share and the common one; `None` for a run that the sender waits for.
    shares: Option<[Arc<Share>; 2]>,
    /// Notified when this is returned, if a task may be due for it.
    due: Arc<Notify>,
    /// For a run that the sender waits for: one of the slots that only such runs use.
    _awaited: Option<OwnedSemaphorePermit>,
}

/// The right to run. It is released when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    _of_handler: Option<OwnedSemaphorePermit>,
    _of_all: Option<OwnedSemaphorePermit>,
}

impl Reservation {
    /// Waits until the task may run.
    ///
    /// Cancel safety: no slot is kept.
    pub(crate) async fn slot(&self) -> Slot {
        let Some([of, all]) = &self.shares else { return Slot::default() };
        // The handler's own slot first: a task that waits for it takes no slot from other handlers.
        let of_handler = Arc::clone(&of.slots).acquire_owned().await.ok();
        let of_all = Arc::clone(&all.slots).acquire_owned().await.ok();
        Slot { _of_handler: of_handler, _of_all: of_all }
    }

    /// Returns the reservation after a run that took this long.
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
        // Only if something may be due: a claim that finds nothing still costs the writer a turn.
        if shares.iter().any(|share| share.is_behind.load(Ordering::SeqCst)) {
            self.due.notify_one();
        }
    }
}

/// The share of all slots that one of several handlers may have: three quarters, and at least one.
fn share(total: usize) -> usize {
    // No multiplication: a setting that is about to be refused as out of range passes here, too.
    (total - total.div_ceil(4)).max(1)
}
