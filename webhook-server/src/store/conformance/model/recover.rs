//! Taking over what another instance left.

use super::*;

impl Data {
    pub(super) fn begin(&mut self, handlers: &[String], now: i64) -> Recovered {
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
}
