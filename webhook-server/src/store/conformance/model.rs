//! The model that every store is compared with: an inbox as plain data. Each operation says step by step what it does,
//! and looks at every row.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use webhook_core::Retry;

use crate::store::clock::{StoreClock, millis};
use crate::store::{
    ACCUSED, ATTEMPTS_KEPT, AttemptOutcome, AttemptRow, Capacity, Claim, ClaimResult, Disposition, EventRow,
    Filter, FinishResult, HandlerStats, Lane, MAX_CRASHES, NewEvent, NewTask, POISON, ParkReason, Pruned,
    QuarantineRow, RecordResult, Recovered, Replayed, Retention, StartMode, State, Stats, Store, StoreFuture,
    StoredEvent, TaskRow, Ticket,
};

/// How many events one step of the retention looks at.
const PRUNE_STEP: usize = 500;

/// An inbox as plain data.
pub(crate) struct Model {
    clock: StoreClock,
    data: Mutex<Data>,
}

/// Shows how much there is.
impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data = self.data();
        f.debug_struct("Model")
            .field("events", &data.events.len())
            .field("tasks", &data.tasks.len())
            .field("quarantine", &data.quarantine.len())
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Default)]
struct Data {
    /// By sequence number, which is the order of arrival.
    events: BTreeMap<i64, StoredArrival>,
    tasks: BTreeMap<i64, Task>,
    /// In the order in which they ended.
    attempts: Vec<AttemptRow>,
    quarantine: BTreeMap<i64, Quarantined>,
    // The last ids given out: one that was pruned is not given out again.
    last_event: i64,
    last_task: i64,
    last_quarantined: i64,
}

/// An event. Its row says what an operator sees; `has_body` is asked of `body`.
#[derive(Clone)]
struct StoredArrival {
    row: EventRow,
    digest: [u8; 32],
    body: Option<Bytes>,
}

/// What is to be done, or was done, about an event by one handler.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) id: i64,
    /// The event's sequence number.
    pub(crate) event: i64,
    pub(crate) handler: String,
    pub(crate) scope: String,
    pub(crate) object: Option<String>,
    pub(crate) lane: Option<Lane>,
    pub(crate) moment: i64,
    pub(crate) state: State,
    pub(crate) why: Option<ParkReason>,
    pub(crate) attempt: u32,
    /// How many processes ended while it was running, since it last ended a run itself.
    pub(crate) crashes: u32,
    /// Whether a process ended while it was running, and it has neither ended a run nor been acquitted since.
    pub(crate) is_suspect: bool,
    /// Whether its run was acquitted.
    pub(crate) is_acquitted: bool,
    pub(crate) is_replay: bool,
    pub(crate) fence: i64,
    pub(crate) due: i64,
    /// When its latest run began.
    pub(crate) started: i64,
    pub(crate) finished: Option<i64>,
    pub(crate) error: Option<String>,
}

#[derive(Clone)]
struct Quarantined {
    row: QuarantineRow,
    digest: [u8; 32],
}

impl Task {
    fn is_due(&self, now: i64) -> bool {
        self.state == State::Ready && self.due <= now
    }

    fn is_accused(&self) -> bool {
        self.is_suspect && self.crashes >= ACCUSED
    }

    /// Whether it is an open task of a lane.
    fn is_open_in(&self, scope: &str, key: &str) -> bool {
        self.state.is_open() && self.scope == scope && self.lane.as_ref().is_some_and(|lane| lane.key == key)
    }

    /// The order in a lane. Several tasks of one event may share a lane.
    fn turn(&self) -> (i64, i64, i64) {
        (self.moment, self.event, self.id)
    }

    /// The run that it has just ended without success.
    fn attempt_row(&self, outcome: AttemptOutcome, error: Option<String>, now: i64) -> AttemptRow {
        let (task, attempt, started_ms) = (self.id, self.attempt, self.started);
        AttemptRow { task, attempt, started_ms, ended_ms: now, outcome, error }
    }

    fn finished_before(&self, time: i64) -> bool {
        self.finished.is_some_and(|finished| finished < time)
    }

