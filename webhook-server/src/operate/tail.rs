//! Watching what happens in an inbox: events as they arrive, and what becomes of their tasks.
//!
//! A [`Tail`] looks again and again. It reads the events that are newer than those it knows, and reads again the tasks that
//! are not finished. Nothing is written for it, and nothing has to call it: so it works for every store, for all instances
//! that share one, and from another process. What happens between two looks is seen as one change.
//!
//! What it keeps and reads is bounded. What does not fit is left out, and counted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use super::Operations;
#[cfg(feature = "cli")]
use super::operator::{OperateError, Operator};
use crate::store::{EventRow, Filter, StoreError, TaskRow};

/// How long to wait before looking again.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

/// How many arrivals one look shows.
const MOST_SHOWN: usize = 50;

/// How many arrivals one look reads, so that those which are left out can be counted.
const MOST_READ: usize = 500;

/// How many events with open tasks are followed.
const MOST_FOLLOWED: usize = 200;

/// How many tasks of these events are read: a program may have dozens of handlers for one type.
const MOST_TASKS: usize = 10_000;

/// How long a page looks for the latest events that match, about.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long an event may be committed after one with a higher number: instances that share an inbox write at the same time.
const OVERLAP: Duration = Duration::from_secs(10);

/// What a tail reads.
pub(crate) trait Source: Send {
    type Error;

    fn events(&mut self, filter: Filter) -> impl Future<Output = Result<Vec<EventRow>, Self::Error>> + Send;
    fn tasks(&mut self, filter: Filter) -> impl Future<Output = Result<Vec<TaskRow>, Self::Error>> + Send;
}

impl Source for &Operations {
    type Error = StoreError;

    async fn events(&mut self, filter: Filter) -> Result<Vec<EventRow>, StoreError> {
        Ok(self.events_within(PATIENCE, filter).await?.rows)
    }

    async fn tasks(&mut self, filter: Filter) -> Result<Vec<TaskRow>, StoreError> {
        Operations::tasks(self, filter).await
    }
}

#[cfg(feature = "cli")]
impl Source for Operator {
    type Error = OperateError;

    async fn events(&mut self, filter: Filter) -> Result<Vec<EventRow>, OperateError> {
        Operator::events(self, filter).await
    }

    async fn tasks(&mut self, filter: Filter) -> Result<Vec<TaskRow>, OperateError> {
        Operator::tasks(self, filter).await
    }
}

/// Follows the events that match a filter, and their tasks.
#[derive(Debug)]
pub(crate) struct Tail {
    filter: Filter,
    /// How many events the first look begins with, which have arrived already; `None` if it begins after an event.
    begins_with: Option<usize>,
    /// Events up to this one are known, or were left out.
    floor: i64,
    /// Which event was the newest of all at the latest looks.
    newest: VecDeque<(i64, Instant)>,
    /// When the newest event of all arrived.
    latest_ms: Option<i64>,
    /// The known events after the floor.
    seen: BTreeSet<i64>,
    /// Events with open tasks, by their cursor.
    followed: BTreeMap<i64, Followed>,
}

/// An event with the tasks that match, as they were at the last look.
#[derive(Debug)]
struct Followed {
    event: EventRow,
    tasks: Vec<TaskRow>,
    is_new: bool,
}

/// What has changed since the last look.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// In the order of arrival.
    pub(crate) changes: Vec<Change>,
    /// How many arrivals are not among the changes, and whether there were more, which were not even counted.
    pub(crate) left_out: usize,
    pub(crate) is_more: bool,
    /// How many events are not followed any more, though they have open tasks, because there are too many.
    pub(crate) unfollowed: usize,
}

/// An event that has arrived, or whose tasks have changed.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) event: EventRow,
    pub(crate) is_new: bool,
    /// Its tasks, as far as the filter wants their handlers.
    pub(crate) tasks: Vec<TaskRow>,
    /// The numbers of those that are new or have changed, as far as the filter wants their states.
    pub(crate) changed: BTreeSet<i64>,
}

impl Tail {
    /// Begins with this number of the latest events that match.
    pub(crate) fn with_latest(filter: Filter, events: usize) -> Self {
        let (newest, latest_ms, seen, followed) = Default::default();
        Self { filter, begins_with: Some(events), floor: 0, newest, latest_ms, seen, followed }
    }

