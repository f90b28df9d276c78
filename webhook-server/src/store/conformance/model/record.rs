//! Storing what arrives.

use super::*;

impl Data {
    pub(super) fn record(&mut self, arrival: NewEvent, now: i64) -> RecordResult {
        let created = arrival.created();
        let envelope = &*arrival.envelope;
        let digest: [u8; 32] = Sha256::digest(&arrival.envelope.body).into();
        let is_same =
            |row: &EventRow| row.event_type == envelope.event_type && row.object_id == arrival.object_id;
        let known = self.events_named(&envelope.id).find(|(_, row)| is_same(row)).map(|(seq, _)| seq);
        let id_is_reused = self.events_named(&envelope.id).next().is_some();
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
            event_id: envelope.id.clone(),
            event_type: envelope.event_type.clone(),
            endpoint: arrival.endpoint.to_string(),
            account: envelope.account.clone(),
            object_id: arrival.object_id.clone(),
            created,
            api_version: envelope.api_version.clone(),
            livemode: envelope.livemode,
            received_ms: now,
            deliveries: 1,
            changed_bodies: 0,
            has_body: false,
        };
        // Without a handler, only the id is kept, so that duplicates are recognised.
        let body = (!arrival.tasks.is_empty()).then_some(envelope.body.clone());
        self.events.insert(seq, StoredArrival { row, digest, body });
        let mut started = Vec::new();
        for task in arrival.tasks {
            let at_once = task.at_once;
            let id = self.insert_task(seq, task, false, now);
            if self.may_work(now) && self.may_start(id, at_once) {
                started.extend(self.start(id, now));
            }
        }
        RecordResult::New { started, id_is_reused }
    }

    /// Whether a new task may start at once: it is alone in its lane, and unless the sender waits for its answer, no task
    /// is accused.
    pub(super) fn may_start(&self, id: i64, at_once: StartMode) -> bool {
        let is_alone = |task: &Task| match &task.lane {
            Some(lane) => self.open_in(&task.scope, lane).all(|other| other.id == id),
            None => true,
        };
        let may = match at_once {
            StartMode::No => false,
            StartMode::IfFree => !self.tasks.values().any(|task| self.must_be_alone(task)),
            StartMode::Awaited => true,
        };
        may && self.tasks.get(&id).is_some_and(is_alone)
    }

    /// Whether an accused task keeps this instance from starting others: it waits, or this instance runs it.
    fn must_be_alone(&self, task: &Task) -> bool {
        let is_elsewhere = task.state == State::Running && task.owner != self.me;
        task.is_accused() && task.state.is_open() && !is_elsewhere
    }

    pub(super) fn insert_task(&mut self, event: i64, new: NewTask, is_replay: bool, now: i64) -> i64 {
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
            is_cleared: false,
            is_replay,
            fence: 0,
            owner: 0,
            due: now,
            started: 0,
            finished: None,
            error: None,
        };
        self.tasks.insert(self.last_task, task);
        self.last_task
    }

    pub(super) fn quarantine(&mut self, body: &[u8], reason: String, now: i64) -> bool {
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
}