    fn become_ready(&mut self, due: i64) {
        self.state = State::Ready;
        self.due = due;
        self.finished = None;
        self.why = None;
    }

    /// As if it had never run. The fence stays, so that an old ticket is worthless still.
    fn begin_anew(&mut self, now: i64) {
        self.become_ready(now);
        self.attempt = 0;
        self.crashes = 0;
        self.is_suspect = false;
    }

    /// Ends it, until an operator wants it otherwise. Only a parked one has a reason why.
    fn settle(&mut self, state: State, why: Option<ParkReason>, error: Option<String>, now: i64) {
        self.state = state;
        self.why = why;
        self.error = error;
        self.finished = Some(now);
        self.is_suspect = false;
    }
}

impl Data {
    /// The events with an id, oldest first: several if it was used for other types or objects as well.
    fn events_named<'d>(&'d self, event_id: &'d str) -> impl Iterator<Item = (i64, &'d EventRow)> {
        let rows = self.events.iter().map(|(seq, event)| (*seq, &event.row));
        rows.filter(move |(_, row)| row.event_id == event_id)
    }

    fn has_body(&self, event: i64) -> bool {
        self.events.get(&event).is_some_and(|event| event.body.is_some())
    }

    fn tasks_of(&self, event: i64) -> impl Iterator<Item = &Task> {
        self.tasks.values().filter(move |task| task.event == event)
    }

    fn open_in<'d>(&'d self, scope: &'d str, lane: &'d Lane) -> impl Iterator<Item = &'d Task> {
        self.tasks.values().filter(move |task| task.is_open_in(scope, &lane.key))
    }

    fn insert_task(&mut self, event: i64, new: NewTask, is_replay: bool, now: i64) -> i64 {
        self.last_task += 1;
        let task = Task {
            id: self.last_task,
            event,
            handler: new.handler,
            scope: new.scope,
            object: new.object,
            lane: new.lane,
            moment: new.moment,
            state: State::Ready,
            why: None,
            attempt: 0,
            crashes: 0,
            is_suspect: false,
            is_acquitted: false,
            is_replay,
            fence: 0,
            due: now,
            started: 0,
            finished: None,
            error: None,
        };
        self.tasks.insert(self.last_task, task);
        self.last_task
    }

    fn record(&mut self, arrival: NewEvent, now: i64) -> RecordResult {
        let digest: [u8; 32] = Sha256::digest(&arrival.body).into();
        let is_same =
            |row: &EventRow| row.event_type == arrival.event_type && row.object_id == arrival.object_id;
        let known = self.events_named(&arrival.event_id).find(|(_, row)| is_same(row)).map(|(seq, _)| seq);
        let id_is_reused = self.events_named(&arrival.event_id).next().is_some();
        if let Some(known) = known.and_then(|seq| self.events.get_mut(&seq)) {
            let same_body = known.digest == digest;
            known.row.deliveries += 1;
            known.row.changed_bodies += u64::from(!same_body);
            return RecordResult::Duplicate { same_body };
        }
        self.last_event += 1;
        let seq = self.last_event;
        let row = EventRow {
            cursor: seq,
            event_id: arrival.event_id,
            event_type: arrival.event_type,
            endpoint: arrival.endpoint,
            account: arrival.account,
            object_id: arrival.object_id,
            created: arrival.created,
            api_version: arrival.api_version,
            livemode: arrival.livemode,
            received_ms: now,
            deliveries: 1,
            changed_bodies: 0,
            has_body: false,
        };
        // What nobody handles is known by its id, so that a duplicate is told, and not kept.
        let body = (!arrival.tasks.is_empty()).then_some(arrival.body);
        self.events.insert(seq, StoredArrival { row, digest, body });
        let mut started = Vec::new();
        for task in arrival.tasks {
            let at_once = task.at_once;
            let id = self.insert_task(seq, task, false, now);
            if self.may_start(id, at_once) {
                started.extend(self.start(id, now));
            }
        }
        RecordResult::New { started, id_is_reused }
    }

    /// Whether a task that was just made may run at once: it is alone in its lane, and if nobody waits for its answer,
    /// no task is accused.
    fn may_start(&self, id: i64, at_once: StartMode) -> bool {
        let is_alone = |task: &Task| match &task.lane {
            Some(lane) => self.open_in(&task.scope, lane).all(|other| other.id == id),
            None => true,
        };
        let may = match at_once {
            StartMode::No => false,
            StartMode::IfFree => !self.tasks.values().any(|task| task.is_accused() && task.state.is_open()),
            StartMode::Awaited => true,
        };
        may && self.tasks.get(&id).is_some_and(is_alone)
    }

    /// Starts a task. The attempt is counted before the run, so that one that ends the process is counted.
    fn start(&mut self, id: i64, now: i64) -> Option<Claim> {
        let is_stale = self.is_stale(self.tasks.get(&id)?);
        let task = self.tasks.get_mut(&id)?;
        let event = self.events.get(&task.event)?;
        task.state = State::Running;
        task.fence += 1;
        task.attempt = task.attempt.saturating_add(1);
        task.started = now;
        Some(Claim {
            ticket: Ticket { task: id, fence: task.fence },
            handler: task.handler.clone(),
            endpoint: event.row.endpoint.clone(),
            attempt: task.attempt,
            is_replay: task.is_replay,
            is_stale,
            body: event.body.clone().unwrap_or_default(),
        })
    }

    /// Whether a newer event of the same object is done in the task's scope.
    fn is_stale(&self, task: &Task) -> bool {
        let is_newer = |done: &Task| {
            done.state == State::Done
                && done.scope == task.scope
                && done.object == task.object
                && done.moment > task.moment
        };
        task.object.is_some() && task.moment != 0 && self.tasks.values().any(is_newer)
    }

    fn claim(&mut self, capacity: &Capacity, now: i64) -> ClaimResult {
        let claims = self.claims(capacity, now);
        let waiting = self.tasks.values().filter(|task| task.state == State::Ready && task.due > now);
        let next_due = waiting.map(|task| task.due).min().map(|due| Duration::from_millis(due.abs_diff(now)));
        ClaimResult { claims, next_due }
    }

    fn claims(&mut self, capacity: &Capacity, now: i64) -> Vec<Claim> {
        let mut claims: Vec<Claim> = Vec::new();
        let suspect = match self.tasks.values().find(|task| task.is_suspect && task.state == State::Running) {
            Some(running) => Some(running.is_accused()),
            None => self.next_suspect(capacity).map(|(id, is_accused)| {
                claims.extend(self.start(id, now));
                is_accused
            }),
        };
        if suspect == Some(true) {
            return claims;
        }
        let has_room = |claims: &[Claim], handler: &str| {
            let started = claims.iter().filter(|claim| claim.handler == handler).count();
            claims.len() < capacity.slots && started < capacity.of(handler)
        };
        while let Some(candidate) = self.first_due(now, |handler| has_room(&claims, handler)) {
            let turn = self.whose_turn(&candidate, now);
            if turn != Some(candidate.id)
                && let Some(candidate) = self.tasks.get_mut(&candidate.id)
            {
                candidate.state = State::Blocked;
            }
            let Some(task) = turn.and_then(|turn| self.tasks.get_mut(&turn)) else { continue };
            if task.is_suspect {
                // It starts in the turn of the suspects.
            } else if has_room(&claims, &task.handler) {
                let id = task.id;
                claims.extend(self.start(id, now));
            } else if task.state == State::Blocked {
                // Of another handler in the group, which has no room: it is claimed when it has.
                task.become_ready(now);
            }
        }
        claims
    }

    /// The suspect that is to start next, if one can, and whether it is accused: the one with most crashes, the oldest
    /// of these. It need not wait for its turn in its lane: it has begun before.
    fn next_suspect(&self, capacity: &Capacity) -> Option<(i64, bool)> {
        let is_free = |task: &Task| match &task.lane {
            Some(lane) => self.open_in(&task.scope, lane).all(|other| other.state != State::Running),
            None => true,
        };
        let can_start = |task: &&Task| {
            task.is_suspect
                && task.state.is_open()
                && capacity.slots > 0
                && capacity.of(&task.handler) > 0
                && is_free(task)
        };
        let suspects = self.tasks.values().filter(can_start);
        let next = suspects.min_by_key(|task| (std::cmp::Reverse(task.crashes), task.id))?;
        Some((next.id, next.is_accused()))
    }

    fn first_due(&self, now: i64, has_room: impl Fn(&str) -> bool) -> Option<Task> {
        let is_first = |task: &&Task| task.is_due(now) && !task.is_suspect && has_room(&task.handler);
        let due = self.tasks.values().filter(is_first);
        due.min_by_key(|task| (task.due, task.id)).cloned()
    }

    /// The task that runs now in the lane of one that is due; `None` if none does.
    fn whose_turn(&self, candidate: &Task, now: i64) -> Option<i64> {
        let Some(lane) = &candidate.lane else { return Some(candidate.id) };
        let open: Vec<&Task> = self.open_in(&candidate.scope, lane).collect();
        if open.iter().any(|task| task.state == State::Running) {
            return None;
        }
        let may_run = |task: &Task| task.state == State::Blocked || task.is_due(now);
        let queue = open.into_iter().filter(|task| lane.strict || may_run(task));
        let first = queue.min_by_key(|task| task.turn())?;
        // The first of a strict lane may wait for its time: the others wait with it.
        may_run(first).then_some(first.id)
    }

    /// Lets the oldest blocked task of a lane be looked at again, because another one has left or stopped.
    fn promote(&mut self, id: i64, now: i64) {
        let Some(Task { scope, lane: Some(lane), .. }) = self.tasks.get(&id) else { return };
        let blocked = self.open_in(scope, lane).filter(|task| task.state == State::Blocked);
        let Some(next) = blocked.min_by_key(|task| task.turn()).map(|task| task.id) else { return };
        if let Some(next) = self.tasks.get_mut(&next) {
            next.become_ready(now);
        }
    }

    fn finish(&mut self, ticket: Ticket, end: Disposition, now: i64) -> FinishResult {
        let was_ours = self.end_run(ticket, end, now);
        FinishResult { was_ours, is_any_due: self.tasks.values().any(|task| task.is_due(now)) }
    }

    fn end_run(&mut self, ticket: Ticket, end: Disposition, now: i64) -> bool {
        let running = self.tasks.get_mut(&ticket.task).filter(|task| task.state == State::Running);
        let Some(task) = running.filter(|task| task.fence == ticket.fence) else { return false };
        let was_acquitted = std::mem::take(&mut task.is_acquitted);
        if matches!(end, Disposition::Released) {
            // As before the claim.
            task.is_suspect |= was_acquitted && task.crashes > 0;
        } else {
            task.is_suspect = false;
            task.crashes = 0;
        }
        let did_not_succeed = match &end {
            Disposition::Done | Disposition::Released => None,
            Disposition::Skipped { error } => Some((AttemptOutcome::Skipped, error.clone())),
            Disposition::Retry { error, .. } => Some((AttemptOutcome::Failed, error.clone())),
            Disposition::Parked { error, .. } => Some((AttemptOutcome::Parked, error.clone())),
        };
        let attempt = did_not_succeed.map(|(outcome, error)| task.attempt_row(outcome, Some(error), now));
        match end {
            Disposition::Done => task.settle(State::Done, None, None, now),
            Disposition::Skipped { error } => task.settle(State::Skipped, None, Some(error), now),
            Disposition::Parked { why, error } => task.settle(State::Parked, Some(why), Some(error), now),
            Disposition::Retry { after, error } => {
                task.become_ready(now.saturating_add(millis(after)));
                task.error = Some(error);
            }
            Disposition::Released => {
                task.become_ready(now);
                task.attempt = task.attempt.saturating_sub(1);
            }
        }
        self.keep_attempts(attempt);
        self.promote(ticket.task, now);
        true
    }

    /// Keeps attempts that did not succeed, the latest ones of each task.
    fn keep_attempts(&mut self, attempts: impl IntoIterator<Item = AttemptRow>) {
        for attempt in attempts {
            let of_task = |row: &AttemptRow| row.task == attempt.task;
            if self.attempts.iter().filter(|row| of_task(row)).count() == ATTEMPTS_KEPT
                && let Some(oldest) = self.attempts.iter().position(of_task)
            {
                self.attempts.remove(oldest);
            }
            self.attempts.push(attempt);
        }
    }

    fn acquit(&mut self, ticket: Ticket) {
        let running = self.tasks.get_mut(&ticket.task).filter(|task| task.state == State::Running);
        if let Some(task) = running.filter(|task| task.fence == ticket.fence) {
            (task.is_suspect, task.is_acquitted) = (false, true);
        }
    }

    fn begin(&mut self, handlers: &[String], now: i64) -> Recovered {
        let mut began = Recovered::default();
        let mut poisonous = Vec::new();
        let running = self.tasks.values().filter(|task| task.state == State::Running).count();
        let mut crashed = Vec::new();
        for task in self.tasks.values_mut().filter(|task| task.state == State::Running) {
            crashed.push(task.attempt_row(AttemptOutcome::Crashed, None, now));
            let counts = !task.is_acquitted;
            task.crashes += u32::from(counts);
            (task.is_suspect, task.is_acquitted) = (true, false);
            // If something else ran as well, that may have ended the process.
            if task.crashes >= MAX_CRASHES && counts && running == 1 {
                let error = POISON.to_owned();
                task.settle(State::Parked, Some(ParkReason::Poison), Some(error), now);
                poisonous.push(task.id);
                began.poisoned += 1;
            } else {
                task.become_ready(now);
                began.suspects += 1;
            }
        }
        self.keep_attempts(crashed);
        for id in poisonous {
            self.promote(id, now);
        }
        // No task waits longer than that: what does was put off by a clock that was wrong.
        let latest = now.saturating_add(millis(Retry::LONGEST));
        for task in self.tasks.values_mut().filter(|task| task.state == State::Ready && task.due > latest) {
            task.due = now;
        }
        let with_body: BTreeSet<i64> =
            self.events.iter().filter(|(_, event)| event.body.is_some()).map(|(seq, _)| *seq).collect();
        // By lane, of which each lets one task go on that was blocked by those that are parked now.
        let mut left = BTreeMap::new();
        for task in self.tasks.values_mut() {
            let is_known = handlers.contains(&task.handler);
            if task.state.is_open() && !is_known {
                task.settle(State::Parked, Some(ParkReason::NoHandler), None, now);
                left.extend(task.lane.as_ref().map(|lane| ((task.scope.clone(), lane.key.clone()), task.id)));
                began.without_handler += 1;
            } else if task.why == Some(ParkReason::NoHandler) && is_known && with_body.contains(&task.event) {
                task.become_ready(now);
                began.resumed += 1;
            }
        }
        for task in left.into_values() {
            self.promote(task, now);
        }
        began
    }

    fn quarantine(&mut self, body: &[u8], reason: String, now: i64) -> bool {
        let digest: [u8; 32] = Sha256::digest(body).into();
        if let Some(known) = self.quarantine.values_mut().find(|known| known.digest == digest) {
            known.row.deliveries += 1;
            return false;
        }
        self.last_quarantined += 1;
        let id = self.last_quarantined;
        let row = QuarantineRow { id, received_ms: now, deliveries: 1, reason, bytes: body.len() as u64 };
        self.quarantine.insert(id, Quarantined { row, digest });
        true
    }

    fn prune(&mut self, keep: Retention, cursor: i64, now: i64) -> Pruned {
        let mut pruned = Pruned::default();
        let before = |kept: Duration| now.saturating_sub(millis(kept));
        let (bodies, ids, parked) = (before(keep.bodies), before(keep.ids), before(keep.parked));
        let looked_at: Vec<i64> =
            self.events.keys().copied().filter(|seq| *seq > cursor).take(PRUNE_STEP).collect();
        let last = looked_at.last().and_then(|seq| self.events.get(seq));
        let received = last.map(|event| event.row.received_ms);
        for seq in &looked_at {
            self.prune_event(*seq, [bodies, ids, parked], &mut pruned);
        }
        // What arrived later than this is too recent as well; a time that is yet to come says nothing.
        let is_recent =
            received.is_some_and(|received| received >= bodies.max(ids).max(parked) && received <= now);
        if looked_at.len() == PRUNE_STEP && !is_recent {
            pruned.next = looked_at.last().copied();
        }
        if cursor == 0 {
            let before = self.quarantine.len();
            self.quarantine.retain(|_, kept| kept.row.received_ms >= parked);
            pruned.quarantined = (before - self.quarantine.len()) as u64;
        }
        pruned
    }

    /// Frees what an event no longer needs, given before which times its body, its id and its parked tasks are old.
    fn prune_event(&mut self, seq: i64, [bodies, ids, parked]: [i64; 3], pruned: &mut Pruned) {
        let tasks: Vec<&Task> = self.tasks_of(seq).collect();
        if tasks.iter().any(|task| task.state.is_open()) {
            return;
        }
        let is_parked = |task: &&&Task| task.state == State::Parked;
        if tasks.iter().any(|task| task.state == State::Parked) {
            if tasks.iter().filter(is_parked).all(|task| task.finished_before(parked)) {
                self.delete_event(seq);
                pruned.events += 1;
                pruned.parked += 1;
            }
            return;
        }
        if !tasks.iter().all(|task| task.finished_before(bodies)) {
            return;
        }
        let Some(event) = self.events.get_mut(&seq) else { return };
        if event.row.received_ms < ids {
            self.delete_event(seq);
            pruned.events += 1;
        } else if event.row.received_ms < bodies && event.body.take().is_some() {
            pruned.bodies += 1;
        }
    }

    fn delete_event(&mut self, seq: i64) {
        self.events.remove(&seq);
        self.tasks.retain(|_, task| task.event != seq);
        self.attempts.retain(|attempt| self.tasks.contains_key(&attempt.task));
    }

    fn retry(&mut self, id: i64, handlers: &[String], now: i64) -> bool {
        let has_body = self.tasks.get(&id).is_some_and(|task| self.has_body(task.event));
        let known = self.tasks.get_mut(&id).filter(|task| handlers.contains(&task.handler));
        let Some(task) = known else { return false };
        let may = match task.state {
            State::Ready | State::Blocked => true,
            State::Parked => has_body,
            State::Running | State::Done | State::Skipped => false,
        };
        if may {
            task.begin_anew(now);
        }
        may
    }

    fn skip(&mut self, id: i64, reason: String, now: i64) -> bool {
        let Some(task) = self.tasks.get_mut(&id) else { return false };
        if !matches!(task.state, State::Parked | State::Ready | State::Blocked) {
            return false;
        }
        task.settle(State::Skipped, None, Some(reason), now);
        self.promote(id, now);
        true
    }

    fn replay(&mut self, seq: i64, tasks: Vec<NewTask>, now: i64) -> Replayed {
        if !self.events.contains_key(&seq) {
            return Replayed::Unknown;
        }
        if !self.has_body(seq) {
            return Replayed::NoBody;
        }
        let mut ready = 0;
        for new in tasks {
            let known = self.tasks.values_mut().find(|task| task.event == seq && task.handler == new.handler);
            match known {
                Some(task) if task.state.is_open() => continue,
                Some(task) => {
                    task.begin_anew(now);
                    task.error = None;
                    task.is_replay = true;
                    task.scope = new.scope;
                    task.lane = new.lane;
                }
                None => {
                    self.insert_task(seq, new, true, now);
                }
            }
            ready += 1;
        }
        Replayed::Ready(ready)
    }

    fn event_row(event: &StoredArrival) -> EventRow {
        EventRow { has_body: event.body.is_some(), ..event.row.clone() }
    }

    fn task_row(&self, task: &Task) -> Option<TaskRow> {
        let event = self.events.get(&task.event)?;
        Some(TaskRow {
            task: task.id,
            event_id: event.row.event_id.clone(),
            event_type: event.row.event_type.clone(),
            handler: task.handler.clone(),
            state: task.state,
            why: task.why,
            attempt: task.attempt,
            received_ms: event.row.received_ms,
            due_ms: (task.state == State::Ready).then_some(task.due),
            finished_ms: task.finished,
            error: task.error.clone(),
        })
    }

    fn task_rows(&self, filter: &Filter) -> Vec<TaskRow> {
        let is_of_event =
            |task: &&Task| self.events.get(&task.event).is_some_and(|event| is_meant(filter, event));
        let is_meant = |row: &TaskRow| {
            filter.handler.as_ref().is_none_or(|handler| *handler == row.handler)
                && filter.state.is_none_or(|state| state == row.state)
                && filter.why.is_none_or(|why| row.why == Some(why))
                && filter.after.is_none_or(|after| row.task < after)
        };
        let rows = self.tasks.values().rev().filter(is_of_event).filter_map(|task| self.task_row(task));
        rows.filter(is_meant).take(filter.limit).collect()
    }

    fn event_rows(&self, filter: &Filter) -> Vec<EventRow> {
        let is_meant = |event: &&StoredArrival| {
            is_meant(filter, event) && filter.after.is_none_or(|after| event.row.cursor < after)
        };
        self.events.values().rev().filter(is_meant).map(Self::event_row).take(filter.limit).collect()
    }

    fn events_with_id(&self, event_id: &str) -> Vec<StoredEvent> {
        self.events_named(event_id).filter_map(|(seq, _)| self.event(seq)).collect()
    }

    fn event(&self, seq: i64) -> Option<StoredEvent> {
        let event = self.events.get(&seq)?;
        let is_of_event = |row: &&AttemptRow| self.tasks_of(seq).any(|task| task.id == row.task);
        Some(StoredEvent {
            event: Self::event_row(event),
            tasks: self.tasks_of(seq).filter_map(|task| self.task_row(task)).collect(),
            attempts: self.attempts.iter().filter(is_of_event).cloned().collect(),
            body: event.body.as_ref().and_then(|body| String::from_utf8(body.to_vec()).ok()),
        })
    }

    fn quarantined(&self, limit: usize) -> Vec<QuarantineRow> {
        self.quarantine.values().rev().take(limit).map(|kept| kept.row.clone()).collect()
    }

    fn stats(&self, now: i64) -> Stats {
        let handled: BTreeSet<i64> = self.tasks.values().map(|task| task.event).collect();
        let oldest_due = self.tasks.values().filter(|task| task.is_due(now)).map(|task| task.due).min();
        let mut handlers: Vec<HandlerStats> = Vec::new();
        for Task { handler, state, why, .. } in self.tasks.values() {
            let known = handlers
                .iter_mut()
                .find(|group| (&group.handler, &group.state, &group.why) == (handler, state, why));
            match known {
                Some(group) => group.tasks += 1,
                None => {
                    let handler = handler.clone();
                    handlers.push(HandlerStats { handler, state: *state, why: *why, tasks: 1 });
                }
            }
        }
        // No reason comes before any, and these are in the order of their declaration.
        handlers.sort_by(|one, other| {
            let place = |group: &HandlerStats| (group.state, group.why.map(|why| why as u8));
            one.handler.cmp(&other.handler).then_with(|| place(one).cmp(&place(other)))
        });
        Stats {
            events: self.events.len() as u64,
            unhandled: self.events.keys().filter(|seq| !handled.contains(seq)).count() as u64,
            duplicates: self.events.values().map(|event| event.row.deliveries - 1).sum(),
            changed_bodies: self.events.values().map(|event| event.row.changed_bodies).sum(),
            quarantined: self.quarantine.len() as u64,
            oldest_due_ms: oldest_due.map(|due| now.saturating_sub(due)),
            handlers,
        }
    }
}

