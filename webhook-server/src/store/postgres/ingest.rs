//! The connections that store what arrives.
//!
//! Each has a loop that takes what waits, up to a limit, and stores it in one transaction. There is no timer: the commits
//! under way are the time in which the next batch gathers. There is one loop at first; another is started when something
//! arrives while all are busy, and ends after a while without work.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

use super::arrivals::{Arrival, Noted};
use super::opener::Opener;
use super::problem::Problem;
use super::session::Session;
use super::store_batch::Storing;
use crate::store::clock::StoreClock;
use crate::store::noted_uses::NotedUses;
use crate::store::{Arriving, CameBy, Commit, CommitWatcher, RecordResult, StoreError};

/// How many arrivals may wait, and how many bytes of bodies. Beyond that they are refused, and Stripe sends them again.
const MAX_ARRIVALS: usize = 1024;
const MAX_ARRIVING: u32 = 64 * 1024 * 1024;

/// How much one transaction stores at most.
const TOGETHER: usize = 256;
const TOGETHER_BYTES: usize = 4 * 1024 * 1024;

/// How long a loop stays without work, unless it is the only one.
const IDLE: Duration = Duration::from_secs(60);

/// Something that arrived, and who waits for it.
pub(super) enum Job {
    Event(Arrival, oneshot::Sender<Result<RecordResult, StoreError>>),
    NotAnEvent {
        body: Bytes,
        reason: String,
        came_by: CameBy,
        reply: oneshot::Sender<Result<bool, StoreError>>,
    },
}

impl Job {
    /// The size of the body.
    fn bytes(&self) -> usize {
        match self {
            Self::Event(arrival, _) => arrival.event.envelope.body.len(),
            Self::NotAnEvent { body, .. } => body.len(),
        }
    }

    /// What no two jobs of one transaction share.
    fn event_id(&self) -> Option<&str> {
        match self {
            Self::Event(arrival, _) => Some(&arrival.event.envelope.id),
            Self::NotAnEvent { .. } => None,
        }
    }
}

/// A job with its share of the limits, which is free again when it is answered.
pub(super) struct Waiting {
    pub(super) job: Job,
    pub(super) share: [OwnedSemaphorePermit; 2],
}

/// Stores what arrives. When this is dropped, the loops end after the work that waits.
pub(super) struct Ingest {
    shared: Arc<Shared>,
    arrivals: Arc<Semaphore>,
    arriving: Arc<Semaphore>,
}

/// What the loops share.
pub(super) struct Shared {
    pub(super) opener: Arc<Opener>,
    pub(super) session: Arc<Session>,
    pub(super) noted: Noted,
    watcher: OnceLock<CommitWatcher>,
    state: Mutex<State>,
    changed: Notify,
    /// How many loops there may be.
    most: usize,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Waiting>,
    /// How many loops there are, and how many of them wait for work.
    loops: usize,
    idle: usize,
    /// Why a loop cannot store anything at present.
    trouble: Option<Problem>,
    is_closed: bool,
}