    /// Begins after an event, as [`resume_at`](Self::resume_at) named it.
    #[cfg_attr(
        not(feature = "admin"),
        allow(dead_code, reason = "only a page goes on where another one ended")
    )]
    pub(crate) fn after(filter: Filter, cursor: i64) -> Self {
        Self { begins_with: None, floor: cursor, ..Self::with_latest(filter, 0) }
    }

    /// Where another tail must begin so that nothing is lost that this one would still have shown.
    #[cfg_attr(
        not(feature = "admin"),
        allow(dead_code, reason = "only a page goes on where another one ended")
    )]
    pub(crate) fn resume_at(&self) -> i64 {
        self.followed.keys().next().map_or(self.floor, |first| self.floor.min(first.saturating_sub(1)))
    }

    /// Whether all tasks of all events that were seen are finished.
    #[cfg_attr(not(feature = "admin"), allow(dead_code, reason = "only the page of an event asks"))]
    pub(crate) fn is_idle(&self) -> bool {
        self.followed.is_empty()
    }

    /// Looks what has changed.
    ///
    /// # Errors
    ///
    /// Fails if the inbox cannot be read; the next look makes up for it.
    pub(crate) async fn look<S: Source>(&mut self, source: &mut S) -> Result<Look, S::Error> {
        let mut look = Look::default();
        let arrived = self.arrived(source, &mut look).await?;
        let ids: BTreeSet<&str> = self
            .followed
            .values()
            .map(|of| &of.event)
            .chain(&arrived)
            .map(|event| &*event.event_id)
            .collect();
        let mut tasks = Vec::new();
        if !ids.is_empty() {
            let event_ids = ids.into_iter().map(str::to_owned).collect();
            let handler = self.filter.handler.clone();
            tasks =
                source.tasks(Filter { event_ids, handler, limit: MOST_TASKS, ..Filter::default() }).await?;
        }
        let mut of_events: BTreeMap<i64, Vec<TaskRow>> = BTreeMap::new();
        // They come newest first.
        for task in tasks.into_iter().rev() {
            of_events.entry(task.cursor).or_default().push(task);
        }
        for event in arrived {
            self.seen.insert(event.cursor);
            if self.filter.handler.is_none() || of_events.contains_key(&event.cursor) {
                let followed = Followed { is_new: true, tasks: Vec::new(), event };
                self.followed.insert(followed.event.cursor, followed);
            }
        }
        self.show_few(&mut look);
        let (filter, changes) = (&self.filter, &mut look.changes);
        self.followed.retain(|cursor, followed| {
            changes.extend(followed.change(of_events.remove(cursor).unwrap_or_default(), filter));
            followed.tasks.iter().any(|task| task.state.is_open())
        });
        self.unfollow(&mut look);
        Ok(look)
    }

    /// The events that are not known yet, in the order of arrival.
    async fn arrived<S: Source>(
        &mut self,
        source: &mut S,
        look: &mut Look,
    ) -> Result<Vec<EventRow>, S::Error> {
        let newest = source.events(Filter { limit: 1, ..Filter::default() }).await?;
        let received_ms = newest.first().map(|newest| newest.received_ms);
        let newest = newest.first().map_or(0, |newest| newest.cursor);
        let first = self.begins_with.take();
        if first.is_some() {
            self.floor = newest;
        }
        self.move_floor(newest, received_ms);
        let before = first.is_none().then_some(self.floor);
        let limit = first.map_or(MOST_READ, |events| events.min(MOST_READ));
        if limit == 0 {
            return Ok(Vec::new());
        }
        let mut rows = source.events(Filter { before, limit, ..self.filter.clone() }).await?;
        let is_oldest_known = rows.last().is_some_and(|oldest| self.seen.contains(&oldest.cursor));
        look.is_more = first.is_none() && rows.len() == limit && !is_oldest_known;
        rows.retain(|row| !self.seen.contains(&row.cursor));
        rows.reverse();
        Ok(rows)
    }

    /// Leaves behind what was the newest event a while ago. So one look reads no more than what has arrived since, however
    /// little of it matches.
    fn move_floor(&mut self, newest: i64, received_ms: Option<i64>) {
        if newest < self.floor {
            if received_ms.is_some() && received_ms <= self.latest_ms {
                // What came after it was deleted. A tail that goes on where this one ends must know that this one was seen.
                (self.floor, self.newest) = (newest, VecDeque::new());
            } else {
                // Another inbox is there now, as after a restart with one in memory.
                *self = Self::after(self.filter.clone(), 0);
            }
        }
        self.latest_ms = self.latest_ms.max(received_ms);
        self.newest.push_back((newest, Instant::now()));
        while let Some((cursor, _)) = self.newest.front().filter(|(_, at)| at.elapsed() > OVERLAP) {
            self.floor = self.floor.max(*cursor);
            self.newest.pop_front();
        }
        self.seen.retain(|cursor| *cursor > self.floor);
    }

    /// Leaves out arrivals if there are too many to read, the oldest first.
    fn show_few(&mut self, look: &mut Look) {
        // Of arrivals that are not shown themselves, one of the tasks may be shown later.
        if self.filter.state.is_some() || self.filter.why.is_some() {
            return;
        }
        let new: Vec<i64> =
            self.followed.iter().filter(|(_, of)| of.is_new).map(|(cursor, _)| *cursor).collect();
        look.left_out = new.len().saturating_sub(MOST_SHOWN);
        for cursor in &new[..look.left_out] {
            self.followed.remove(cursor);
        }
    }

    /// Follows no more events than can be read again each time. The oldest go first: their tasks wait longest.
    fn unfollow(&mut self, look: &mut Look) {
        while self.followed.len() > MOST_FOLLOWED {
            self.followed.pop_first();
            look.unfollowed += 1;
        }
    }
}

impl Followed {
    /// Notes the tasks as they are now. Returns what is to be shown of it.
    fn change(&mut self, tasks: Vec<TaskRow>, filter: &Filter) -> Option<Change> {
        let of_states = filter.state.is_some() || filter.why.is_some();
        let is_wanted = |task: &&TaskRow| {
            filter.state.is_none_or(|state| task.state == state)
                && filter.why.is_none_or(|why| task.why == Some(why))
        };
        let changed = tasks.iter().filter(|task| !self.tasks.contains(task)).filter(is_wanted);
        let changed: BTreeSet<i64> = changed.map(|task| task.task).collect();
        let is_new = std::mem::take(&mut self.is_new) && !of_states;
        self.tasks.clone_from(&tasks);
        let is_shown = is_new || !changed.is_empty();
        is_shown.then(|| Change { event: self.event.clone(), is_new, tasks, changed })
    }
}

#[cfg(test)]
mod tests;