/// Whether an operator means an event, or its tasks, as far as the event tells.
fn is_meant(filter: &Filter, event: &StoredArrival) -> bool {
    let row = &event.row;
    (filter.event_ids.is_empty() || filter.event_ids.contains(&row.event_id))
        && matches_type(filter, &row.event_type)
        && (filter.object_id.is_none() || filter.object_id == row.object_id)
        && (filter.account.is_none() || filter.account == row.account)
        && filter.since.is_none_or(|since| row.received_ms >= since)
        && filter.customer.as_ref().is_none_or(|customer| {
            row.object_id.as_ref() == Some(customer) || event.customer().as_ref() == Some(customer)
        })
}

/// Whether an operator means a type.
fn matches_type(filter: &Filter, event_type: &str) -> bool {
    let Some(wanted) = &filter.event_type else { return true };
    match wanted.strip_suffix('*') {
        Some(group) => event_type.starts_with(group),
        None => event_type == wanted,
    }
}

impl StoredArrival {
    /// The customer of the object, as far as the body tells.
    fn customer(&self) -> Option<String> {
        let body: serde_json::Value = serde_json::from_slice(self.body.as_ref()?).ok()?;
        let customer = body.pointer("/data/object/customer")?;
        customer.get("id").unwrap_or(customer).as_str().map(str::to_owned)
    }
}

