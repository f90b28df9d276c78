//! What this process is to the inbox: an instance, and its runs.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::problem::{Cause, Problem};
use crate::store::{Claim, Ticket};

/// How long things take by the protocol. Tests with a clock of their own shorten some.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// How long a lease lasts.
    pub(super) lease: Duration,
    /// For how long no live instance must have had a handler before its tasks are parked, unless this instance is alone.
    pub(super) missing_handler: Duration,
    /// Whether an instance must have renewed its lease twice, without a gap, before it takes anything over. So an outage of
    /// the database, in which all leases end, buries no instance.
    pub(super) settles: bool,
    /// How often to look for what other instances have made ready; `None` if there are no others.
    pub(super) poll: Option<Duration>,
    /// A look that may take long is repeated after this many times as long as it took.
    pub(super) look_share: u32,
}

impl Timing {
    /// What is usual, for a lease of this length.
    pub(super) const fn with_lease(lease: Duration) -> Self {
        Self {
            lease,
            missing_handler: Duration::from_secs(10 * 60),
            settles: true,
            poll: Some(Duration::from_secs(1)),
            look_share: 100,
        }
    }
}

/// This process as an instance: a new one each time it joins.
#[derive(Default)]
pub(super) struct Session {
    /// 0 before it has joined.
    id: AtomicI64,
    live: Mutex<HashSet<Ticket>>,
    starts: Mutex<Starts>,
}

/// The calls that may start runs, numbered as they begin.
#[derive(Default)]
struct Starts {
    next: u64,
    under_way: BTreeSet<u64>,
    /// The runs that were unknown at the last look, and the number of the next call at that time.
    unknown: HashMap<Ticket, u64>,
}

/// A call that may start runs is under way. Those that it starts are noted before this is dropped.
pub(super) struct Starting<'s> {
    session: &'s Session,
    number: u64,
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        self.session.starts().under_way.remove(&self.number);
    }
}

impl Session {
    /// The instance's id: the owner of what it runs.
    pub(super) fn id(&self) -> i64 {
        self.id.load(Ordering::SeqCst)
    }

    /// Becomes another instance, which runs nothing yet.
    pub(super) fn become_instance(&self, id: i64) {
        let mut live = self.live();
        live.clear();
        self.id.store(id, Ordering::SeqCst);
    }

    /// The runs that were reported to the worker and have not ended. What runs in this instance's name, but is not among
    /// them, is left from a statement whose outcome was unknown.
    pub(super) fn live(&self) -> MutexGuard<'_, HashSet<Ticket>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a call begins which may start runs.
    pub(super) fn starting(&self) -> Starting<'_> {
        let mut starts = self.starts();
        let number = starts.next;
        starts.next += 1;
        starts.under_way.insert(number);
        Starting { session: self, number }
    }

    /// The number of the first call that is under way. What earlier ones have started is known, or their answers were lost.
    pub(super) fn first_under_way(&self) -> u64 {
        let starts = self.starts();
        starts.under_way.first().copied().unwrap_or(starts.next)
    }

    /// Notes which runs of the database are unknown, and returns those that were unknown at the last look, too, if all calls
    /// that were under way then have ended: nobody will hear of them.
    pub(super) fn forgotten(&self, unknown: Vec<Ticket>, first_under_way: u64) -> Vec<Ticket> {
        let mut starts = self.starts();
        let next = starts.next;
        let before = std::mem::take(&mut starts.unknown);
        starts.unknown =
            unknown.iter().map(|ticket| (*ticket, *before.get(ticket).unwrap_or(&next))).collect();
        unknown
            .into_iter()
            .filter(|ticket| before.get(ticket).is_some_and(|next| *next <= first_under_way))
            .collect()
    }

    fn starts(&self) -> MutexGuard<'_, Starts> {
        self.starts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes runs that are reported to the worker. Drops them if they were started for a former `instance`: this process has
    /// joined again meanwhile, and another instance takes them over.
    pub(super) fn started(&self, instance: i64, claims: &mut Vec<Claim>) {
        let mut live = self.live();
        if self.id() != instance {
            claims.clear();
        }
        live.extend(claims.iter().map(|claim| claim.ticket));
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// A random number that no other instance or transaction has: positive, of 63 bits.
pub(super) fn random() -> Result<i64, Problem> {
    let random = getrandom::u64().map_err(|error| Problem::Failed(Cause::new(error.to_string())))?;
    Ok((random >> 1).max(1).cast_signed())
}
