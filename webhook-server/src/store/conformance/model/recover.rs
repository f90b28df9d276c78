//! Taking over what another instance left.

use super::*;

impl Data {
    /// Adds an instance. Returns its number.
    pub(super) fn join(&mut self, handlers: Arc<[HandlerId]>, until: Option<i64>) -> i64 {
        self.last_instance += 1;
        self.instances.insert(self.last_instance, Instance { handlers, until });
        self.last_instance
    }

    pub(super) fn heartbeat(&mut self, until: Option<i64>, now: i64) -> Heartbeat {
        let Some(me) = self.instances.get_mut(&self.me) else { return Heartbeat::Lost };
        me.until = until;
        Heartbeat::Renewed(self.take_over(now))
    }

    pub(super) fn leave(&mut self, now: i64) {
        let is_mine = |task: &&Task| task.state == State::Running && task.owner == self.me;
        let mine = self.tasks.values().filter(is_mine);
        let mine: Vec<Ticket> = mine.map(|task| Ticket { task: task.id, fence: task.fence }).collect();
        for ticket in mine {
            self.end_run(ticket, Disposition::Released, now);
        }
        self.instances.remove(&self.me);
    }

    /// Whether this instance may start anything: it has joined, and its lease has not ended.
    pub(super) fn may_work(&self, now: i64) -> bool {
        self.instances.get(&self.me).is_some_and(|me| me.until.is_none_or(|until| now < until))
    }

    /// Takes over what instances that are gone left.
    pub(super) fn take_over(&mut self, now: i64) -> Recovered {
        self.instances.retain(|_, instance| instance.until.is_none_or(|until| now < until));
        let mut recovered = Recovered::default();
        let is_orphan =
            |task: &&Task| task.state == State::Running && !self.instances.contains_key(&task.owner);
        let orphans: Vec<i64> = self.tasks.values().filter(is_orphan).map(|task| task.id).collect();
        let owners: Vec<i64> = orphans.iter().filter_map(|id| Some(self.tasks.get(id)?.owner)).collect();
        for id in orphans {
            let Some(task) = self.tasks.get_mut(&id) else { continue };
            let crashed = task.attempt_row(AttemptOutcome::Crashed, None, now);
            let counts = !task.is_cleared;
            task.crashes += u32::from(counts);
            (task.is_suspect, task.is_cleared) = (true, false);
            // If its instance ran another task as well, that one may have ended the process.
            let was_alone = owners.iter().filter(|owner| **owner == task.owner).count() == 1;
            if task.crashes >= MAX_CRASHES && counts && was_alone {
                let error = POISON.to_owned();
                task.close(State::Parked, Some(ParkReason::Poison), Some(error), now);
                recovered.poisoned += 1;
                self.promote(id, now);
            } else {
                task.become_ready(now);
                recovered.suspects += 1;
            }
            self.keep_attempts([crashed]);
        }
        // No retry waits longer than this: a clock that was wrong has put these off.
        let latest = now.saturating_add(millis(Retry::LONGEST));
        for task in self.tasks.values_mut().filter(|task| task.state == State::Ready && task.due > latest) {
            task.due = now;
        }
        let with_body: BTreeSet<i64> =
            self.events.iter().filter(|(_, event)| event.body.is_some()).map(|(seq, _)| *seq).collect();
        // By lane: in each, one task goes on that was blocked by those that are parked now.
        let mut left = BTreeMap::new();
        for task in self.tasks.values_mut() {
            let is_known = self.instances.values().any(|instance| instance.handlers.contains(&task.handler));
            // What runs goes on: its instance knows its handler.
            if task.state.is_open() && task.state != State::Running && !is_known {
                task.close(State::Parked, Some(ParkReason::NoHandler), None, now);
                left.extend(task.lane.as_ref().map(|lane| ((task.scope.clone(), lane.key.clone()), task.id)));
                recovered.without_handler += 1;
            } else if task.why == Some(ParkReason::NoHandler) && is_known && with_body.contains(&task.event) {
                task.become_ready(now);
                recovered.resumed += 1;
            }
        }
        for task in left.into_values() {
            self.promote(task, now);
        }
        recovered
    }
}