impl Model {
    /// An empty inbox.
    pub(crate) fn new(clock: StoreClock) -> Self {
        Self { clock, data: Mutex::default() }
    }

    /// The inbox as the next process would find it, were it on a disk, had this one ended now.
    pub(crate) fn restarted(&self) -> Self {
        Self { clock: self.clock.clone(), data: Mutex::new(self.data().clone()) }
    }

    /// All tasks, with what no operator sees.
    pub(crate) fn every_task(&self) -> Vec<Task> {
        self.data().tasks.values().cloned().collect()
    }

    fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does one operation, at one time and with nothing beside it.
    fn at_once<T: Send + 'static>(&self, operation: impl FnOnce(&mut Data, i64) -> T) -> StoreFuture<'_, T> {
        let mut data = self.data();
        let done = operation(&mut data, self.clock.now());
        Box::pin(std::future::ready(Ok(done)))
    }
}

impl Store for Model {
    fn begin(&self, handlers: Arc<[String]>) -> StoreFuture<'_, Recovered> {
        self.at_once(|data, now| data.begin(&handlers, now))
    }

    fn record(&self, arrival: NewEvent) -> StoreFuture<'_, RecordResult> {
        self.at_once(|data, now| data.record(arrival, now))
    }

    fn quarantine(&self, body: Bytes, reason: String) -> StoreFuture<'_, bool> {
        self.at_once(|data, now| data.quarantine(&body, reason, now))
    }

    fn claim(&self, capacity: Capacity) -> StoreFuture<'_, ClaimResult> {
        self.at_once(|data, now| data.claim(&capacity, now))
    }

    fn finish(&self, ticket: Ticket, end: Disposition) -> StoreFuture<'_, FinishResult> {
        self.at_once(|data, now| data.finish(ticket, end, now))
    }

    fn acquit(&self, ticket: Ticket) -> StoreFuture<'_, ()> {
        self.at_once(|data, _| data.acquit(ticket))
    }

    fn prune(&self, keep: Retention, cursor: i64) -> StoreFuture<'_, Pruned> {
        self.at_once(|data, now| data.prune(keep, cursor, now))
    }

    fn tasks(&self, filter: Filter) -> StoreFuture<'_, Vec<TaskRow>> {
        self.at_once(|data, _| data.task_rows(&filter))
    }

    fn events(&self, filter: Filter) -> StoreFuture<'_, Vec<EventRow>> {
        self.at_once(|data, _| data.event_rows(&filter))
    }

    fn event(&self, id: String) -> StoreFuture<'_, Vec<StoredEvent>> {
        self.at_once(|data, _| data.events_with_id(&id))
    }

    fn quarantined(&self, limit: usize) -> StoreFuture<'_, Vec<QuarantineRow>> {
        self.at_once(|data, _| data.quarantined(limit))
    }

    fn stats(&self) -> StoreFuture<'_, Stats> {
        self.at_once(|data, now| data.stats(now))
    }

    fn retry(&self, task: i64, handlers: Arc<[String]>) -> StoreFuture<'_, bool> {
        self.at_once(|data, now| data.retry(task, &handlers, now))
    }

    fn skip(&self, task: i64, reason: String) -> StoreFuture<'_, bool> {
        self.at_once(|data, now| data.skip(task, reason, now))
    }

    fn replay(&self, event: i64, tasks: Vec<NewTask>) -> StoreFuture<'_, Replayed> {
        self.at_once(|data, now| data.replay(event, tasks, now))
    }
}
