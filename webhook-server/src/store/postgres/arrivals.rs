//! What arrived, as the statements that store it take it: by columns.

use tokio_postgres::Row;

use super::problem::Problem;
use super::secrets::Uses;
use super::values::Value;
use crate::store::clock::StoreClock;
use crate::store::noted_uses::NotedUses;
use crate::store::{NewEvent, NewTask, StartMode};

/// Which uses of secrets were noted lately, by a clock of this process.
#[derive(Debug)]
pub(super) struct Noted {
    pub(super) uses: NotedUses,
    pub(super) clock: StoreClock,
}

impl Noted {
    /// The uses of secrets that are to be noted with these arrivals.
    pub(super) fn due<'a>(&self, arrivals: &[&'a Arrival]) -> Uses<'a> {
        let now = self.clock.now();
        let came_by = arrivals.iter().map(|arrival| &arrival.event.came_by);
        Uses::of(came_by.filter(|came_by| !self.uses.is_recent(came_by, now)))
    }

    /// Remembers what the last statement of a transaction has noted, if it had one for these uses.
    pub(super) fn committed(&self, uses: &Uses<'_>, rows: &[Vec<Row>]) -> Result<(), Problem> {
        match (uses.statement(), rows.last()) {
            (Some(_), Some(rows)) => uses.committed(rows, &self.uses, self.clock.now()),
            _ => Ok(()),
        }
    }
}

/// A verified event that is to be stored.
pub(super) struct Arrival {
    pub(super) event: NewEvent,
    /// The SHA-256 of its body.
    pub(super) digest: Vec<u8>,
}

/// Events by columns.
#[derive(Default)]
pub(super) struct Events<'e> {
    pub(super) event_id: Vec<&'e str>,
    event_type: Vec<&'e str>,
    endpoint: Vec<&'e str>,
    secret_label: Vec<&'e str>,
    account: Vec<Option<&'e str>>,
    object_id: Vec<Option<&'e str>>,
    created_s: Vec<Option<i64>>,
    api_version: Vec<Option<&'e str>>,
    livemode: Vec<bool>,
    signed_s: Vec<i64>,
    digest: Vec<&'e [u8]>,
    body: Vec<Option<&'e [u8]>>,
}

impl<'e> Events<'e> {
    pub(super) fn of(arrivals: &[&'e Arrival]) -> Self {
        let mut events = Self::default();
        for Arrival { event, digest } in arrivals {
            let envelope = &*event.envelope;
            events.event_id.push(&envelope.id);
            events.event_type.push(&envelope.event_type);
            events.endpoint.push(&event.came_by.endpoint);
            events.secret_label.push(&event.came_by.secret.label);
            events.account.push(envelope.account.as_deref());
            events.object_id.push(event.object_id.as_deref());
            events.created_s.push(event.created());
            events.api_version.push(envelope.api_version.as_deref());
            events.livemode.push(envelope.livemode);
            events.signed_s.push(event.signed_at);
            events.digest.push(digest);
            // Without a handler, only the id is kept, so that duplicates are recognised.
            events.body.push((!event.tasks.is_empty()).then_some(&*envelope.body));
        }
        events
    }

    pub(super) fn values(&self) -> [Value<'_>; 12] {
        [
            &self.event_id,
            &self.event_type,
            &self.endpoint,
            &self.secret_label,
            &self.account,
            &self.object_id,
            &self.created_s,
            &self.api_version,
            &self.livemode,
            &self.signed_s,
            &self.digest,
            &self.body,
        ]
    }

    /// The ids of the events of these tasks.
    pub(super) fn ids_of(&self, tasks: &Tasks<'_>) -> Vec<&'e str> {
        let id = |nth: &i64| self.event_id.get(usize::try_from(nth - 1).ok()?).copied();
        tasks.event.iter().filter_map(id).collect()
    }
}

/// Tasks by columns.
#[derive(Default)]
pub(super) struct Tasks<'t> {
    /// The place of the event, from 1.
    pub(super) event: Vec<i64>,
    pub(super) handler: Vec<&'t str>,
    scope: Vec<&'t str>,
    object: Vec<Option<&'t str>>,
    lane: Vec<Option<&'t str>>,
    strict: Vec<bool>,
    moment: Vec<i64>,
    /// 0 if it waits until it is claimed, 1 if it starts unless an accused task must run alone, 2 if it always starts.
    pub(super) start: Vec<i32>,
    pub(super) occurrence: Vec<Option<&'t str>>,
}

impl<'t> Tasks<'t> {
    pub(super) fn of(of_events: impl Iterator<Item = &'t [NewTask]>) -> Self {
        let mut tasks = Self::default();
        for (event, task) in
            (1..).zip(of_events).flat_map(|(event, tasks)| tasks.iter().map(move |task| (event, task)))
        {
            let lane = task.lane.as_ref();
            tasks.event.push(event);
            tasks.handler.push(task.handler);
            tasks.scope.push(&task.scope);
            tasks.object.push(task.object.as_deref());
            tasks.lane.push(lane.map(|lane| &*lane.key));
            tasks.strict.push(lane.is_some_and(|lane| lane.strict));
            tasks.moment.push(task.moment);
            tasks.start.push(match task.at_once {
                StartMode::No => 0,
                StartMode::IfFree => 1,
                StartMode::Awaited => 2,
            });
            tasks.occurrence.push(task.occurrence.as_deref());
        }
        tasks
    }

    /// Whether any of them has an occurrence.
    pub(super) fn has_occurrences(&self) -> bool {
        self.occurrence.iter().any(Option::is_some)
    }

    /// The columns from `handler` to `moment`.
    pub(super) fn values(&self) -> [Value<'_>; 6] {
        [&self.handler, &self.scope, &self.object, &self.lane, &self.strict, &self.moment]
    }
}