impl Ingest {
    /// Stores over up to `most` connections.
    pub(super) fn new(opener: Arc<Opener>, session: Arc<Session>, clock: StoreClock, most: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                opener,
                session,
                noted: Noted { uses: NotedUses::default(), clock },
                watcher: OnceLock::new(),
                state: Mutex::default(),
                changed: Notify::new(),
                most: most.max(1),
            }),
            arrivals: Arc::new(Semaphore::new(MAX_ARRIVALS)),
            arriving: Arc::new(Semaphore::new(MAX_ARRIVING as usize)),
        }
    }

    /// Hands a job over. It is done even if its caller stops waiting.
    ///
    /// # Errors
    ///
    /// Fails at once if too much waits, and while the database is away.
    pub(super) fn hand_over(&self, job: Job) -> Result<(), StoreError> {
        // A body that is longer than the limit takes all of it.
        let bytes = u32::try_from(job.bytes()).unwrap_or(MAX_ARRIVING).min(MAX_ARRIVING);
        let arrival = Arc::clone(&self.arrivals).try_acquire_owned().map_err(|_| StoreError::Busy)?;
        let arriving =
            Arc::clone(&self.arriving).try_acquire_many_owned(bytes).map_err(|_| StoreError::Busy)?;
        let mut state = self.shared.state();
        if let Some(trouble) = &state.trouble {
            return Err(trouble.clone().into());
        }
        state.queue.push_back(Waiting { job, share: [arrival, arriving] });
        if state.idle == 0 && state.loops < self.shared.most {
            state.loops += 1;
            tokio::spawn(run(Arc::clone(&self.shared)));
        }
        drop(state);
        self.shared.changed.notify_one();
        Ok(())
    }

    /// What waits to be stored.
    pub(super) fn arriving(&self) -> Arriving {
        let taken = |most: usize, left: &Semaphore| most.saturating_sub(left.available_permits());
        Arriving {
            count: taken(MAX_ARRIVALS, &self.arrivals),
            bytes: taken(MAX_ARRIVING as usize, &self.arriving),
        }
    }

    /// Has this told of each commit.
    pub(super) fn watch_commits(&self, watcher: CommitWatcher) {
        // Only the first one is told.
        let _ = self.shared.watcher.set(watcher);
    }

    /// Why nothing can be stored at present.
    pub(super) fn trouble(&self) -> Option<StoreError> {
        self.shared.state().trouble.clone().map(StoreError::from)
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        self.shared.state().is_closed = true;
        self.shared.changed.notify_waiters();
    }
}

impl fmt::Debug for Ingest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state();
        f.debug_struct("Ingest")
            .field("waiting", &state.queue.len())
            .field("loops", &state.loops)
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes why nothing can be stored, or that something was stored. Meanwhile nothing else is accepted.
    pub(super) fn note_trouble(&self, trouble: Option<Problem>) {
        self.state().trouble = trouble;
    }

    /// Tells the watcher of a commit.
    pub(super) fn committed(&self, writes: usize, took: Duration) {
        if let Some(told) = self.watcher.get() {
            told(Commit { writes, took });
        }
    }

    /// Takes what waits, as much as one transaction stores, and no two events with one id. `None` when the loop is to end.
    async fn next(&self) -> Option<Vec<Waiting>> {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.state();
                let batch = take(&mut state.queue);
                if !batch.is_empty() {
                    return Some(batch);
                }
                if state.is_closed {
                    state.loops -= 1;
                    return None;
                }
                state.idle += 1;
            }
            let waited = tokio::time::timeout(IDLE, changed).await;
            let mut state = self.state();
            state.idle -= 1;
            if waited.is_err() && state.loops > 1 && state.queue.is_empty() {
                state.loops -= 1;
                return None;
            }
        }
    }
}

/// Stores what waits, until there is no more work.
async fn run(shared: Arc<Shared>) {
    let mut storing = Storing::new(Arc::clone(&shared));
    while let Some(batch) = shared.next().await {
        storing.store(batch).await;
        // What senders have ready as soon as they are answered belongs in the next batch.
        tokio::task::yield_now().await;
    }
}

/// Takes a batch out of the queue.
fn take(queue: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    let (mut batch, mut left, mut bytes) = (Vec::new(), VecDeque::new(), 0);
    let mut ids: HashSet<String> = HashSet::new();
    while batch.len() < TOGETHER && bytes < TOGETHER_BYTES {
        let Some(waiting) = queue.pop_front() else { break };
        if waiting.job.event_id().is_some_and(|id| !ids.insert(id.to_owned())) {
            left.push_back(waiting);
            continue;
        }
        bytes += waiting.job.bytes();
        batch.push(waiting);
    }
    while let Some(waiting) = left.pop_back() {
        queue.push_front(waiting);
    }
    batch
}
