//! Choosing what runs next.

use super::*;

impl Data {
    pub(super) fn claim(&mut self, capacity: &Capacity, now: i64) -> ClaimResult {
        let claims = if self.may_work(now) { self.claims(capacity, now) } else { Vec::new() };
        let waiting = self.tasks.values().filter(|task| task.state == State::Ready && task.due > now);
        let next_claim =
            waiting.map(|task| task.due).min().map(|due| Duration::from_millis(due.abs_diff(now)));
        ClaimResult { claims, next_claim }
    }

    pub(super) fn claims(&mut self, capacity: &Capacity, now: i64) -> Vec<Claim> {
        let mut claims: Vec<Claim> = Vec::new();
        let mut own =
            self.tasks.values().filter(|task| task.state == State::Running && task.owner == self.me);
        let suspect = match own.find(|task| task.is_suspect) {
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
                // Suspects start in a turn of their own.
            } else if has_room(&claims, task.handler) {
                let id = task.id;
                claims.extend(self.start(id, now));
            } else if task.state == State::Blocked {
                // Its handler, another one of the group, has no capacity left: it is claimed later.
                task.become_ready(now);
            }
        }
        claims
    }

    /// The suspect that starts next, if one can, and whether it is accused: the one with most crashes, and the oldest of
    /// these. It does not wait for its turn in its lane, since it has started before.
    pub(super) fn next_suspect(&self, capacity: &Capacity) -> Option<(i64, bool)> {
        let is_free = |task: &Task| match &task.lane {
            Some(lane) => self.open_in(&task.scope, lane).all(|other| other.state != State::Running),
            None => true,
        };
        let can_start = |task: &&Task| {
            task.is_suspect
                && matches!(task.state, State::Ready | State::Blocked)
                && capacity.slots > 0
                && capacity.of(task.handler) > 0
                && is_free(task)
        };
        let suspects = self.tasks.values().filter(can_start);
        let next = suspects.min_by_key(|task| (std::cmp::Reverse(task.crashes), task.id))?;
        Some((next.id, next.is_accused()))
    }

    pub(super) fn first_due(&self, now: i64, has_room: impl Fn(&str) -> bool) -> Option<Task> {
        let is_first = |task: &&Task| task.is_due(now) && !task.is_suspect && has_room(task.handler);
        let due = self.tasks.values().filter(is_first);
        due.min_by_key(|task| (task.due, task.id)).cloned()
    }

    /// The task whose turn it is in the lane of a due task; `None` if none may run now.
    pub(super) fn whose_turn(&self, candidate: &Task, now: i64) -> Option<i64> {
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

    /// Starts a task. The attempt is counted before the run, so that a crash is counted.
    pub(super) fn start(&mut self, id: i64, now: i64) -> Option<Claim> {
        let is_stale = self.is_stale(self.tasks.get(&id)?);
        let task = self.tasks.get_mut(&id)?;
        let event = self.events.get(&task.event)?;
        task.state = State::Running;
        task.owner = self.me;
        task.fence += 1;
        task.attempt = task.attempt.saturating_add(1);
        task.started = now;
        Some(Claim {
            ticket: Ticket { task: id, fence: task.fence },
            handler: task.handler,
            endpoint: event
                .row
                .endpoints
                .first()
                .map(|first| first.endpoint.as_str())
                .unwrap_or_default()
                .into(),
            attempt: task.attempt,
            is_replay: task.is_replay,
            is_stale,
            overdue: Duration::from_millis(u64::try_from(now - task.due).unwrap_or(0)),
            body: event.body.clone().unwrap_or_default(),
        })
    }

    /// Whether a newer event of the same object is already done in the task's scope.
    pub(super) fn is_stale(&self, task: &Task) -> bool {
        let is_newer = |done: &Task| {
            done.state == State::Done
                && done.scope == task.scope
                && done.object == task.object
                && done.moment > task.moment
        };
        task.object.is_some() && task.moment != 0 && self.tasks.values().any(is_newer)
    }
}
