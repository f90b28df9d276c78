//! The operations over HTTP: one path each, with the types of its request and answer.
//!
//! Every request is a POST with a JSON body. Both ends use these routes, so they agree on the types.
//!
//! A request with a field that the server does not know is refused, so that a command of another version never does
//! more than it was asked to.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use super::EventKey;
use crate::store::{
    EventRow, Filter, InstanceRow, Pruned, QuarantineRow, Quarantined, Replayed, Stats, StoredEvent, TaskRow,
};

pub(super) const TASKS: Route<Filter, Vec<TaskRow>> = Route::new("/tasks");
pub(super) const EVENTS: Route<Filter, Vec<EventRow>> = Route::new("/events");
/// Takes the event's id.
pub(super) const EVENTS_WITH_ID: Route<String, Vec<StoredEvent>> = Route::new("/events-with-id");
/// Takes the maximum number of rows.
pub(super) const QUARANTINED: Route<usize, Vec<QuarantineRow>> = Route::new("/quarantined");
/// Takes the body's id.
pub(super) const QUARANTINED_WITH_ID: Route<i64, Option<Quarantined>> = Route::new("/quarantined-with-id");
pub(super) const STATS: Route<(), Stats> = Route::new("/stats");
pub(super) const INSTANCES: Route<(), Vec<InstanceRow>> = Route::new("/instances");
/// Takes the tasks, and answers how many were changed.
pub(super) const RETRY: Route<Vec<i64>, u64> = Route::new("/retry");
/// Answers how many tasks were changed.
pub(super) const SKIP: Route<Skip, u64> = Route::new("/skip");
/// Answers what became of each event.
pub(super) const REPLAY: Route<Replay, Vec<Replayed>> = Route::new("/replay");
pub(super) const PRUNE: Route<(), Pruned> = Route::new("/prune");

/// A path, with the types of its request and answer.
pub(crate) struct Route<Request, Answer> {
    path: &'static str,
    types: PhantomData<fn(Request) -> Answer>,
}

impl<Request, Answer> Route<Request, Answer> {
    const fn new(path: &'static str) -> Self {
        Self { path, types: PhantomData }
    }

    pub(super) const fn path(&self) -> &'static str {
        self.path
    }
}

/// The request of [`SKIP`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Skip {
    pub(super) tasks: Vec<i64>,
    /// Recorded with each task.
    pub(super) reason: String,
}

/// The request of [`REPLAY`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Replay {
    pub(super) events: Vec<EventKey>,
    /// Only this handler, of all that take the event.
    pub(super) handler: Option<String>,
}

/// Why the server refused a request.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Refused {
    /// A sentence for the operator.
    pub(super) error: String,
}
