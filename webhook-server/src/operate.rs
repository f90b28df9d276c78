//! What an operator can do with an inbox: look at it, retry, skip, replay, prune.
//!
//! [`Operations`] is the only place where this is done. The command line calls it directly while no server runs
//! ([`direct`]), and through the running server otherwise: [`socket`] answers, [`client`] asks. [`operator`] decides
//! which of the two it is.
//!
//! Every operation takes and returns values of `store/rows.rs`, so it is the same from the command line, over the
//! socket and in a test.

#[cfg(feature = "cli")]
mod client;
#[cfg(feature = "cli")]
mod direct;
#[cfg(feature = "cli")]
pub(crate) mod operator;
mod routes;
mod search;
pub(crate) mod socket;
#[cfg(any(feature = "admin", feature = "cli"))]
pub(crate) mod tail;
#[cfg(test)]
mod tests;
pub(crate) mod wire;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinHandle};
use tracing::info;
use webhook_core::{Envelope, Registry};

pub(crate) use self::search::Found;
use self::search::search;
use crate::receive::new_event::new_task;
#[cfg(feature = "cli")]
use crate::store::Buried;
use crate::store::retention::prune;
use crate::store::{
    EventRow, Filter, HandlerId, InstanceRow, Pruned, QuarantineRow, Quarantined, Replayed, Retention, Stats,
    Store, StoreError, StoredEvent, TaskRow,
};

/// Everything that an operator can do with an inbox.
#[derive(Clone, Debug)]
pub(crate) struct Operations {
    store: Arc<dyn Store>,
    /// Decides which tasks can be retried, and which handlers a replay runs.
    registry: Arc<Registry>,
    /// What [`prune`](Self::prune) keeps.
    retention: Retention,
    /// Notified when a task may have become due; `None` if this process runs no tasks.
    worker: Option<Arc<Notify>>,
}

/// An event in the inbox. Its id alone may stand for several events.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventKey {
    pub(crate) event_id: String,
    pub(crate) cursor: i64,
}

