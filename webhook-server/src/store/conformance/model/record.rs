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
        self.note_secret(&arrival.came_by, now);
        if let Some(seq) = known {
            return self.record_again(seq, arrival, digest, now);
        }
        self.last_event += 1;
        let seq = self.last_event;
        let row = EventRow {
            cursor: seq,
            event_id: envelope.id.clone(),
            event_type: envelope.event_type.clone(),
            endpoints: vec![endpoint_row(&arrival.came_by, now)],
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
        let (mut started, mut known_occurrences) = (Vec::new(), 0);
        for task in arrival.tasks {
            if self.take_occurrence(seq, &task) {
                started.extend(self.add_task(seq, task, now));
            } else {
                known_occurrences += 1;
            }
        }
        RecordResult::New { started, id_is_reused, known_occurrences }
    }

    /// Counts the delivery of a known event. If it comes through this endpoint for the first time, adds the tasks that are
    /// this endpoint's and that it lacks, and the body if it has none.
    fn record_again(&mut self, seq: i64, arrival: NewEvent, digest: [u8; 32], now: i64) -> RecordResult {
        let there: BTreeSet<HandlerId> = self.tasks_of(seq).map(|task| task.handler).collect();
        let is_missing = |task: &NewTask| task.is_of_endpoint && !there.contains(task.handler);
        let mut missing: Vec<NewTask> = arrival.tasks.into_iter().filter(is_missing).collect();
        let endpoint = &*arrival.came_by.endpoint;
        if self.events.get(&seq).is_some_and(|known| known.came_through(endpoint)) {
            missing.clear();
        }
        missing.retain(|task| self.take_occurrence(seq, task));
        let mut same_body = false;
        if let Some(known) = self.events.get_mut(&seq) {
            same_body = known.digest == digest;
            known.row.deliveries += 1;
            known.row.changed_bodies += u64::from(!same_body);
            if !known.came_through(endpoint) {
                known.row.endpoints.push(endpoint_row(&arrival.came_by, now));
            }
            if !missing.is_empty() && known.body.is_none() {
                known.body = Some(arrival.envelope.body.clone());
                known.digest = digest;
            }
        }
        let added = missing.len();
        let started = missing.into_iter().filter_map(|task| self.add_task(seq, task, now)).collect();
        RecordResult::Duplicate { started, added, same_body }
    }

    /// Takes a task's occurrence for an event. Returns false if another event has it.
    pub(super) fn take_occurrence(&mut self, event: i64, task: &NewTask) -> bool {
        let Some(occurrence) = &task.occurrence else { return true };
        *self.occurrences.entry((task.handler, occurrence.clone())).or_insert(event) == event
    }

    /// Adds a task to an event, and starts it if it may start at once.
    fn add_task(&mut self, event: i64, task: NewTask, now: i64) -> Option<Claim> {
        let at_once = task.at_once;
        let id = self.insert_task(event, task, false, now);
        let may_start = self.may_work(now) && self.may_start(id, at_once);
        may_start.then(|| self.start(id, now)).flatten()
    }

    /// Notes that a secret has signed something, unless that was noted within the last minute.
    fn note_secret(&mut self, came_by: &CameBy, now: i64) {
        let noted = self.secret(came_by, now);
        if noted.used.is_none_or(|used| now - used >= millis(SECRET_USE_NOTED_EVERY)) {
            *noted = SecretTimes { configured: now, used: Some(now) };
        }
    }

    /// What is known of a secret, which is configured now if nothing is known of it.
    pub(super) fn secret(&mut self, came_by: &CameBy, now: i64) -> &mut SecretTimes {
        let SecretName { label, fingerprint } = &came_by.secret;
        let key = (came_by.endpoint.to_string(), label.to_string(), fingerprint.to_string());
        self.secrets.entry(key).or_insert(SecretTimes { configured: now, used: None })
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

    pub(super) fn quarantine(&mut self, body: &[u8], reason: String, came_by: &CameBy, now: i64) -> bool {
        self.note_secret(came_by, now);
        let digest: [u8; 32] = Sha256::digest(body).into();
        if let Some(known) = self.quarantine.values_mut().find(|known| known.digest == digest) {
            known.found.row.deliveries += 1;
            return false;
        }
        self.last_quarantined += 1;
        let id = self.last_quarantined;
        let row = QuarantineRow { id, received_ms: now, deliveries: 1, reason, bytes: body.len() as u64 };
        let found = Quarantined { row, body: Body::of(body.to_vec()) };
        self.quarantine.insert(id, StoredBody { found, digest });
        true
    }
}

fn endpoint_row(came_by: &CameBy, now: i64) -> EndpointRow {
    EndpointRow {
        endpoint: came_by.endpoint.to_string(),
        secret: came_by.secret.label.to_string(),
        received_ms: now,
    }
}
