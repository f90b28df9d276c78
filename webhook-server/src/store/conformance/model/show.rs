//! What an operator reads.

use super::*;

impl Data {
    pub(super) fn event_row(event: &StoredArrival) -> EventRow {
        EventRow { has_body: event.body.is_some(), ..event.row.clone() }
    }

    pub(super) fn task_row(&self, task: &Task) -> Option<TaskRow> {
        let event = self.events.get(&task.event)?;
        Some(TaskRow {
            task: task.id,
            cursor: task.event,
            event_id: event.row.event_id.clone(),
            event_type: event.row.event_type.clone(),
            handler: task.handler.to_owned(),
            state: task.state,
            why: task.why,
            attempt: task.attempt,
            received_ms: event.row.received_ms,
            due_ms: (task.state == State::Ready).then_some(task.due),
            finished_ms: task.finished,
            started_ms: matches!(task.state, State::Running | State::Done).then_some(task.started),
            error: task.error.clone(),
        })
    }

    pub(super) fn task_rows(&self, filter: &Filter) -> Vec<TaskRow> {
        let is_of_event =
            |task: &&Task| self.events.get(&task.event).is_some_and(|event| is_meant(filter, event));
        let is_meant = |row: &TaskRow| {
            filter.handler.as_ref().is_none_or(|handler| *handler == row.handler)
                && filter.state.is_none_or(|state| state == row.state)
                && filter.why.is_none_or(|why| row.why == Some(why))
                && filter.after.is_none_or(|after| row.task < after)
                && filter.before.is_none_or(|before| row.task > before)
        };
        let rows = self.tasks.values().rev().filter(is_of_event).filter_map(|task| self.task_row(task));
        rows.filter(is_meant).take(filter.limit).collect()
    }

    pub(super) fn event_rows(&self, filter: &Filter) -> Vec<EventRow> {
        let is_meant = |event: &&StoredArrival| {
            is_meant(filter, event)
                && filter.after.is_none_or(|after| event.row.cursor < after)
                && filter.before.is_none_or(|before| event.row.cursor > before)
        };
        self.events.values().rev().filter(is_meant).map(Self::event_row).take(filter.limit).collect()
    }

    pub(super) fn events_with_id(&self, event_id: &str) -> Vec<StoredEvent> {
        self.events_named(event_id).filter_map(|(seq, _)| self.event(seq)).collect()
    }

    pub(super) fn event(&self, seq: i64) -> Option<StoredEvent> {
        let event = self.events.get(&seq)?;
        let is_of_event = |row: &&AttemptRow| self.tasks_of(seq).any(|task| task.id == row.task);
        Some(StoredEvent {
            event: Self::event_row(event),
            tasks: self.tasks_of(seq).filter_map(|task| self.task_row(task)).collect(),
            attempts: self.attempts.iter().filter(is_of_event).cloned().collect(),
            body: event.body.as_ref().and_then(|body| String::from_utf8(body.to_vec()).ok()),
        })
    }

    pub(super) fn quarantined(&self, limit: usize) -> Vec<QuarantineRow> {
        self.quarantine.values().rev().take(limit).map(|kept| kept.found.row.clone()).collect()
    }

    pub(super) fn stats(&self, now: i64) -> Stats {
        let handled: BTreeSet<i64> = self.tasks.values().map(|task| task.event).collect();
        let oldest_due = self.tasks.values().filter(|task| task.is_due(now)).map(|task| task.due).min();
        let mut handlers: Vec<HandlerStats> = Vec::new();
        for Task { handler, state, why, .. } in self.tasks.values() {
            let known = handlers
                .iter_mut()
                .find(|group| (&*group.handler, group.state, group.why) == (*handler, *state, *why));
            match known {
                Some(group) => group.tasks += 1,
                None => {
                    let handler = (*handler).to_owned();
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
            is_estimated: false,
            events: self.events.len() as u64,
            unhandled: self.events.keys().filter(|seq| !handled.contains(seq)).count() as u64,
            duplicates: self.events.values().map(|event| event.row.deliveries - 1).sum(),
            changed_bodies: self.events.values().map(|event| event.row.changed_bodies).sum(),
            quarantined: self.quarantine.len() as u64,
            oldest_due_ms: oldest_due.map(|due| now.saturating_sub(due)),
            handlers,
            secrets: self.secrets.iter().map(secret_row).collect(),
        }
    }
}

fn secret_row((of, times): (&(String, String, String), &SecretTimes)) -> SecretRow {
    let (endpoint, secret, fingerprint) = of.clone();
    let SecretTimes { configured, used } = *times;
    SecretRow { endpoint, secret, fingerprint, last_configured_ms: configured, last_used_ms: used }
}

/// Whether an event, or its tasks, match a filter, as far as the event tells.
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

/// Whether a type matches a filter.
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