impl Operations {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        registry: Arc<Registry>,
        retention: Retention,
        worker: Option<Arc<Notify>>,
    ) -> Self {
        Self { store, registry, retention, worker }
    }

    /// Lists tasks, newest event first.
    pub(crate) async fn tasks(&self, filter: Filter) -> Result<Vec<TaskRow>, StoreError> {
        Ok(self.tasks_within(Duration::MAX, filter).await?.rows)
    }

    /// Lists events, newest first. The filter's `handler`, `state` and `why` are ignored.
    pub(crate) async fn events(&self, filter: Filter) -> Result<Vec<EventRow>, StoreError> {
        Ok(self.events_within(Duration::MAX, filter).await?.rows)
    }

    /// The same as [`tasks`](Self::tasks), for about this time at most.
    pub(crate) async fn tasks_within(
        &self,
        time: Duration,
        filter: Filter,
    ) -> Result<Found<TaskRow>, StoreError> {
        search(filter, time, |row: &TaskRow| row.task, |filter| self.store.tasks(filter)).await
    }

    /// The same as [`events`](Self::events), for about this time at most.
    pub(crate) async fn events_within(
        &self,
        time: Duration,
        filter: Filter,
    ) -> Result<Found<EventRow>, StoreError> {
        search(filter, time, |row: &EventRow| row.cursor, |filter| self.store.events(filter)).await
    }

    /// Finds the events with an id, oldest first.
    pub(crate) async fn events_with_id(&self, id: String) -> Result<Vec<StoredEvent>, StoreError> {
        self.store.events_with_id(id).await
    }

    /// Finds an event.
    pub(crate) async fn event(&self, key: &EventKey) -> Result<Option<StoredEvent>, StoreError> {
        let found = self.store.events_with_id(key.event_id.clone()).await?;
        Ok(found.into_iter().find(|found| found.event.cursor == key.cursor))
    }

    /// Lists quarantined bodies, newest first.
    pub(crate) async fn quarantined(&self, limit: usize) -> Result<Vec<QuarantineRow>, StoreError> {
        self.store.quarantined(limit).await
    }

    /// Finds the quarantined body with this `id`.
    pub(crate) async fn quarantined_with_id(&self, id: i64) -> Result<Option<Quarantined>, StoreError> {
        self.store.quarantined_with_id(id).await
    }

    /// Counts events and tasks.
    pub(crate) async fn stats(&self) -> Result<Stats, StoreError> {
        self.store.stats().await
    }

    /// Returns why an event that came now would not be stored, as far as that is known.
    #[cfg(feature = "admin")]
    pub(crate) fn obstacle(&self) -> Option<StoreError> {
        self.store.obstacle()
    }

    /// Lists the instances that share the inbox, the oldest first.
    pub(crate) async fn instances(&self) -> Result<Vec<InstanceRow>, StoreError> {
        self.store.instances().await
    }

    /// Removes an instance that is dead, and takes its tasks over. `None` if there is no instance of this name.
    #[cfg(feature = "cli")]
    pub(crate) async fn bury(&self, name: String) -> Result<Option<Buried>, StoreError> {
        self.store.bury(name).await
    }

    /// Makes parked or waiting tasks ready now, with their full number of attempts. Returns how many it changed: not those
    /// that are running or closed, whose body is gone, or whose handler this program lacks.
    ///
    /// # Errors
    ///
    /// Fails if the store does. Changes that succeeded before are kept; this holds for every operation here.
    pub(crate) async fn retry(&self, tasks: Vec<i64>) -> Result<u64, StoreError> {
        let handlers: Arc<[HandlerId]> = self.registry.ids().collect();
        let retried = changed(tasks, |task| {
            let (store, handlers) = (Arc::clone(&self.store), Arc::clone(&handlers));
            async move { store.retry(task, handlers).await }
        });
        let retried = retried.await;
        info!(tasks = retried.as_ref().ok(), "an operator retried tasks");
        self.wake_worker();
        retried
    }

    /// Skips parked or waiting tasks. Returns how many it changed.
    pub(crate) async fn skip(&self, tasks: Vec<i64>, reason: String) -> Result<u64, StoreError> {
        let skipped = changed(tasks, |task| {
            let (store, reason) = (Arc::clone(&self.store), reason.clone());
            async move { store.skip(task, reason).await }
        });
        let skipped = skipped.await;
        info!(tasks = skipped.as_ref().ok(), reason, "an operator skipped tasks");
        // What waited in the lane of a skipped task may run now.
        self.wake_worker();
        skipped
    }

    /// Runs handlers again on stored events: all that take the event where it came from, or `only` this one. Returns what became of each
    /// event.
    pub(crate) async fn replay(
        &self,
        events: Vec<EventKey>,
        only: Option<String>,
    ) -> Result<Vec<Replayed>, StoreError> {
        info!(events = events.len(), handler = only, "an operator replays events");
        let replayed = self.replay_all(events, only.as_deref()).await;
        self.wake_worker();
        replayed
    }

    /// Deletes everything that is past its retention time.
    pub(crate) async fn prune(&self) -> Result<Pruned, StoreError> {
        prune(&*self.store, self.retention, Duration::ZERO).await
    }

    /// Starts all writes before it waits for the first, so that they share few commits.
    async fn replay_all(
        &self,
        events: Vec<EventKey>,
        only: Option<&str>,
    ) -> Result<Vec<Replayed>, StoreError> {
        let mut replays = Vec::with_capacity(events.len());
        for event in events {
            replays.push(self.start_replay(event, only).await?);
        }
        let mut replayed = Vec::with_capacity(replays.len());
        for replay in replays {
            replayed.push(match replay {
                Replay::Writing(write) => write.await.map_err(panicked)??,
                Replay::Impossible(why) => why,
            });
        }
        Ok(replayed)
    }

    /// Looks an event up and starts the write that makes its tasks ready.
    async fn start_replay(&self, key: EventKey, only: Option<&str>) -> Result<Replay, StoreError> {
        let Some(found) = self.event(&key).await? else {
            return Ok(Replay::Impossible(Replayed::Unknown));
        };
        let came_through = found.event.endpoints.iter().map(|row| &*row.endpoint);
        let handlers = self.registry.handlers_at(&found.event.event_type, came_through);
        let body = found.body.map(Bytes::from);
        let Some(envelope) = body.and_then(|body| Envelope::parse_stored(&body).ok()) else {
            return Ok(Replay::Impossible(Replayed::NoBody));
        };
        let wanted = handlers.into_iter().filter(|handler| only.is_none_or(|only| handler.id == only));
        let object = envelope.object_id();
        let tasks = wanted.map(|handler| new_task(handler, &envelope, object.as_deref())).collect();
        let store = Arc::clone(&self.store);
        Ok(Replay::Writing(tokio::spawn(async move { store.replay(key.cursor, tasks).await })))
    }

    fn wake_worker(&self) {
        if let Some(worker) = &self.worker {
            worker.notify_one();
        }
    }
}

/// A replay that has started, or the reason why the event cannot be replayed.
enum Replay {
    Writing(JoinHandle<Result<Replayed, StoreError>>),
    Impossible(Replayed),
}

/// Starts all changes before it waits for the first, so that they share few commits, and counts those that had an
/// effect.
async fn changed<F>(tasks: Vec<i64>, change: impl Fn(i64) -> F) -> Result<u64, StoreError>
where
    F: Future<Output = Result<bool, StoreError>> + Send + 'static,
{
    let changes: Vec<_> = tasks.into_iter().map(|task| tokio::spawn(change(task))).collect();
    let mut count = 0;
    for change in changes {
        count += u64::from(change.await.map_err(panicked)??);
    }
    Ok(count)
}

fn panicked(error: JoinError) -> StoreError {
    StoreError::broken(error)
}
